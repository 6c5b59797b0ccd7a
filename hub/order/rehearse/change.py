"""Say what a change of an order would do, by doing it and taking it back: locations say yes meanwhile."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from hub.database import records, rows, run
from hub.document import Document
from hub.fulfilment.model import CancelAnswer
from hub.merge.group import group_of
from hub.order.change.cancel_wish import wants_cancel
from hub.order.change.settle import changing
from hub.order.rest import open_pieces
from hub.order.ship.together import book_cancel_answer

AT_MOST: Final = "set local statement_timeout = '5s'"
"""Rows that others want are locked meanwhile."""

DOCUMENTS: Final = """
    select cast(f.order_id as text) as order_id, f.no, f.code, f.location, place.name_zh, place.name_en,
           f.execution, f.negotiation,
           (select jsonb_object_agg(line.sku, line.n) from (select sku, sum(quantity) as n from fulfilment_line l
            where (l.order_id, l.no) = (f.order_id, f.no) group by sku) line) as pieces
    from fulfilment_order f join location place on place.code = f.location
    where f.order_id = any(:ids) order by f.order_id, f.no"""
HOLDS: Final = """
    select type from order_hold where order_id = any(:ids) and released_at is null order by type"""
REFUNDS: Final = "select no, amount, freight, set_off from refund_due where order_id = :id"
DUE: Final = """
    select coalesce(sum(amount - set_off), 0)::bigint as due from amount_due where order_id = :id and state = 'open'"""
REFUND_LINES: Final = """
    select r.no as of, r.line_no, line.external_line_id, line.sku, line.title, r.pieces, r.amount
    from refund_line r join order_line line using (order_id, line_no) where r.order_id = :id order by r.no, r.line_no"""


class Foredoc(Document):
    """A fulfilment order that a change would ask back, take back or make; pieces by SKU."""

    order_id: str
    no: int
    code: str
    location: str
    name_zh: str
    name_en: str
    pieces: Mapping[str, int]


class ForeLine(Document):
    """What would be given back for the pieces of a line, in minor units."""

    line_no: int
    external_line_id: str
    sku: str
    title: str
    pieces: int
    amount: int


class Foreseen(Document):
    """What a change would come to, if every location that is `asked` says yes.

    `recalled` are taken back at once and `made` are new; `unmet` pieces would have no source; holds are named by type.
    `refund` and `freight` go back in all, in minor units: none for an order that was not paid, which `paid` says.
    Of that `set_off` pays for what is added, and `due` is still to be paid more than before.
    `follow_up` is the number of an order that it would make.
    """

    lifecycle: str
    paid: bool
    asked: tuple[Foredoc, ...]
    recalled: tuple[Foredoc, ...]
    made: tuple[Foredoc, ...]
    unmet: int
    held: tuple[str, ...]
    let_go: tuple[str, ...]
    refund: int
    freight: int
    set_off: int
    due: int
    refunds: tuple[ForeLine, ...]
    follow_up: int | None

    @property
    def back(self) -> int:
        """Give what moves."""
        return self.refund + self.freight - self.set_off


def foresee(session: Session, order_id: int, act: Callable[[], int | None], at: datetime) -> Foreseen:
    """Do something to an order, let its locations agree, say what came of it, and take all of it back.

    `act` gives the id of another order that it has made, if any; `at` is in the business zone. Raises: as `act`.
    """
    before = _stand(session, [order_id], order_id)
    tried = session.begin_nested()
    try:
        run(session, AT_MOST)
        made = act()
        ids = [order_id, made] if made else [order_id]
        asked = _asked(session, order_id, ids)
        for one in asked:
            group = group_of(session, order_id, one["no"])  # its location knows the document of all that travels along
            of, no = (group.head.order_id, group.head.no) if group else (order_id, one["no"])
            book_cancel_answer(session, of, no, CancelAnswer(stopped=True, reason=""), at)
        return _told(session, order_id, before, asked, made)
    finally:
        tried.rollback()


def _stand(session: Session, ids: Sequence[int], order_id: int) -> dict[str, Any]:
    return {
        "documents": {one["code"]: one for one in records(session, DOCUMENTS, ids=list(ids))},
        "holds": Counter(one.type for one in rows(session, HOLDS, ids=list(ids))),
        "refunds": {one.no: one for one in rows(session, REFUNDS, id=order_id)},
        "due": rows(session, DUE, id=order_id)[0].due,
        "unmet": sum(sum(open_pieces(session, one).values()) for one in ids),
    }


def _fresh(session: Session, before: Mapping[str, Any], ids: Sequence[int]) -> list[dict[str, Any]]:
    """Give the fulfilment orders that are new, or not as they were."""
    found = records(session, DOCUMENTS, ids=list(ids))
    return [one for one in found if before["documents"].get(one["code"]) != one]


def _asked(session: Session, order_id: int, ids: Sequence[int]) -> list[dict[str, Any]]:
    """Give the fulfilment orders whose locations have still to say if they stop, be it that they were asked before."""
    if not (wants_cancel(session, order_id) or changing(session, order_id)):
        return []
    return [one for one in records(session, DOCUMENTS, ids=list(ids)) if one["negotiation"] == "cancel_requested"]


def _told(
    session: Session, order_id: int, before: Mapping[str, Any], asked: Sequence[Mapping[str, Any]], made: int | None
) -> Foreseen:
    ids = [order_id, made] if made else [order_id]
    after, fresh = _stand(session, ids, order_id), _fresh(session, before, ids)
    codes = {one["code"] for one in asked}
    refunds = [one for no, one in after["refunds"].items() if no not in before["refunds"]]
    lines = [one for one in records(session, REFUND_LINES, id=order_id) if one["of"] in {one.no for one in refunds}]
    head = rows(session, "select lifecycle, payment from sales_order where id = :id", id=order_id)[0]
    return Foreseen(
        lifecycle=head.lifecycle,
        paid=head.payment != "unpaid",
        asked=_documents(asked),
        recalled=_documents(
            [one for one in fresh if one["execution"] == "cancelled" and one["code"] not in codes and _was(before, one)]
        ),
        made=_documents([one for one in fresh if not _was(before, one) and one["execution"] != "cancelled"]),
        unmet=max(after["unmet"] - before["unmet"], 0),
        held=tuple(after["holds"] - before["holds"]),
        let_go=tuple(before["holds"] - after["holds"]),
        refund=sum(one.amount for one in refunds) - sum(one.freight for one in refunds),
        freight=sum(one.freight for one in refunds),
        set_off=sum(one.set_off for one in refunds),
        due=max(after["due"] - before["due"], 0),
        refunds=tuple(ForeLine.model_validate({n: v for n, v in one.items() if n != "of"}) for one in lines),
        follow_up=made,
    )


def _was(before: Mapping[str, Any], one: Mapping[str, Any]) -> bool:
    return one["code"] in before["documents"]


def _documents(found: Sequence[Mapping[str, Any]]) -> tuple[Foredoc, ...]:
    return tuple(Foredoc.model_validate({name: one[name] for name in Foredoc.model_fields}) for one in found)
