"""What the hub changes is told to the channel that placed the order, and refunds to who holds the money."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from hub.database import Database, rows, run
from hub.order.change.cancel import cancel
from hub.order.change.notice import read_change, read_refund
from hub.order.change.refund import mark_refund
from hub.order.change.table import RefundState
from hub.order.change.wanted import WantedLine
from hub.order.trace.timeline import trace
from sandbox.listen import serving
from sandbox.storefront import Config, Shop, application
from tests.flows.telling import SECRET, SHOP, Desk
from tests.hub.making import AT, add_sku, order, placed, stock
from tests.hub.order.changing import BEIJING, cut, move, refunds, want


@pytest.fixture
def url() -> Iterator[str]:
    """A storefront of the test's own."""
    with serving(application(Config(shops=(Shop(connection=SHOP, secret=SECRET),)))) as found:
        yield found


def place(session: Session) -> int:
    stock(session, {"sh": {"apple": 9}, "bj": {"apple": 9}})
    add_sku(session, "pear")
    return placed(session, order({"apple": 3}))


def desk_of(database: Database, url: str, folder: Path, **options: str) -> Desk:
    return Desk(database, url, folder, stock="none", options=options)


def test_a_storefront_is_told_of_changes_and_asked_for_refunds(database: Database, url: str, tmp_path: Path) -> None:
    desk = desk_of(database, url, tmp_path, tell_changes="yes")
    with database.transaction() as session:
        order_id = place(session)
        run(session, "update sales_order set payment_reference = 'P-1'")
        cut(session, order_id, L1=1)
        move(session, order_id)
    assert desk.tell() == ["done"] * 3
    told = {key: one["body"] for key, one in desk.books().items()}
    assert told[f"change:{order_id}-1"]["lines"] == [{"line_id": "L1", "sku": "apple", "quantity": 2}]
    assert told[f"change:{order_id}-1"]["total"] == "20.00"
    assert told[f"change:{order_id}-2"]["receiver"]["street"] == BEIJING.street
    refund = told[f"refund:{order_id}-1"]
    assert (refund["amount"], refund["payment_reference"]) == ("10.00", "P-1")
    with database.transaction() as session:
        assert refunds(session) == [(1000, 0, "asked")]


def test_a_channel_that_cannot_be_told_is_not_called_and_the_trace_says_so(
    database: Database, url: str, tmp_path: Path
) -> None:
    desk = desk_of(database, url, tmp_path)
    with database.transaction() as session:
        order_id = place(session)
        cancel(session, order_id, "operator-1", "changed mind", AT)
    assert (desk.tell(), desk.books()) == (["done"] * 2, {})
    with database.transaction() as session:
        assert [one.told for one in trace(session, order_id) if one.told.startswith("channel.")] == [
            "channel.not_tellable"
        ] * 2
        assert refunds(session) == [(3000, 0, "due")]


def test_a_cancellation_that_the_channel_wished_is_not_told_to_it(session: Session) -> None:
    order_id = place(session)
    cancel(session, order_id, "mall-pc", "taken back at the channel", AT)
    assert [one.flow for one in rows(session, "select flow from step where flow like 'notify%'")] == ["notify_refund"]


def test_a_change_is_told_alike_after_another_has_followed(session: Session) -> None:
    order_id = place(session)
    cut(session, order_id, L1=1)
    first = read_change(session, order_id, 1, "k")
    want(session, order_id, WantedLine("L1", 3))
    assert read_change(session, order_id, 1, "k") == first


@pytest.mark.parametrize("state", [RefundState.DONE, RefundState.FAILED])
def test_a_refund_that_a_person_has_settled_is_asked_of_nobody(session: Session, state: RefundState) -> None:
    order_id = place(session)
    cut(session, order_id, L1=1)
    mark_refund(session, order_id, 1, state, "RF-1", "operator-1", AT)
    assert read_refund(session, order_id, 1, "k") is None
