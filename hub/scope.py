"""What an actor may see, as conditions of a query and the values they need.

An order has its brand and shop. Whatever has no order is seen by the connection it came from; which of those are an
actor's is said by the caller, who knows the settings.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from hub.errors import NotFound, Unauthorised
from hub.roles import Actor
from hub.settings import Connection

ORDER_SEEN: Final = "(:every_brand or o.brand = any(:brands)) and (:every_shop or o.shop = any(:shops))"
"""Of sales_order o."""

STEP_SEEN: Final = f"""((:every_brand and :every_shop) or exists (
    select 1 from sales_order o where o.id = s.order_id and {ORDER_SEEN})
    or s.order_id is null and s.connection = any(:connections))"""
"""Of step s, live or finished: by its order, or by its connection when it is for none."""

INBOX_SEEN: Final = f"""((:every_brand and :every_shop) or m.connection = any(:connections) or exists (
    select 1 from sales_order o where o.id = m.order_id and {ORDER_SEEN}))"""
"""Of inbox m: by the connection that brought it, or by the order it became."""

CASE_SEEN: Final = """(:every_brand or c.brand = any(:brands)) and (:every_shop or c.subject = any(:about)
    or exists (select 1 from sales_order o where o.id = c.order_id and o.shop = any(:shops))
    or exists (select 1 from inbox_key k where k.inbox_id = cast(c.detail ->> 'inbox' as bigint)
               and k.connection = any(:connections)))"""
"""Of case_file c: by its brand; within that by its order's shop, or the connection that it is of."""


def scope(actor: Actor, connections: Collection[str] = ()) -> dict[str, Any]:
    """Give the values of the conditions above; `connections` matter only for an actor who may not see everything."""
    return {
        "every_brand": not actor.brands,
        "brands": sorted(actor.brands),
        "every_shop": not actor.shops,
        "shops": sorted(actor.shops),
        "connections": sorted(connections),
        "about": sorted(f"connection:{name}" for name in connections),
    }


def reach(actor: Actor, configured: Mapping[str, Connection]) -> Mapping[str, Connection]:
    """Give the connections that an actor may work on."""
    return {name: one for name, one in sorted(configured.items()) if _is_of(actor, one)}


def check_names(configured: Mapping[str, Connection], brand: str, shop: str = "") -> None:
    """Make sure that a connection is of a brand, and one of its shop where one is named.

    Raises: NotFound.
    """
    shops = {one.shop for one in configured.values() if one.brand == brand}
    if not shops:
        text = f"no connection is of a brand {brand}"
        raise NotFound(text, code="unknown_brand", field="brand", zh=f"没有连接属于品牌 {brand}")
    if shop and shop not in shops:
        text = f"{brand} has no shop {shop}"
        raise NotFound(text, code="unknown_shop", field="shop", zh=f"品牌 {brand} 没有店铺 {shop}")


def _is_of(actor: Actor, one: Connection) -> bool:
    try:
        actor.require_scope(one.brand, one.shop)
    except Unauthorised:
        return False
    return True
