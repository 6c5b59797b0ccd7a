"""the reasons of movements that were there before goods could come back"""

from alembic import op

revision = "0058"
down_revision = "0057"


def upgrade() -> None:
    op.execute("alter table stock_movement validate constraint ck_stock_movement_reason_known")
