"""sums of the movements that the daily check has verified"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"

KEY = ("month", "location", "sku", "owner", "condition")


def upgrade() -> None:
    op.create_table(
        "stock_verified",
        sa.Column("month", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in KEY[1:]),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("on_hand", "allocated", "soft")),
        sa.PrimaryKeyConstraint(*KEY, name=op.f("pk_stock_verified")),
    )
    op.create_table(
        "stock_verification",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_stock_verification")),
    )
