from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import final

import pytest
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from connectors.registry import Registry
from flows.intake import SET_BACK_S, TRIES, Intake
from flows.receive_shipments import ReceiveShipments
from hub.database import Database, rows
from hub.errors import Misconfigured
from hub.inbox import Message, claim, keep, read
from hub.partitions import make_partitions
from sandbox.qimen_fate import Confirm, Pieces
from sandbox.qimen_order import DeliveryOrder, Line
from sandbox.qimen_pushes import write_confirm, write_report
from tests.hub.making import ZONE, open_causes, order, placed, see, stock
from tests.staging import settings_in

NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def taker(tmp_path: Path) -> ReceiveShipments:
    return ReceiveShipments(Registry(settings_in(tmp_path)), ZONE)


def order_of_four(session: Session) -> str:
    """Place an order of four apples and give its document's code."""
    make_partitions(session, NOW)
    stock(session, {"sh": {"apple": 100}, "bj": {"apple": 100}})
    return f"{placed(session, order({'apple': 4}))}-1"


@pytest.fixture
def code(session: Session) -> str:
    return order_of_four(session)


@final
class Forgetful:
    """Knows no partner, as on a machine that a secret is missing on."""

    kinds: Sequence[str] = ReceiveShipments.kinds
    batch = 1
    alone = True

    def handle(self, session: Session, messages: Sequence[Message], at: datetime) -> None:  # noqa: ARG002 # the port's shape
        raise Misconfigured("the secret wms-sh is missing")


def fail(database: Database, tries: int) -> None:
    """Fail on what waits so many times, by a fault of ours."""
    now = NOW
    with ThreadPoolExecutor(1) as pool, capture_logs():
        for turn in range(tries):
            Intake(database, lambda now=now: now, pool).work_off(Forgetful())
            now += timedelta(seconds=SET_BACK_S * 2**turn)


def document_of(code: str, *lines: Line) -> DeliveryOrder:
    return DeliveryOrder("wms-sh", code, "W1", "sh", "JYCK", "SF", attempt=1, lines=lines, fingerprint="")


def confirm(code: str, quantity: int, key: str = "c1", *, final: bool = True, surplus: int = 0) -> bytes:
    """Write what a warehouse pushes for so many apples."""
    line = Line(line_no="1", item_code="apple", item_id="", owner_code="OWNER", quantity=4)
    return write_confirm(
        document_of(code, line), Confirm(((Pieces(line, quantity),),), final=final), key, NOW, batch_surplus=surplus
    )


def report(code: str, status: str) -> bytes:
    return write_report(document_of(code), status, "note", NOW)


def take(session: Session, taker: ReceiveShipments, *bodies: bytes) -> list[Message]:
    """Receive these pushes one after the other, and give what became of them."""
    kinds = ["report" if b"<order>" in body or b"<order/>" in body else "confirm" for body in bodies]
    ids = [
        keep(session, "wms-sh", kind, str(no), body, NOW)[0]
        for no, (kind, body) in enumerate(zip(kinds, bodies, strict=True))
    ]
    while messages := claim(session, taker.kinds, taker.batch, NOW):
        taker.handle(session, messages, NOW)
    return [read(session, inbox_id) for inbox_id in ids]


def test_a_confirm_ships_the_order(session: Session, taker: ReceiveShipments, code: str) -> None:
    (message,) = take(session, taker, report(code, "ACCEPT"), confirm(code, 4))[1:]
    assert (message.state, message.order_id) == ("done", int(code.partition("-")[0]))
    assert see(session, message.order_id or 0).lifecycle == "completed"


def test_a_confirm_without_a_time_is_of_when_it_came_however_late_it_is_booked(
    session: Session, taker: ReceiveShipments, code: str
) -> None:
    start, _, rest = confirm(code, 4).partition(b"<orderConfirmTime>")
    keep(session, "wms-sh", "confirm", "1", start + rest.partition(b"</orderConfirmTime>")[2], NOW)
    taker.handle(session, claim(session, taker.kinds, 1, LATER), LATER)
    (left,) = rows(session, "select shipped_at, created_at from shipment")
    assert (left.shipped_at, left.created_at) == (NOW, LATER)


@pytest.mark.parametrize(
    ("quantity", "surplus", "cause"), [(5, 0, "over_confirm"), (4, 1, "batch_mismatch"), (10**17, 0, "over_confirm")]
)
def test_a_confirm_that_contradicts_the_order_books_nothing(
    session: Session, taker: ReceiveShipments, code: str, quantity: int, surplus: int, cause: str
) -> None:
    (message,) = take(session, taker, confirm(code, quantity, surplus=surplus))
    assert (message.state, message.error_code) == ("parked", cause)
    assert open_causes(session) == [cause]
    assert rows(session, "select 1 from shipment") == []


@pytest.mark.parametrize("unknown", ["2611000000009999-1", "OC2017100500097", "1-99999", "9" * 40, "-", "1-"])
def test_a_document_that_is_not_ours_is_a_case(
    session: Session, taker: ReceiveShipments, code: str, unknown: str
) -> None:
    messages = take(session, taker, confirm(unknown, 1), report(unknown, "ACCEPT"))
    assert [message.state for message in messages] == ["parked", "parked"]
    assert set(open_causes(session)) <= {"unknown_document", "rejected"}
    assert code


def test_a_case_holds_up_nothing_else(session: Session, taker: ReceiveShipments, code: str) -> None:
    wrong, right = take(session, taker, confirm(code, 5), confirm(code, 4, "c2"))
    assert (wrong.state, right.state) == ("parked", "done")


def test_the_same_confirm_in_other_bytes_is_booked_once(session: Session, taker: ReceiveShipments, code: str) -> None:
    first, again = take(session, taker, confirm(code, 4), confirm(code, 4).replace(b"</request>", b"\n</request>"))
    assert (first.state, again.state) == ("done", "done")
    assert len(rows(session, "select 1 from shipment")) == 1


def test_another_confirm_under_a_number_that_was_booked_is_a_case(
    session: Session, taker: ReceiveShipments, code: str
) -> None:
    first, other, again = take(
        session,
        taker,
        confirm(code, 2, final=False),
        confirm(code, 1, final=False),
        confirm(code, 2, final=False).replace(b"</request>", b"\n</request>"),
    )
    assert [one.state for one in (first, other, again)] == ["done", "parked", "done"]
    assert (other.error_code, open_causes(session)) == ("confirm_differs", ["confirm_differs"])


def test_a_rejection_finds_another_source(session: Session, taker: ReceiveShipments, code: str) -> None:
    (message,) = take(session, taker, report(code, "REJECT"))
    assert [one.location for one in see(session, message.order_id or 0).fulfilments] == ["sh", "bj"]


@pytest.mark.parametrize(
    "body", [b"<request/>", b"<request><order/></request>", b"<request><deliveryOrder/></request>"]
)
def test_a_push_without_its_fields_is_a_case(session: Session, taker: ReceiveShipments, code: str, body: bytes) -> None:
    (message,) = take(session, taker, body)
    assert (message.state, message.error_code, open_causes(session)) == ("parked", "malformed", ["malformed"])
    assert code


def test_another_warehouse_cannot_speak_for_a_document(session: Session, taker: ReceiveShipments, code: str) -> None:
    stranger, _ = keep(session, "wms-bj", "confirm", "stolen", confirm(code, 4), NOW)
    taker.handle(session, claim(session, taker.kinds, 1, NOW), NOW)
    assert (read(session, stranger).state, open_causes(session)) == ("parked", ["unknown_document"])
    assert see(session, int(code.partition("-")[0])).parcels == ()


def test_what_looks_short_waits_for_an_earlier_confirm(session: Session, taker: ReceiveShipments, code: str) -> None:
    first, last = take(session, taker, confirm(code, 2, "c1", final=False, surplus=1), confirm(code, 2, "c2"))
    assert (first.state, last.state, last.error_code) == ("parked", "parked", "earlier_confirm_parked")
    assert len(see(session, int(code.partition("-")[0])).fulfilments) == 1


@pytest.mark.parametrize("tries", [1, TRIES])
def test_what_looks_short_waits_for_an_earlier_confirm_that_failed_by_our_fault(
    database: Database, taker: ReceiveShipments, tries: int
) -> None:
    with database.transaction() as session:
        code = order_of_four(session)
        first = keep(session, "wms-sh", "confirm", "1", confirm(code, 2, "c1", final=False), NOW)[0]
    fail(database, tries)
    with database.transaction() as session:
        (last,) = take(session, taker, confirm(code, 2, "c2"))
        assert (last.state, last.error_code) == ("parked", "earlier_confirm_parked")
        assert read(session, first).order_id is None
        assert len(see(session, int(code.partition("-")[0])).fulfilments) == 1


def test_a_short_confirm_that_failed_once_itself_is_short(database: Database, taker: ReceiveShipments) -> None:
    with database.transaction() as session:
        code = order_of_four(session)
        inbox_id = keep(session, "wms-sh", "confirm", "1", confirm(code, 2), NOW)[0]
    fail(database, 1)
    with database.transaction() as session:
        taker.handle(session, claim(session, taker.kinds, 1, LATER), LATER)
        assert read(session, inbox_id).state == "done"
        assert len(see(session, int(code.partition("-")[0])).fulfilments) == 2
