"""changes of stock are found by their location and when they came, without the counts between them"""

import sqlalchemy as sa
from alembic import op

revision = "0080"
down_revision = "0079"


def upgrade() -> None:
    taken = sa.text("kind = 'change' and verdict = 'taken'")
    op.create_index("ix_stock_count_changed", "stock_count", ["location", "received_at"], postgresql_where=taken)
