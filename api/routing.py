"""How orders were sourced, for programs of operations: costs and free pieces are no shop's business."""

from fastapi import APIRouter

from api.auth import Operator
from api.surroundings import TheHub
from hub.order.trace.explain import Routing, routing_of
from hub.roles import Permission

router = APIRouter(prefix="/v1/orders", tags=["orders · 订单"])


@router.get("/{order_no}/routing", summary="寻源说明 · Explain an order's sourcing")
def explain(hub: TheHub, caller: Operator, order_no: str) -> Routing:
    """Give every decision with all its candidates, their costs, and what would have had to be otherwise for each.

    `order_no` is the hub's number or a shop's own.
    """
    caller.require(Permission.SEE_ORDERS)
    caller.require(Permission.SEE_FIGURES)
    with hub.database.transaction() as session:
        return routing_of(session, order_no, caller)
