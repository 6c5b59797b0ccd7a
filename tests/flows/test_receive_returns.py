"""What warehouses say has come back: booked once whatever dies between, and a case for what is no return of theirs."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from connectors.registry import Registry
from flows.announce_returns import AnnounceReturn
from flows.effect import Claimed
from flows.receive_returns import ReceiveReturns
from hub.aftersale.announce import read_announced
from hub.aftersale.decide import withdraw_return
from hub.database import Database, rows, run
from hub.errors import NeedsOperator
from hub.inbox import Message, claim, keep, read
from hub.order.trace.timeline import trace
from hub.partitions import make_partitions
from sandbox.qimen_returns import Back, Page, write_return_confirm
from sandbox.qimen_sites import Site
from tests.hub.aftersale.returning import WHO, granted, levels, refunded, returned, sent
from tests.hub.making import AT, ZONE, open_causes, order, stock
from tests.staging import settings_in

NOW = datetime.now(UTC)
SITE = Site(connection="wms-sh", app_key="k", secret="s", customer_id="c1", webhook="", warehouses=("sh",))


@pytest.fixture
def taker(tmp_path: Path) -> ReceiveReturns:
    return ReceiveReturns(Registry(settings_in(tmp_path)), ZONE)


def shipped(session: Session) -> int:
    make_partitions(session, NOW)
    stock(session, {"sh": {"apple": 9}})
    return sent(session, order({"apple": 3}), {"apple": 3})


def told(code: str, pieces: int, number: str = "RK-1", **changes: Any) -> bytes:  # noqa: ANN401 # any field of a page
    values: dict[str, Any] = {"warehouse": "sh", **changes}
    page = Page(SITE, code, "W1", values["warehouse"], "OWNER", "SF", (), "")
    return write_return_confirm(page, [Back("apple", pieces)], number, NOW)


def take(session: Session, taker: ReceiveReturns, body: bytes, connection: str = "wms-sh") -> Message:
    number = str(hash((body, connection)))
    inbox_id, _ = keep(session, connection, "return_confirm", number, body, NOW)
    while messages := claim(session, taker.kinds, taker.batch, NOW):
        taker.handle(session, messages, NOW)
    return read(session, inbox_id)


def test_what_came_back_is_taken_in(session: Session, taker: ReceiveReturns) -> None:
    order_id = shipped(session)
    no = granted(session, order_id, {"L1": 2})
    message = take(session, taker, told(f"{order_id}-r{no}", 2))
    assert (message.state, message.order_id, returned(session, order_id)) == ("done", order_id, [2])


def test_a_warehouse_that_says_only_other_takes_it_in_where_it_was_to_arrive(
    session: Session, taker: ReceiveReturns
) -> None:
    order_id = shipped(session)
    no = granted(session, order_id, {"L1": 2})
    take(session, taker, told(f"{order_id}-r{no}", 2, warehouse="OTHER"))
    assert levels(session, "sh", "apple") == {"saleable": 8}


@pytest.mark.parametrize("code", ["{id}-r9", "{id}-1", "{id}", "x", "9" * 17 + "-r1", "{id}-r" + "9" * 10])
def test_what_is_no_return_of_ours_is_a_case(session: Session, taker: ReceiveReturns, code: str) -> None:
    order_id = shipped(session)
    granted(session, order_id, {"L1": 2})
    message = take(session, taker, told(code.format(id=order_id), 2))
    assert (message.state, open_causes(session), returned(session, order_id)) == ("parked", ["unknown_document"], [0])


def test_another_warehouses_return_is_none_of_its_own(session: Session, taker: ReceiveReturns) -> None:
    order_id = shipped(session)
    no = granted(session, order_id, {"L1": 2})
    assert take(session, taker, told(f"{order_id}-r{no}", 2), "wms-bj").state == "parked"


def test_a_process_that_dies_while_it_takes_goods_in_leaves_nothing_half_done(
    database: Database, taker: ReceiveReturns
) -> None:
    with database.transaction() as session:
        order_id = shipped(session)
        body = told(f"{order_id}-r{granted(session, order_id, {'L1': 2})}", 2)

    def die() -> None:
        with database.transaction() as session:
            take(session, taker, body)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        die()
    with database.transaction() as session:
        assert (returned(session, order_id), refunded(session)) == ([0], [])
    with database.transaction() as session:
        take(session, taker, body)
        assert (returned(session, order_id), refunded(session), levels(session, "sh", "apple")) == (
            [2],
            [(2000, 0)],
            {"saleable": 8},
        )


def test_a_warehouse_is_told_of_goods_and_of_the_document_they_were_shipped_by(session: Session) -> None:
    order_id = shipped(session)
    found = read_announced(session, order_id, granted(session, order_id, {"L1": 2}))
    assert found is not None
    assert (found.code, found.delivery_code, found.warehouse_code) == (f"{order_id}-r1", f"{order_id}-1", "sh")
    assert [(one.ref, one.sku, one.quantity) for one in found.lines] == [("1", "apple", 2)]


def test_nobody_is_told_of_a_return_that_was_let_go(session: Session) -> None:
    order_id = shipped(session)
    no = granted(session, order_id, {"L1": 2})
    withdraw_return(session, order_id, no, WHO, "keeps it", AT)
    assert read_announced(session, order_id, no) is None


def test_a_buyer_who_was_erased_is_not_told_of(session: Session) -> None:
    order_id = shipped(session)
    no = granted(session, order_id, {"L1": 2})
    run(session, "update subject set data_key = null")
    with pytest.raises(NeedsOperator):
        read_announced(session, order_id, no)


def test_a_partner_that_takes_no_returns_is_not_called_and_the_trace_says_so(session: Session) -> None:
    order_id = shipped(session)
    no = granted(session, order_id, {"L1": 2})
    [step] = rows(session, "select * from step where flow = 'announce_return'")
    claimed = Claimed(
        *(
            step.id,
            step.flow,
            step.lane,
            step.connection,
            step.idempotency_key,
            order_id,
            step.subject,
            1,
            0,
            1,
            "",
            False,
        ),
        traceparent="",
        claimed_s=0,
    )
    flow = AnnounceReturn()
    request = flow.prepare(session, claimed, AT)
    assert request is not None
    flow.settle(session, claimed, flow.call(object(), request), AT)
    assert "return.not_tellable" in [one.told for one in trace(session, order_id)]
    assert no == 1
