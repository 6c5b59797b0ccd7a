"""What our partners' own books say when all is done, compared with ours to the last piece."""

import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from sqlalchemy.orm import Session

from commands.conservation import Verdict
from hub.database import rows
from sandbox.sap_books import Books

OUR_CODE: Final = re.compile(r"[0-9]{16}-[0-9]+")
FEN: Final = 100
"""Of a yuan."""


def compare_warehouses(session: Session, wms: Mapping[str, Any], verdict: Verdict) -> None:
    """One document for each fulfilment order or group that was submitted, and what it shipped is what we booked."""
    ours = {
        (one.connection, one.code): int(one.shipped)
        for one in rows(
            session,
            """select f.connection, sum(l.shipped) as shipped, coalesce((
                          select g.code from merge_member m join merge_group g on g.id = m.group_id
                          where (m.order_id, m.no) = (f.order_id, f.no) and g.ending <> 'dissolved'), f.code) as code
               from fulfilment_order f join fulfilment_line l using (order_id, no)
               where f.negotiation <> 'cancel_accepted' or f.partner_id <> '' group by 1, 3""",
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


def compare_storefronts(session: Session, told: Mapping[str, Any], verdict: Verdict) -> int:
    """Each shipment is told once, to the storefront its order came from; give how many."""
    ours = Counter(
        (one.channel, f"shipment:{one.order_id}-{one.no}")
        for one in rows(
            session,
            """select o.channel, s.order_id, s.no from shipment s join sales_order o on o.id = s.order_id
               where o.channel = any(:channels)
                 and exists (select 1 from parcel p where (p.order_id, p.shipment_no) = (s.order_id, s.no))""",
            channels=list(told),
        )
    )
    theirs = {(channel, key): event for channel, events in told.items() for key, event in events.items()}
    verdict.lost += verdict.expect("every shipment was told", sorted(ours.keys() - theirs.keys()))
    verdict.duplicated += verdict.expect("nothing else was told", sorted(theirs.keys() - ours.keys()))
    twice = sorted(key for key, event in theirs.items() if event["effects"] != 1)
    verdict.duplicated += verdict.expect("each was told once", twice)
    return len(theirs)


def compare_market(session: Session, books: Mapping[str, Any], verdict: Verdict) -> int:
    """Each parcel is told once to the marketplace its order came from; give how many."""
    ours = {
        (one.channel, one.external_id, one.tracking_no)
        for one in rows(
            session,
            """select o.channel, o.external_id, p.tracking_no from parcel p join sales_order o on o.id = p.order_id
               where o.channel = any(:channels)
                 and exists (select 1 from parcel_line held where held.order_id = p.order_id
                             and (held.shipment_no, held.parcel_no) = (p.shipment_no, p.no))""",
            channels=list(books),
        )
    }
    theirs = {
        (channel, tid, number): effects
        for channel, trades in books.items()
        for tid, trade in trades.items()
        for number, effects in trade["parcels"].items()
    }
    verdict.lost += verdict.expect("every parcel was told to its marketplace", sorted(ours - theirs.keys()))
    verdict.duplicated += verdict.expect("no other parcel was told", sorted(theirs.keys() - ours))
    twice = sorted(parcel for parcel, effects in theirs.items() if effects != 1)
    verdict.duplicated += verdict.expect("each parcel was told once", twice)
    whole = [tid for trades in books.values() for tid, trade in trades.items() if _is_short(trade)]
    verdict.expect("every trade was told whole", sorted(whole))
    return len(theirs)


def _is_short(trade: Mapping[str, Any]) -> bool:
    return any(line["shipped"] != line["num"] for line in trade["lines"].values())


def compare_erp(session: Session, books: Books, verdict: Verdict) -> tuple[int, int]:
    """One sales order and one delivery for each posting, to its amount and pieces.

    Gives how many sales orders there are, and how many of them are too many.
    """
    posted = {f"{one.order_id}-{one.no}": one.lines for one in rows(session, "select order_id, no, lines from posting")}
    orders = _ours(books["orders"])
    for what, theirs in {"sale": orders, "delivery": _ours(books["deliveries"])}.items():
        verdict.lost += verdict.expect(f"every posting has its {what}", sorted(posted.keys() - theirs.keys()))
        verdict.duplicated += verdict.expect(f"no {what} without a posting", sorted(theirs.keys() - posted.keys()))
        twice = sorted(code for code, count in theirs.items() if count != 1)
        verdict.duplicated += verdict.expect(f"one {what} a posting", twice)
    amounts = {code: sum(line["amount"] for line in lines) for code, lines in posted.items()}
    pieces = {code: sum(line["quantity"] for line in lines) for code, lines in posted.items()}
    # A header's freight condition is in no item, and mock-sap adds up items only.
    verdict.expect("the ERP's amounts are ours", _differing(amounts, books["amounts"], FEN))
    verdict.expect("the ERP's pieces are ours", _differing(pieces, books["pieces"], 1))
    return sum(orders.values()), sum(count - 1 for count in orders.values())


def _ours(documents: Mapping[str, int]) -> dict[str, int]:
    """Leave out what mock-sap has from the start, under numbers like PO-40828."""
    return {code: count for code, count in documents.items() if OUR_CODE.fullmatch(code)}


def _differing(ours: Mapping[str, int], theirs: Mapping[str, Decimal], scale: int) -> list[str]:
    """Name what both know and tell differently; what only one of them knows is another rule's."""
    return sorted(code for code in ours.keys() & theirs.keys() if ours[code] != theirs[code] * scale)


def compare_courier(session: Session, books: Mapping[str, Any], verdict: Verdict) -> int:
    """One subscription for each parcel with a number; give how many there are."""
    ours = {one.tracking_no for one in rows(session, "select tracking_no from parcel where tracking_no <> ''")}
    theirs = {parcel.partition("/")[2]: page["effects"] for pages in books.values() for parcel, page in pages.items()}
    verdict.lost += verdict.expect("every parcel is subscribed to", sorted(ours - theirs.keys()))
    verdict.duplicated += verdict.expect("nothing else is subscribed to", sorted(theirs.keys() - ours))
    twice = sorted(number for number, effects in theirs.items() if effects != 1)
    verdict.duplicated += verdict.expect("one subscription a parcel", twice)
    return sum(theirs.values())
