"""Returns on an order's page: asked for, approved or rejected, and taken in piece by piece."""

from typing import Any

import pytest

from hub.roles import Role
from tests.dashboards.desk import NOW, Desk, plain
from tests.dashboards.test_order_changes import ahead, change, confirmed, done, seen
from tests.hub.aftersale.returning import levels, refunded, sent
from tests.hub.making import order, stock


@pytest.fixture
def order_id(desk: Desk) -> int:
    with desk.database.transaction() as session:
        stock(session, {"sh": {"apple": 9}})
        return sent(session, order({"apple": 3}, placed_at=NOW, paid_at=NOW), {"apple": 3})


def ask(desk: Desk, order_id: int, n: str, **fields: str) -> str:
    led = done(desk, change(order_id, "return"), line=["L1"], n=[n], reason="wrong size", **fields)
    return f"{led}/returns/{len(seen(desk, order_id).returns)}"


def test_goods_are_taken_back_step_by_step(desk: Desk, order_id: int) -> None:
    here = ask(desk, order_id, "3", fault="merchant")
    page = plain(desk.see(f"/console/orders/{order_id}"))
    assert "To be decided" in page
    assert "The merchant's fault" in page
    desk.act(f"{here}/approve", reason="within seven days")
    assert "The return is approved" in plain(desk.see(f"/console/orders/{order_id}"))
    fields: dict[str, Any] = {"document": "RK-1", "sku": ["apple"], "ref": ["1"], "good": ["2"], "bad": ["1"]}
    for _ in range(2):
        desk.act(f"{here}/receive", **fields)
    with desk.database.transaction() as session:
        assert (levels(session, "sh", "apple"), refunded(session)) == ({"saleable": 8, "damaged": 1}, [(3000, 0)])
    page = plain(desk.see(f"/console/orders/{order_id}"))
    assert "All is back" in page
    assert "took in what came back" in page
    assert desk.audited("return.receive") == [("operator-1", f"order:{order_id}")]


def test_a_return_is_rejected_and_one_let_go(desk: Desk, order_id: int) -> None:
    desk.act(f"{ask(desk, order_id, '1')}/reject", reason="worn")
    here = ask(desk, order_id, "1")
    desk.act(f"{here}/approve", reason="fine")
    desk.act(f"{here}/withdraw", reason="keeps it")
    assert [one.state for one in seen(desk, order_id).returns] == ["rejected", "withdrawn"]
    assert desk.post(f"{here}/approve", reason="again").status_code == 409


def test_money_alone_goes_back(desk: Desk, order_id: int) -> None:
    desk.act(f"{ask(desk, order_id, '1', kind='refund_only')}/approve", reason="broken on arrival")
    assert [one.amount for one in seen(desk, order_id).refunds] == [1000]
    assert "Refunded alone" in plain(desk.see(f"/console/orders/{order_id}"))


def test_of_two_who_want_the_same_back_the_second_is_told_of_the_first(desk: Desk, order_id: int) -> None:
    path, wish = change(order_id, "return"), {"line": ["L1"], "n": ["1"]}
    second = confirmed(ahead(desk, path, reason="mine", **wish))
    desk.sit("operator-2", Role.OPERATOR)
    ask(desk, order_id, "1")
    answer = desk.post(f"{path}/do", **second)
    assert (answer.status_code, "Return 1: To be decided" in plain(answer.text)) == (409, True)
    assert len(seen(desk, order_id).returns) == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"n": ["4"]}, "more_than_shipped"),
        ({"n": ["0"]}, "unknown_line"),
        ({"n": ["1"], "to": "nowhere"}, "unknown_location"),
        ({"n": ["x"]}, "pieces"),
    ],
)
def test_what_cannot_come_back_is_said_before(desk: Desk, order_id: int, fields: dict[str, object], code: str) -> None:
    told = ahead(desk, change(order_id, "return"), line=["L1"], reason="try", **fields)
    assert f">{code}<" in told
    assert seen(desk, order_id).returns == ()


@pytest.mark.parametrize("good", ["-1", "x", "1.5", "9" * 8, "9" * 7])
def test_pieces_that_cannot_have_arrived_are_refused(desk: Desk, order_id: int, good: str) -> None:
    here = ask(desk, order_id, "1")
    desk.act(f"{here}/approve", reason="fine")
    lines: dict[str, Any] = {"sku": ["apple"], "ref": ["1"], "bad": [""]}
    assert desk.post(f"{here}/receive", document="RK-1", good=[good], **lines).status_code == 422
    assert desk.post(f"{here}/receive", document="", good=["1"], **lines).status_code == 422


def test_who_looks_only_or_works_for_another_brand_decides_nothing(desk: Desk, order_id: int) -> None:
    here = ask(desk, order_id, "1")
    for name, role, brand, status in (("looker", Role.VIEWER, "", 403), ("other", Role.OPERATOR, "other", 404)):
        desk.sit(name, role, brand=brand)
        for act in ("approve", "reject", "withdraw", "receive"):
            assert desk.post(f"{here}/{act}", reason="let me", document="x").status_code == status
    assert [one.state for one in seen(desk, order_id).returns] == ["requested"]


def test_goods_are_sent_in_exchange_for_a_return_that_then_names_them(desk: Desk, order_id: int) -> None:
    desk.act(f"{ask(desk, order_id, '2')}/approve", reason="fine")
    assert "For the return" in plain(desk.drawer(change(order_id, "exchange")))
    done(desk, change(order_id, "exchange"), line=["L1"], n=["2"], sku=[""], back="1", reason="wrong size")
    [made] = [one.order for one in seen(desk, order_id).links]
    first, second = (plain(desk.see(f"/console/orders/{one}")) for one in (order_id, made))
    assert f"Sent in exchange: {made}" in first
    assert first.count(f"for return {order_id}-r1") == second.count(f"for return {order_id}-r1") == 2
    assert f"对应退货单 {order_id}-r1" in plain(desk.get(f"/console/orders/{made}", **{"accept-language": "zh"}).text)
