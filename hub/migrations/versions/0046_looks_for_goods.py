"""when goods that orders wait for were last looked for in vain"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    op.add_column("order_hold", sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("order_hold", sa.Column("looked", sa.Text(), nullable=True))
