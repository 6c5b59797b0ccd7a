"""orders of which nothing is left count for no buyer of a flash sale, those that were closed unpaid among them"""

from alembic import op

revision = "0075"
down_revision = "0074"


def upgrade() -> None:
    op.execute(
        """delete from hot_buyer buyer
           where exists (
               select 1 from (
                   select o.id as order_id from sales_order o where o.id = buyer.reservation_id
                   union all
                   select r.order_id from reservation r
                   where r.id = buyer.reservation_id and r.order_id is not null and r.state <> 'held') mine
               where not exists (
                   select 1 from order_line line
                   where line.order_id = mine.order_id and line.sku = buyer.sku and not line.gift
                     and line.ordered > line.cancelled))"""
    )
