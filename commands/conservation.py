"""What must hold when all is done: the database and the partners' own books agree to the last piece."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy.orm import Session

from hub import audit
from hub.database import row, rows
from hub.inventory.ledger import drift

RULES: Final = {
    "reductions add up": """
        select o.id::text as what from sales_order o
        where o.discount <> coalesce((select sum(amount) from price_adjustment where order_id = o.id), 0)
           or o.discount <> (select sum(discount) from order_line where order_id = o.id and kind <> 'component')""",
    "every reduction is shared exactly": """
        select order_id || '/' || no as what from price_adjustment group by order_id, no
        having sum(amount) <> max(source_amount)""",
    "goods are the sum of lines": """
        select o.id::text as what from sales_order o
        where o.goods <> (select sum(amount) from order_line where order_id = o.id and kind <> 'component')""",
    "ordered = shipped + open + cancelled": """
        select l.order_id || '/' || l.line_no as what from order_line l join sales_order o on o.id = l.order_id
        where l.kind <> 'bundle' and l.ordered <> l.shipped + l.cancelled + case
            when o.lifecycle in ('completed', 'cancelled') then 0
            when exists (select 1 from order_hold h where h.order_id = o.id and h.released_at is null)
                then l.ordered - l.shipped - l.cancelled
            else l.allocated end""",
    "order lines agree with fulfilment lines": """
        select l.order_id || '/' || l.line_no as what from order_line l left join (
            select order_id, line_no, sum(shipped) as shipped, sum(quantity - shipped - released) as open
            from fulfilment_line group by 1, 2) f using (order_id, line_no)
        where l.shipped <> coalesce(f.shipped, 0) or l.allocated <> coalesce(f.open, 0)""",
    "fulfilment lines agree with parcels": """
        select f.order_id || '-' || f.no as what from (
            select order_id, no, sum(shipped) as shipped from fulfilment_line group by 1, 2) f left join (
            select s.order_id, s.fulfilment_no as no, sum(p.quantity) as held
            from shipment s join parcel_line p on (p.order_id, p.shipment_no) = (s.order_id, s.no) group by 1, 2) h
            using (order_id, no)
        where f.shipped <> coalesce(h.held, 0)""",
    "stock promised is what fulfilment orders hold": """
        select coalesce(s.location, h.location) || '/' || coalesce(s.sku, h.sku) as what from (
            select location, sku, sum(allocated) as held from stock_level group by 1, 2) s full join (
            select f.location, l.sku, sum(l.quantity - l.shipped - l.released) as held
            from fulfilment_line l join fulfilment_order f using (order_id, no) group by 1, 2) h
            using (location, sku)
        where coalesce(s.held, 0) <> coalesce(h.held, 0)""",
    "one order a key": """
        select shop || '/' || external_id as what from sales_order group by shop, external_id having count(*) > 1""",
    "every key has its order": """
        select k.order_id::text as what from order_key k left join sales_order o on o.id = k.order_id
        where o.id is null""",
    "every message became something": """
        select id::text as what from inbox where kind = 'order' and state = 'done' and order_id is null""",
}
"""Each query gives what breaks its rule."""

IN_FLIGHT: Final = {
    "inbox": "select count(*) as n from inbox where state = 'received'",
    "steps": "select count(*) as n from step where state not in ('done', 'cancelled')",
    "orders": """select count(*) as n from sales_order o where lifecycle in ('received', 'accepted', 'in_fulfilment')
                 and not exists (select 1 from order_hold h where h.order_id = o.id and h.released_at is null)""",
}


@dataclass
class Verdict:
    """What was found: broken rules with examples, and what was counted."""

    broken: list[str] = field(default_factory=list[str])
    lost: int = 0
    duplicated: int = 0
    shipped: int = 0
    cases: int = 0

    def expect(self, rule: str, offenders: Sequence[object]) -> int:
        """Note a rule with what breaks it; give how many."""
        if offenders:
            self.broken.append(f"{rule}: {len(offenders)}, e.g. {', '.join(map(str, offenders[:3]))}")
        return len(offenders)


def in_flight(session: Session) -> dict[str, int]:
    """Count what is still on its way by itself; an order on hold waits for a person and is not."""
    found = {name: row(session, query) for name, query in IN_FLIGHT.items()}
    return {name: one.n if one else 0 for name, one in found.items()}


def verify(
    session: Session, accepted: Mapping[tuple[str, str], str], wms: Mapping[str, Any], told: Mapping[str, Any]
) -> Verdict:
    """Check every rule against the database and the partners' books.

    `accepted` holds (shop, number) and connection of what the storefronts were told is accepted; `wms` and `told` are
    the books of the sandbox's warehouses and storefronts.
    """
    verdict = Verdict()
    for rule, query in RULES.items():
        verdict.expect(rule, [one.what for one in rows(session, query)])
    verdict.expect("ledger = counters", drift(session))
    verdict.expect("nothing in flight", [f"{n} {name}" for name, n in in_flight(session).items() if n])
    verdict.expect("the audit chain is whole", [at for at in [audit.first_break(session)] if at is not None])
    there = {(one.shop, one.external_id) for one in rows(session, "select shop, external_id from sales_order")}
    verdict.lost += verdict.expect("every accepted payload has its order", sorted(set(accepted) - there))
    verdict.duplicated += verdict.expect("no order without a payload", sorted(there - set(accepted)))
    _compare_warehouses(session, wms, verdict)
    _compare_storefronts(session, told, verdict)
    shipped = row(session, "select count(*) as n from sales_order where fulfilment = 'shipped'")
    cases = row(session, "select count(*) as n from case_file")
    verdict.shipped, verdict.cases = (shipped.n if shipped else 0), (cases.n if cases else 0)
    return verdict


def _compare_warehouses(session: Session, wms: Mapping[str, Any], verdict: Verdict) -> None:
    """One document for each fulfilment order that was submitted, and what it shipped is what we booked."""
    ours = {
        (one.connection, one.code): int(one.shipped)
        for one in rows(
            session,
            """select f.connection, f.code, sum(l.shipped) as shipped
               from fulfilment_order f join fulfilment_line l using (order_id, no)
               where f.negotiation <> 'cancel_accepted' or f.partner_id <> '' group by 1, 2""",
        )
    }
    theirs: dict[tuple[str, str], int] = {}
    for connection, documents in wms["documents"].items():
        for code, document in documents.items():
            theirs[connection, code] = sum(
                quantity
                for push in document["pushes"]
                if push["method"] == "deliveryorder.confirm"
                for quantity in push["quantities"].values()
            )
            if document["documents"] != 1:
                verdict.duplicated += verdict.expect("one document an attempt", [code])
    verdict.lost += verdict.expect("every fulfilment order has its document", sorted(ours.keys() - theirs.keys()))
    verdict.duplicated += verdict.expect("no document without a fulfilment order", sorted(theirs.keys() - ours.keys()))
    differing = [code for code in ours.keys() & theirs.keys() if ours[code] != theirs[code]]
    verdict.expect("pieces shipped agree with the warehouses' books", sorted(differing))


def _compare_storefronts(session: Session, told: Mapping[str, Any], verdict: Verdict) -> None:
    """Each shipment is told once, to the channel its order came from."""
    ours = Counter(
        (one.channel, f"shipment:{one.order_id}-{one.no}")
        for one in rows(
            session,
            """select o.channel, s.order_id, s.no from shipment s join sales_order o on o.id = s.order_id
               where exists (select 1 from parcel p where (p.order_id, p.shipment_no) = (s.order_id, s.no))""",
        )
    )
    theirs = {(channel, key): event for channel, events in told.items() for key, event in events.items()}
    verdict.lost += verdict.expect("every shipment was told", sorted(ours.keys() - theirs.keys()))
    verdict.duplicated += verdict.expect("nothing else was told", sorted(theirs.keys() - ours.keys()))
    twice = sorted(key for key, event in theirs.items() if event["effects"] != 1)
    verdict.duplicated += verdict.expect("each was told once", twice)
