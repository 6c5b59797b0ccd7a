"""orders are found by the lots they got"""

from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    op.create_index(op.f("ix_shipped_lot_lot"), "shipped_lot", ["lot", "sku", "order_id"])
