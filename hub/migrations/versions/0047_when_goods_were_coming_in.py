"""when a partner last said how much of a counter was on its way"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    op.add_column("stock_level", sa.Column("incoming_at", sa.DateTime(timezone=True)))
