"""what kind of place a location is, and whether goods under bond lie there"""

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"


def upgrade() -> None:
    op.add_column("location", sa.Column("kind", sa.Text(), nullable=False, server_default="warehouse"))
    op.add_column("location", sa.Column("bonded", sa.Boolean(), nullable=False, server_default="false"))
    op.create_check_constraint(
        op.f("ck_location_kind_known"), "location", "kind in ('warehouse', 'store', 'third_party', 'supplier')"
    )
