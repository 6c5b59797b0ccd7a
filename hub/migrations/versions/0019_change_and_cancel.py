"""orders that change: carts that wait for their order"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0015"


def upgrade() -> None:
    waiting = sa.text("state = 'held' and order_id is not null")
    op.create_index("ix_reservation_bound", "reservation", ["order_id"], postgresql_where=waiting)
