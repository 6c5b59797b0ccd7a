"""Returns at a terminal: asked for, approved, on their way, taken in; and what cannot be meant is refused."""

import json

import pytest

from hub.database import Database
from hub.errors import Conflict, Malformed
from tests.commands.conftest import Oms
from tests.hub.aftersale.returning import refunded, returned, sent
from tests.hub.making import order, see, stock

WHY = ("--reason", "wrong size")


@pytest.fixture
def order_id(database: Database) -> int:
    with database.transaction() as session:
        stock(session, {"sh": {"melon": 9}}, "ASN-9")
        return sent(session, order({"melon": 3}), {"melon": 3})


def test_goods_come_back_step_by_step(oms: Oms, database: Database, order_id: int) -> None:
    done = [
        oms("order", "return", "ask", "T1", "--line", "L1:2", *WHY),
        oms("order", "return", "approve", "T1", "1"),
        oms("order", "return", "sent", "T1", "1", "--courier", "SF", "--tracking-no", "SF1"),
        oms("order", "return", "receive", "T1", "1", "--document", "a", "--goods", "melon:1", "--more"),
        oms("order", "return", "receive", "T1", "1", "--document", "b", "--goods", "melon:1:damaged"),
        oms("order", "return", "ask", "T1", "--line", "L1:1", "--money-only", "--our-fault", *WHY),
        oms("order", "return", "approve", "T1", "2", *WHY),
    ]
    assert [one.exit_code for one in done] == [0] * 7
    with database.transaction() as session:
        assert (returned(session, order_id), sum(n for n, _ in refunded(session))) == ([2], 3000)
        assert [one.state for one in see(session, order_id).returns] == ["received", "closed"]
    told = json.loads(oms("order", "return", "ls", "T1", "--json").stdout)
    assert [one["state"] for one in told["returns"]] == ["received", "closed"]
    assert "Received" in oms("order", "return", "ls", "T1").stdout
    assert "Money alone" in oms("order", "show", "T1").stdout


def test_a_return_is_rejected_or_let_go(oms: Oms, database: Database, order_id: int) -> None:
    for act in ("reject", "withdraw"):
        oms("order", "return", "ask", "T1", "--line", "L1:3", *WHY)
        assert oms("order", "return", act, "T1", "1" if act == "reject" else "2", *WHY).exit_code == 0
    with database.transaction() as session:
        assert [one.state for one in see(session, order_id).returns] == ["rejected", "withdrawn"]


@pytest.mark.usefixtures("order_id")
@pytest.mark.parametrize("goods", ["melon", "melon:", "melon:-1", "melon:x", "melon:1:worn", "me lon:1"])
def test_what_cannot_have_arrived_is_refused(oms: Oms, goods: str) -> None:
    oms("order", "return", "ask", "T1", "--line", "L1:2", *WHY)
    oms("order", "return", "approve", "T1", "1")
    refused = oms("order", "return", "receive", "T1", "1", "--document", "a", "--goods", goods)
    assert isinstance(refused.exception, Malformed)


@pytest.mark.usefixtures("order_id")
def test_more_than_was_shipped_is_refused(oms: Oms) -> None:
    assert isinstance(oms("order", "return", "ask", "T1", "--line", "L1:4", *WHY).exception, Conflict)
    assert isinstance(oms("order", "return", "ask", "T1", *WHY).exception, Malformed)


@pytest.mark.usefixtures("order_id")
@pytest.mark.parametrize("document", ["", "a" * 201])
def test_a_document_that_cannot_be_meant_is_refused(oms: Oms, document: str) -> None:
    refused = oms("order", "return", "receive", "T1", "1", "--document", document, "--goods", "melon:1")
    assert isinstance(refused.exception, Malformed)


def test_goods_are_sent_in_exchange_for_a_return_that_then_names_them(
    oms: Oms, database: Database, order_id: int
) -> None:
    oms("order", "return", "ask", "T1", "--line", "L1:2", *WHY)
    done = oms("order", "reship", "T1", "--line", "L1:2", "--return", "1", *WHY)
    assert done.exit_code == 0
    with database.transaction() as session:
        [made] = [one.order for one in see(session, order_id).links]
    told = json.loads(oms("order", "return", "ls", "T1", "--json").stdout)
    assert told["returns"][0]["exchanges"] == [made]
    assert made[-8:] in oms("order", "return", "ls", "T1").stdout.replace("\n", "")
    for number in ("T1", made):
        assert json.loads(oms("order", "show", number, "--json").stdout)["links"][0]["return_code"] == f"{order_id}-r1"
        assert f"{order_id}-r1" in oms("order", "show", number).stdout.replace("\n", "").partition("linked orders")[2]
