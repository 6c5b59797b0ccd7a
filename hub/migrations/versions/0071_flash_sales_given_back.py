"""what orders cancel of a flash sale counts no more for their buyers"""

import sqlalchemy as sa
from alembic import op

revision = "0071"
down_revision = "0070"


def upgrade() -> None:
    op.drop_index("ix_reservation_bound", table_name="reservation")
    taken = sa.text("order_id is not null")
    op.create_index("ix_reservation_order", "reservation", ["order_id"], postgresql_where=taken)
    # Of carts that are forgotten nobody can say which order took them: what they held stays counted.
    op.execute(
        """delete from hot_buyer buyer using reservation r, sales_order o
           where r.id = buyer.reservation_id and o.id = r.order_id and r.state = 'taken' and o.lifecycle = 'cancelled'"""
    )
    op.execute(
        """delete from hot_buyer buyer using sales_order o
           where o.id = buyer.reservation_id and o.lifecycle = 'cancelled'"""
    )
