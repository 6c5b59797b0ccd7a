"""The holds that wait for somebody: counted by type and rule, and listed a page at a time, the oldest order first."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy.orm import Session

from hub.database import records, row, rows
from hub.document import Document
from hub.errors import Malformed, NotFound
from hub.order.holds.repair import tally_orders
from hub.repair import Tally
from hub.review.verdict import HoldType, Scope, scope_of_hold
from hub.roles import Actor
from hub.scope import ORDER_SEEN, scope

LOOKED: Final = 2_000
"""How many live holds of each type one page is looked for in when something sifts them."""

CAP: Final = 10_000
"""From here on a count of holds is "10,000+"."""

NAMED: Final = """
    (select l.sku from order_line l where (l.order_id, l.line_no) = (h.order_id, h.line_no)) as sku,
    (select f.location from fulfilment_order f where (f.order_id, f.no) = (h.order_id, h.fulfilment_no)) as location"""
"""What is known of the line or the fulfilment order that a hold `h` is of."""

COLUMNS: Final = f"""cast(h.order_id as text) as order_id, h.no, o.external_id, o.brand, o.shop, o.lifecycle,
    o.currency, o.total, h.type, h.rule, h.rule_version, h.blocks, h.evidence, h.created_at, h.expires_at, h.resolver,
    h.released_at, h.released_by, h.reason, h.line_no, h.fulfilment_no, {NAMED},
    array(select also.type from order_hold also where also.order_id = h.order_id and also.no <> h.no
          and also.released_at is null order by also.no) as others"""
OF_ORDER: Final = "join lateral (select * from sales_order own where own.id = h.order_id limit 1) o on true"
"""Without the limit a planner may rather read all orders than look up those that are held."""

SIEVE: Final = f"""(:brand = '' or o.brand = :brand) and (:shop = '' or o.shop = :shop)
    and (:rule = '' or h.rule = :rule)
    and (:scope = '' or :scope = case when h.line_no is not null then '{Scope.LINE}'
                                      when h.fulfilment_no is not null then '{Scope.FULFILMENT}'
                                      else '{Scope.ORDER}' end)
    and (cast(:before as timestamptz) is null or h.created_at < :before) and {ORDER_SEEN}"""


OF_TYPE: Final = """(select * from order_hold own
    where own.type = '{type}' and own.released_at is null
      and own.order_id >= :order and (own.order_id, own.no) > (:order, :no)
    order by own.order_id, own.no limit :looked)"""
"""Live holds of a type after a place in the list. The type stands in the statement, so that the planner knows how rare
it is and takes the type's part of the index; else a type that nobody has is looked for in all holds."""

PLACE: Final = re.compile(r"(\d{1,16})-(\d{1,6})", re.ASCII)


class HoldView(Document):
    """One reason why an order waits; `others` are the types of what else holds the order. `order_id` is text.

    All of the order waits, or the line (of that `sku`) or the fulfilment order (at that `location`) that is named.
    `resolver` is the role that alone may let it go, empty for anybody who works on orders.
    """

    order_id: str
    no: int
    external_id: str
    brand: str
    shop: str
    lifecycle: str
    currency: str
    total: int
    type: str
    rule: str
    rule_version: str
    blocks: tuple[str, ...]
    evidence: dict[str, Any]
    created_at: datetime
    expires_at: datetime | None
    resolver: str
    released_at: datetime | None
    released_by: str
    reason: str
    line_no: int | None
    fulfilment_no: int | None
    sku: str | None
    location: str | None
    others: tuple[str, ...]

    @property
    def scope(self) -> Scope:
        """Say how much of the order waits."""
        return scope_of_hold(self.line_no, self.fulfilment_no)

    @property
    def key(self) -> str:
        """Its place in the list, which is the cursor of what follows it."""
        return f"{self.order_id}-{self.no}"


class Wanted(Document):
    """Which live holds to list; what is empty does not matter."""

    type: str = ""
    rule: str = ""
    scope: Scope | Literal[""] = ""
    brand: str = ""
    shop: str = ""
    before: datetime | None = None


class HoldPage(Document):
    """Holds in the order of their orders, the oldest first; `next` is the cursor of the following page.

    `looked_at` says how many were looked at when a page stays short although more may follow.
    """

    holds: tuple[HoldView, ...]
    next: str
    looked_at: int | None = None


class HoldGroup(Document):
    """The live holds of one type made by one rule; `at_least` says that there may be more."""

    type: str
    rule: str
    count: int
    oldest_at: datetime
    at_least: bool


class HoldTally(Tally):
    """What releasing many orders would meet: `lifted` counts the holds of `eligible` orders by type."""

    lifted: Mapping[str, int]


def hold_groups(session: Session, actor: Actor, wanted: Wanted) -> list[HoldGroup]:
    """Count the live holds by type and rule, whatever type and rule are asked for; the type with the oldest first."""
    asked = wanted.model_copy(update={"type": "", "rule": ""})
    source = f"live h {OF_ORDER} where {SIEVE}" if _sifts(actor, asked) else "live h"
    found = records(
        session,
        f"""with live as materialized ({_stretch("")}),
                 full_up as (select type from live group by type having count(*) >= :looked)
            select h.type, h.rule, count(*) as count, min(h.created_at) as oldest_at,
                   h.type in (select type from full_up) as at_least
            from {source} group by h.type, h.rule""",
        **_values(actor, asked, CAP),
    )
    groups = [HoldGroup.model_validate(one) for one in found]
    oldest = {one.type: one.oldest_at for one in sorted(groups, key=lambda one: one.oldest_at, reverse=True)}
    return sorted(groups, key=lambda one: (oldest[one.type], one.type, one.oldest_at, one.rule))


def list_holds(session: Session, actor: Actor, wanted: Wanted, *, after: str = "", limit: int) -> HoldPage:
    """Give a page of live holds; `after` is the key of the last hold of the page before.

    Raises: Malformed for what is no place in the list.
    """
    looked = LOOKED if _sifts(actor, wanted) else limit + 1
    values, live = _values(actor, wanted, looked, after), _live(wanted)
    met = records(
        session,
        f"""{live} select {COLUMNS} from live h {OF_ORDER} where {SIEVE}
            order by h.order_id, h.no limit {limit + 1}""",
        **values,
    )
    page = tuple(HoldView.model_validate(one) for one in met[:limit])
    if len(met) > limit:
        return HoldPage(holds=page, next=page[-1].key)
    edge = row(session, f"{live} select order_id, no from live order by 1, 2 offset {looked - 1}", **values)
    return HoldPage(holds=page, next=f"{edge.order_id}-{edge.no}" if edge else "", looked_at=looked if edge else None)


def get_hold(session: Session, actor: Actor, order_id: int, no: int) -> HoldView:
    """Give one hold, live or released.

    Raises: NotFound, also for an order of another brand or shop.
    """
    found = records(
        session,
        f"""select {COLUMNS} from order_hold h {OF_ORDER}
            where (h.order_id, h.no) = (:order, :no) and {ORDER_SEEN}""",
        order=order_id,
        no=no,
        **scope(actor),
    )
    if not found:
        raise NotFound(f"order {order_id} has no hold {no}", code="unknown_hold")
    return HoldView.model_validate(found[0])


def orders_held(session: Session, actor: Actor, wanted: Wanted, limit: int) -> Sequence[int]:
    """Give the orders of the live holds that match, the oldest first."""
    found = rows(
        session,
        f"""{_live(wanted)} select distinct h.order_id from live h {OF_ORDER} where {SIEVE} order by 1 limit {limit}""",
        **_values(actor, wanted, CAP),
    )
    return [one.order_id for one in found]


def tally_holds(session: Session, actor: Actor, order_ids: Collection[int]) -> HoldTally:
    """Say what releasing the holds of these orders would meet; it lifts all holds of an order."""
    tally = tally_orders(session, actor, order_ids)
    found = rows(
        session,
        """select order_id, array_agg(type order by no) as types from order_hold
           where order_id = any(:ids) and released_at is null group by 1 order by 1""",
        ids=list(tally.eligible),
    )
    lifted = Counter(kind for one in found for kind in one.types)
    return HoldTally(
        eligible=tuple(one.order_id for one in found),
        wrong_state=tally.wrong_state,
        done=tally.done + len(tally.eligible) - len(found),
        lifted=dict(sorted(lifted.items())),
    )


def _stretch(kind: str) -> str:
    """Take live holds of a type, or of every type, a bounded number of each; none for what is no type."""
    wanted = [OF_TYPE.format(type=one.value) for one in HoldType if kind in {"", one}]
    return " union all ".join([*wanted, "(select * from order_hold where false)"])


def _live(wanted: Wanted) -> str:
    return f"with live as materialized ({_stretch(wanted.type)} order by order_id, no limit :looked)"


def _sifts(actor: Actor, wanted: Wanted) -> bool:
    """Say whether anything but its type keeps a live hold out of the list."""
    narrowed = (wanted.rule, wanted.scope, wanted.brand, wanted.shop, wanted.before)
    return bool(actor.brands or actor.shops or any(narrowed))


def _values(actor: Actor, wanted: Wanted, looked: int, after: str = "") -> dict[str, Any]:
    place = PLACE.fullmatch(after or "0-0")
    if place is None:
        raise Malformed("this is no place in a list", code="cursor", field="cursor")
    return {
        **wanted.model_dump(exclude={"type", "scope"}),
        "scope": str(wanted.scope),  # psycopg writes the name of an enumeration's member, not its value
        **scope(actor),
        "looked": looked,
        "order": int(place[1]),
        "no": int(place[2]),
    }
