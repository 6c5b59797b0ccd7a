"""Take in what has come back: lines, stock and the money for it; what physically arrived is never refused."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.aftersale.ask import find_place
from hub.aftersale.decide import lock_return
from hub.aftersale.exchange import unpaid
from hub.aftersale.model import Arrived, Goods
from hub.aftersale.money import refund_pieces
from hub.aftersale.room import Room, rooms_of
from hub.aftersale.sort import Awaited, Sorted, sort_goods
from hub.aftersale.status import ReturnState
from hub.audit import record
from hub.cases import NewCase, open_cases, resolve
from hub.database import copy, row, rows, run
from hub.errors import Conflict, Malformed
from hub.inventory.counted import LotLine
from hub.inventory.ledger import Movement, StockKey, post
from hub.inventory.level import make_counters
from hub.inventory.lot_back import put_back
from hub.inventory.table import Reason
from hub.order.change.onward import go_on_paid, hold_owing
from hub.order.lock import Locked

DIFFERS: Final = "return_differs"

PAYS: Final = frozenset({ReturnState.APPROVED, ReturnState.SENT, ReturnState.RECEIVED})
"""What arrives for a return that was rejected or withdrawn is taken in, and a person decides about its money.

So it is with what comes though money alone was to go back: that has gone back by then.
"""


def receive_return(session: Session, order_id: int, no: int, arrived: Arrived, actor: str, at: datetime) -> ReturnState:
    """Take in what a location says has arrived for a return, once for each document, and give where it stands.

    Fewer, more or other pieces than were announced are taken as they are; a case says how they differ. Money goes back
    for exactly the pieces that arrived and are the order's, but for those that others were sent in exchange for; what
    waited for money goes on when that has paid for it.
    `at` is in the business zone. Raises: NotFound, also for a location that the brand does not have; Malformed where
    none is named though the return awaits no goods anywhere; Conflict with code return_state when nobody has decided
    about it yet.
    """
    order, case = lock_return(session, order_id, no)
    if case.state == ReturnState.REQUESTED:
        raise Conflict("approve or reject this return first", code="return_state")
    if _known(session, case, arrived.document):
        return ReturnState(case.state)
    place = _place(session, order.brand, case, arrived)
    owing = hold_owing(session, order)
    rooms = rooms_of(session, order_id)
    sorted_goods = sort_goods(arrived.goods, _awaited(session, case, rooms))
    free = unpaid(session, case, rooms, sorted_goods.pieces)
    _count(session, case, sorted_goods)
    receipt_no = _next(session, case)
    ref = f"return:{case.code}:{receipt_no}"
    _take_in(session, order, (place.code, place.owner), arrived.goods, ref, at)
    refund_no = None
    if case.state in PAYS:
        left = {one.line_no: one.shipped - one.refunded for one in rooms}
        pieces = {line: min(n - free.get(line, 0), left[line]) for line, n in sorted_goods.pieces.items()}
        refund_no = refund_pieces(session, order, no, rooms, {line: n for line, n in pieces.items() if n > 0}, at)
    _write(session, order, case, receipt_no, (arrived, place.code, sorted_goods.beyond, actor), at)
    state = _move(session, case, at, final=arrived.final)
    told = {"no": no, "receipt": receipt_no, "location": place.code, "refund": refund_no}
    pieces_of = {str(line): n for line, n in sorted_goods.pieces.items()}
    record(session, at, actor, "return.receive", f"order:{order_id}", **told, lines=pieces_of)
    _call(session, order, case, state, at)
    if owing:
        go_on_paid(session, order, at)
    return state


def _place(session: Session, brand: str, case: Row[Any], arrived: Arrived) -> Row[Any]:
    """Give where goods have arrived: as it was said, else where they were awaited."""
    code = arrived.location or case.location
    if not code:
        text = "say at which location the goods have arrived: this return awaits none"
        raise Malformed(text, field="location", zh="请写明到货地点：该退货单未约定收货地点")
    return find_place(session, brand, code)


def _known(session: Session, case: Row[Any], document: str) -> bool:
    statement = "select 1 from return_receipt where (order_id, no, document_key) = (:id, :no, :document)"
    return row(session, statement, id=case.order_id, no=case.no, document=document) is not None


def _next(session: Session, case: Row[Any]) -> int:
    statement = "select coalesce(max(receipt_no), 0) as no from return_receipt where (order_id, no) = (:id, :no)"
    return rows(session, statement, id=case.order_id, no=case.no)[0].no + 1


def _awaited(session: Session, case: Row[Any], rooms: Sequence[Room]) -> list[Awaited]:
    """Give the order's lines, with what is still to come of each by this return."""
    found = rows(
        session,
        "select line_no, asked - arrived as open from return_line where (order_id, no) = (:id, :no)",
        id=case.order_id,
        no=case.no,
    )
    asked = {one.line_no: max(0, one.open) for one in found}
    return [
        Awaited(one.line_no, one.sku, asked.get(one.line_no, 0), one.shipped - one.returned)
        for one in rooms
        if one.kind != "bundle"
    ]


def _count(session: Session, case: Row[Any], goods: Sorted) -> None:
    """Count pieces as arrived and as returned."""
    lines = list(goods.pieces)
    run(
        session,
        """insert into return_line (order_id, no, line_no, asked, arrived, damaged, refunded)
           select :id, :no, line_no, 0, pieces, damaged, 0
           from unnest(cast(:lines as bigint[]), cast(:pieces as bigint[]), cast(:damaged as bigint[]))
                as new (line_no, pieces, damaged)
           on conflict (order_id, no, line_no) do update
           set arrived = return_line.arrived + excluded.arrived, damaged = return_line.damaged + excluded.damaged""",
        id=case.order_id,
        no=case.no,
        lines=lines,
        pieces=[goods.pieces[line] for line in lines],
        damaged=[goods.damaged.get(line, 0) for line in lines],
    )
    run(
        session,
        """update order_line line set returned = line.returned + new.pieces
           from unnest(cast(:lines as bigint[]), cast(:pieces as bigint[])) as new (line_no, pieces)
           where (line.order_id, line.line_no) = (:id, new.line_no)""",
        id=case.order_id,
        lines=lines,
        pieces=[goods.pieces[line] for line in lines],
    )


def _take_in(
    session: Session, order: Locked, place: tuple[str, str], goods: Sequence[Goods], ref: str, at: datetime
) -> None:
    """Put goods on hand where they arrived; what is no SKU of the brand's has no shelf, and the case names it."""
    location, owner = place
    known = _known_skus(session, order.brand, {one.sku for one in goods})
    pieces: defaultdict[StockKey, int] = defaultdict(int)
    lots: dict[tuple[StockKey, str], LotLine] = {}
    for one in goods:
        if one.sku in known and one.pieces:
            key = StockKey(location, one.sku, owner, one.condition)
            pieces[key] += one.pieces
            if line := one.of_lot:
                had = lots.get((key, line.lot))
                lots[key, line.lot] = line.model_copy(update={"pieces": had.pieces + line.pieces}) if had else line
    keys = sorted(pieces)
    make_counters(session, order.brand, keys, at)
    post(session, [Movement(key, Reason.RETURN, ref, on_hand=pieces[key]) for key in keys], at)
    put_back(session, [(key, lots[key, lot]) for key, lot in sorted(lots)], at)


def _known_skus(session: Session, brand: str, skus: Collection[str]) -> set[str]:
    statement = "select code from sku where code = any(:skus) and brand = :brand and not bundle"
    return {one.code for one in rows(session, statement, skus=sorted(skus), brand=brand)}


def _write(
    session: Session,
    order: Locked,
    case: Row[Any],
    receipt_no: int,
    told: tuple[Arrived, str, Sequence[Goods], str],
    at: datetime,
) -> None:
    arrived, location, beyond, actor = told
    columns = (
        *("brand", "version", "created_at", "updated_at", "order_id", "no", "receipt_no", "document_key", "location"),
        *("actor", "final", "received_at", "goods", "beyond"),
    )
    kept = [json.dumps([one.model_dump(mode="json") for one in some]) for some in (arrived.goods, beyond)]
    receipt = (
        *(order.brand, 1, at, at, order.id, case.no, receipt_no, arrived.document, location),
        *(actor, arrived.final, arrived.arrived_at or at, *kept),
    )
    copy(session, "return_receipt", columns, [receipt])


def _move(session: Session, case: Row[Any], at: datetime, *, final: bool) -> ReturnState:
    """Write where a return stands since: with the last of its goods it has been received."""
    state = ReturnState(case.state)
    if state in {ReturnState.APPROVED, ReturnState.SENT}:
        state = ReturnState.RECEIVED if final else ReturnState.SENT
    run(
        session,
        """update return_case set state = :state, version = version + 1, updated_at = :at
           where (order_id, no) = (:id, :no)""",
        state=state,
        at=at,
        id=case.order_id,
        no=case.no,
    )
    return state


def _call(session: Session, order: Locked, case: Row[Any], state: ReturnState, at: datetime) -> None:
    """Have a person look at a return of which something else came than was to come, and no more is awaited."""
    if state is ReturnState.SENT:
        return
    differing = _differences(session, case, state)
    subject = f"return:{case.code}"
    if differing:
        told = {"subject": str(order.id)}
        open_cases(session, [NewCase(DIFFERS, subject, order.brand, "; ".join(differing)[:500], order.id, told)], at)
    else:
        resolve(session, subject, at, "system", "all has arrived", DIFFERS)


def _differences(session: Session, case: Row[Any], state: ReturnState) -> list[str]:
    """Say in what the goods that arrived differ from those that were to come."""
    lines = rows(
        session,
        """select line.external_line_id as line_id, line.sku, back.asked, back.arrived
           from return_line back join order_line line using (order_id, line_no)
           where back.order_id = :id and back.no = :no order by back.line_no""",
        id=case.order_id,
        no=case.no,
    )
    beyond: defaultdict[str, int] = defaultdict(int)
    told = rows(
        session,
        "select beyond from return_receipt where (order_id, no) = (:id, :no) order by receipt_no",
        id=case.order_id,
        no=case.no,
    )
    for receipt in told:
        for one in receipt.beyond:
            beyond[one["sku"]] += one["pieces"]
    awaited = state is ReturnState.RECEIVED
    return [
        *([] if awaited else [f"goods arrived though the return is {state}"]),
        *(_line(one, awaited=awaited) for one in lines if one.asked != one.arrived or not awaited),
        *(f"{sku}: {n} that the order does not have or had back before" for sku, n in sorted(beyond.items())),
    ]


def _line(one: Row[Any], *, awaited: bool) -> str:
    told: Mapping[bool, str] = {True: f"{one.asked} to come, ", False: ""}
    return f"{one.line_id} {one.sku}: {told[awaited]}{one.arrived} arrived"
