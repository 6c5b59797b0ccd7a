"""how much of an order was paid as its deposit, and by when the rest is to be"""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0058"


def upgrade() -> None:
    op.add_column("sales_order", sa.Column("deposit", sa.BigInteger(), nullable=True))
    op.add_column("sales_order", sa.Column("balance_due_at", sa.DateTime(timezone=True), nullable=True))
