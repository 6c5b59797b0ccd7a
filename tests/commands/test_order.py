"""Orders changed from a terminal: some pieces, the address, the route; what it says names nobody."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.aftersale.intercepted import lose_intercept
from hub.database import Database
from hub.errors import Conflict, Malformed, NotFound
from hub.order.reveal import reveal
from hub.order.ship.track import Parcel
from hub.roles import SYSTEM
from tests.commands.conftest import Oms
from tests.hub.making import AT, line, order, placed, see, sources, stock
from tests.hub.review import ruling
from tests.hub.review.ruling import enforce, holding
from tests.hub.stopping import NO, SF, answered, left, packed, served

WHY = ("--reason", "the buyer asked")


def place(database: Database) -> int:
    with database.transaction() as session:
        stock(session, {"sh": {"melon": 9}, "bj": {"melon": 9}}, "ASN-9")
        return placed(session, order({"melon": 3}))


def test_an_order_is_cut_moved_and_rerouted(oms: Oms, database: Database) -> None:
    order_id = place(database)
    done = [
        oms("order", "cancel", "T1", "--line", "L1:1", *WHY),
        oms("order", "change", "T1", "--street", "新路9号", "--remark", "谢谢", *WHY),
        oms("order", "reroute", "T1", "--to", "bj", *WHY),
    ]
    assert [one.exit_code for one in done] == [0, 0, 0]
    assert not any("新路" in one.stdout for one in done)
    with database.transaction() as session:
        assert (line(session, order_id).cancelled, sources(session, order_id)[-1]) == (1, ("bj", "open"))
        seen = reveal(session, order_id, SYSTEM, "look", AT)
    assert (seen.street, seen.remark) == ("新路9号", "谢谢")


def test_a_line_grows_is_paid_and_a_refund_is_noted(oms: Oms, database: Database) -> None:
    order_id = place(database)
    done = [
        oms("order", "change", "T1", "--want", "L1=4", *WHY),
        oms("order", "paid", "T1", "--amount", "10.00", "--reference", "P-1"),
        oms("order", "change", "T1", "--want", "L2=1,melon,3.50", "--free", *WHY),
        oms("order", "cancel", "T1", "--line", "L1:2", *WHY),
        oms("order", "refunded", "T1", "1", "--reference", "RF-1"),
    ]
    assert [one.exit_code for one in done] == [0] * 5
    assert isinstance(oms("order", "change", "T1", "--want", "L1", *WHY).exception, Malformed)
    with database.transaction() as session:
        seen = see(session, order_id)
    assert ([one.state for one in seen.dues], [one.state for one in seen.refunds], seen.total) == (
        ["paid"],
        ["done"],
        4000,
    )


def test_an_amount_is_yuan_and_a_deposit_is_paid_before_its_balance(oms: Oms, database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"melon": 9}}, "ASN-9")
        order_id = placed(session, order({"melon": 3}, paid_at=None))
    payer = ("--reference", "P-1")
    assert isinstance(oms("order", "paid", "T1", "--amount", "3000", *payer).exception, Conflict)
    assert isinstance(oms("order", "paid", "T1", "--amount", "12.505", *payer).exception, Malformed)
    assert oms("order", "paid", "T1", "--amount", "12.5", "--deposit", *payer).exit_code == 0
    with database.transaction() as session:
        assert (see(session, order_id).payment, see(session, order_id).balance) == ("deposit_paid", 1750)
    assert oms("order", "paid", "T1", "--amount", "17.50", *payer).exit_code == 0
    with database.transaction() as session:
        assert see(session, order_id).payment == "paid"


@pytest.mark.parametrize(("by", "back"), [(("--by-buyer",), []), ((), [1250])])
def test_a_deposit_is_kept_from_a_buyer_who_cancels_by_lines_where_the_policy_says_so(
    oms: Oms, database: Database, by: tuple[str, ...], back: list[int]
) -> None:
    with Path("over.toml").open("a") as settings:
        settings.write('\n[orders]\ndeposit = "keep"\n')
    with database.transaction() as session:
        stock(session, {"sh": {"melon": 9}}, "ASN-9")
        deposited: dict[str, Any] = {"paid_at": None, "deposit_paid_at": AT, "deposit": 1250, "total": 3000}
        order_id = placed(session, order({"melon": 3}, **deposited))
    assert oms("order", "cancel", "T1", "--line", "L1:3", *by, *WHY).exit_code == 0
    with database.transaction() as session:
        seen = see(session, order_id)
    assert (seen.lifecycle, [one.amount - one.set_off for one in seen.refunds]) == ("cancelled", back)


def test_what_is_left_to_pay_beside_a_deposit_is_shown(oms: Oms, database: Database) -> None:
    due = AT + timedelta(days=3)
    with database.transaction() as session:
        stock(session, {"sh": {"melon": 9}}, "ASN-9")
        deposited: dict[str, Any] = {
            "paid_at": None,
            "deposit_paid_at": AT,
            "deposit": 1250,
            "balance_due_at": due,
            "total": 3000,
        }
        placed(session, order({"melon": 3}, **deposited))
    assert (
        f"deposit ¥12.50 · balance ¥17.50 · due {due.astimezone():%Y-%m-%d %H:%M}" in oms("order", "show", "T1").stdout
    )


def test_holds_are_listed_by_what_they_hold(oms: Oms, database: Database) -> None:
    with database.transaction() as session:
        enforce(session, ruling.rule("line.sku == 'apple'", verdict=holding(scope="line")))
        stock(session, {"sh": {"apple": 9}}, "ASN-8")
        placed(session, order({"apple": 1}, "part"))
        placed(session, order({"apple": 1}, "whole", paid_at=None))
    told = json.loads(oms("order", "holds", "--scope", "line", "--json").stdout)["holds"]
    assert {one["line_no"] for one in told} == {1}
    assert told[0]["external_id"] == "part"
    assert "line 1 apple" in oms("order", "holds", "--scope", "line").stdout
    assert "whole" in oms("order", "holds", "--scope", "order", "--type", "finance").stdout
    assert "--after" in oms("order", "holds", "--limit", "1").stderr


def test_parcels_are_stopped_by_their_courier_or_by_somebody(oms: Oms, database: Database) -> None:
    with database.transaction() as session:
        served(session)
        order_id = left(session, packed("SF-1", {"apple": 2}), packed("ZT-1", {"apple": 1}, courier="ZTO"))
    stop = ("order", "cancel", "T1", "--intercept", *WHY)
    assert oms(*stop).stderr == "couriers are asked to stop 1 parcels\nsomebody is asked to stop 1 parcels\n"
    assert "1 parcels were asked for before" in oms(*stop).stderr
    with database.transaction() as session:
        lose_intercept(session, Parcel(order_id, 1, 1), SF, "sf_A1001", AT, doubt=False)
    assert "Not stopped: sf_A1001" in oms("order", "show", "T1").stdout
    with database.transaction() as session:
        answered(session, order_id, NO)
    shown = oms("order", "show", "T1").stdout
    assert "Not stopped: 运单已签收 (20011)" in shown
    assert json.loads(oms("order", "show", "T1", "--json").stdout)["parcels"][0]["intercept"] == "rejected"


def test_what_cannot_be_done_is_refused(oms: Oms, database: Database) -> None:
    order_id = place(database)
    assert isinstance(oms("order", "cancel", "T1", "--line", "L1", *WHY).exception, Malformed)
    both = oms("order", "cancel", "T1", "--intercept", "--line", "L1:1", *WHY)
    assert (type(both.exception), "stopped whole" in str(both.exception)) == (Malformed, True)
    assert isinstance(oms("order", "cancel", "T1", "--intercept", *WHY).exception, Conflict)
    assert isinstance(oms("order", "decide", "T1", "--keep", *WHY).exception, NotFound)
    assert oms("order", "cancel", "T1", *WHY).exit_code == 0
    with database.transaction() as session:
        assert see(session, order_id).lifecycle == "cancelled"
