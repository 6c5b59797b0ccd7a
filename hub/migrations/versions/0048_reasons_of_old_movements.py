"""the reasons of movements that were there before lots could be blocked"""

from alembic import op

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    op.execute("alter table stock_movement validate constraint ck_stock_movement_reason_known")
