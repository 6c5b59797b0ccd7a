"""by which error a call to stop a parcel was given up: a code, for its text is the hub's own"""

import sqlalchemy as sa
from alembic import op

revision = "0077"
down_revision = "0076"


def upgrade() -> None:
    op.add_column("parcel_intercept", sa.Column("code", sa.Text(), nullable=False, server_default=""))
    op.alter_column("parcel_intercept", "code", server_default=None)
