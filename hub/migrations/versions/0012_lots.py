"""lots of counters, with their expiry"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "stock_lot",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("location", "sku", "owner", "condition", "lot")),
        *(sa.Column(name, sa.Date(), nullable=True) for name in ("produced_on", "expires_on")),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("condition in ('saleable', 'damaged')", name=op.f("ck_stock_lot_condition_known")),
        sa.CheckConstraint("on_hand >= 0", name=op.f("ck_stock_lot_counters")),
        sa.ForeignKeyConstraint(["location"], ["location.code"], name=op.f("fk_stock_lot_location")),
        sa.ForeignKeyConstraint(["sku"], ["sku.code"], name=op.f("fk_stock_lot_sku")),
        sa.PrimaryKeyConstraint("location", "sku", "owner", "condition", "lot", name=op.f("pk_stock_lot")),
    )
    op.create_index(
        "ix_stock_lot_expiry",
        "stock_lot",
        ["sku", "expires_on"],
        postgresql_where=sa.text("expires_on is not null"),
    )
