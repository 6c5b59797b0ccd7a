"""What an order's freight comes to: shipping reductions, and what is more than its goods cost, are taken off that."""

from typing import Final

from hub.order.rules.normalise import OF_FREIGHT

FREIGHT: Final = f"""
    (o.freight - coalesce((select sum(off.amount) from price_adjustment off
                           where off.order_id = o.id and off.line_no = {OF_FREIGHT}), 0))::bigint"""
"""The freight of an order `o` after reductions, in minor units: what goes back and what the ERP books."""
