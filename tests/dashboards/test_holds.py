from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from dashboards import holds
from dashboards.hold_telling import TELLINGS, resolver_of, seen_in
from dashboards.hold_words import BLOCKED, HOLD_RULE
from dashboards.pages import new_key
from hub.database import Database, rows, run
from hub.order.change.cancel import cancel
from hub.order.model import OrderType
from hub.review.verdict import Act, HoldType
from hub.roles import Role
from tests.dashboards.desk import NOW, Desk, opened, plain
from tests.dashboards.troubles import RECEIVER_CANARY, lost, short
from tests.hub.making import BRAND, order, placed, stock
from tests.hub.review import ruling
from tests.hub.review.ruling import enforce, holding
from tests.staging import CANARY, CANARY_NAME

HOME = "/console/holds"
REASON = "asked the buyer"


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    with opened(database, tmp_path) as made:
        yield made


@pytest.fixture
def held(database: Database) -> dict[str, int]:
    """Place an order for each reason to wait, one of them for two reasons."""
    with database.transaction() as session:
        found = {"address": lost(session), "stock": short(session)}
        stock(session, {"sh": {"apple": 100}}, "ASN-held")
        for number, changes in (
            ("unpaid", {"paid_at": None}),
            ("remark", {"remark": "请改地址"}),
            ("both", {"paid_at": None, "type": OrderType.PRESALE}),
        ):
            found[number] = placed(session, order({"apple": 1}, number, receiver=RECEIVER_CANARY, **changes))
    return found


def open_holds(database: Database, order_id: int) -> list[str]:
    statement = "select type from order_hold where order_id = :id and released_at is null order by no"
    with database.transaction() as session:
        return [one.type for one in rows(session, statement, id=order_id)]


def test_an_empty_queue_says_what_comes_here(desk: Desk) -> None:
    assert "No order is held." in desk.sit("op", Role.OPERATOR).see(HOME)


def test_holds_are_counted_by_type_and_told_in_words_with_nobody_in_them(desk: Desk, held: dict[str, int]) -> None:
    page = desk.sit("op", Role.OPERATOR).see(HOME)
    text = plain(page)
    for told in ("All 6", "Finance 2", "Presale 1", "The remark says “改地址”", "No payment has come", "pear × 1"):
        assert told in text, told
    assert "An operator, with the right county" in text
    for order_id in held.values():
        assert f"{HOME}/{order_id}/1" in page
    assert CANARY not in page
    assert CANARY_NAME not in page


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ("type=finance", {"unpaid", "both"}),
        ("rule=remark_asks", {"remark"}),
        ("shop=h5", set[str]()),
        ("shop=pc&type=stock", {"stock"}),
        ("age=1d", {"address"}),
        ("type=nothing", set[str]()),
    ],
)
def test_the_queue_is_narrowed(
    desk: Desk, database: Database, held: dict[str, int], asked: str, numbers: set[str]
) -> None:
    with database.transaction() as session:
        run(session, "update order_hold set created_at = :at", at=NOW)
        old = NOW - timedelta(days=2)
        run(session, "update order_hold set created_at = :at where type = 'address'", at=old)
    page = desk.sit("op", Role.OPERATOR).see(f"{HOME}?{asked}")
    assert {number for number, order_id in held.items() if f"{HOME}/{order_id}/" in page} == numbers
    assert ("No hold matches." in page) is not bool(numbers)


def test_pages_follow_each_other(desk: Desk, held: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holds, "PAGE", 4)
    seat = desk.sit("op", Role.OPERATOR)
    first = seat.see(HOME)
    second = seat.see(f"{HOME}?cursor={held['remark']}-1")
    assert f"cursor={held['remark']}-1" in first
    assert second.count('name="hold"') == 2
    assert seat.get(f"{HOME}?cursor=x").status_code == 422


def test_a_hold_is_looked_at_and_its_order_goes_on_once(desk: Desk, database: Database, held: dict[str, int]) -> None:
    seat, key, path = desk.sit("op", Role.OPERATOR), new_key(), f"{HOME}/{held['both']}/1"
    drawer = plain(seat.drawer(f"{path}?type=finance"))
    assert "All its holds are lifted" in drawer
    assert "Routing" in drawer
    assert seat.post(f"{path}/release", reason=" ").status_code == 422
    led = [seat.post(f"{path}/release?type=finance", key=key, reason=REASON) for _ in range(2)]
    assert [one.headers["location"] for one in led] == [f"{HOME}?type=finance"] * 2
    assert open_holds(database, held["both"]) == []
    assert seat.audited("order.release") == [("op", f"order:{held['both']}")]
    assert seat.post(f"{path}/release", reason=REASON).status_code == 409
    assert REASON in seat.see(path)


def test_an_address_is_corrected_in_the_drawer(desk: Desk, database: Database, held: dict[str, int]) -> None:
    seat, path = desk.sit("op", Role.OPERATOR), f"{HOME}/{held['address']}/1"
    assert 'name="words"' in seat.drawer(path)
    assert seat.post(f"{path}/release", reason=REASON).status_code == 409
    seat.act(f"{path}/release", reason=REASON, division="310115")
    assert open_holds(database, held["address"]) == []


def test_a_cancellation_under_way_is_nobodys_to_release(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 9}})
        order_id = placed(session, order({"apple": 1}, "gone"))
        run(session, "update fulfilment_order set negotiation = 'accepted' where order_id = :id", id=order_id)
        run(session, "delete from step where order_id = :id", id=order_id)
        cancel(session, order_id, "op", "wish", NOW)
    drawer = desk.sit("op", Role.OPERATOR).drawer(f"{HOME}/{order_id}/1")
    assert "A cancellation is under way" in drawer
    assert "/release" not in drawer


def test_many_are_counted_first_and_then_released_with_one_reason(
    desk: Desk, database: Database, held: dict[str, int]
) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    ticked = "&".join(f"hold={order_id}" for order_id in held.values())
    counted = seat.drawer(f"{HOME}/selected?{ticked}")
    assert "Go on 4 Need their own answer 1 Wait for nothing 0" in plain(counted)
    assert "Finance 2 · Presale 1 · Remark 1 · Stock 1" in plain(counted)
    assert plain(seat.drawer(f"{HOME}/selected?every=true")) == plain(counted)
    things = ",".join(str(one) for one in held.values())
    seat.act(f"{HOME}/{held['remark']}/1/release", reason=REASON)
    assert seat.act(f"{HOME}/many?type=finance", things=things, reason=REASON) == f"{HOME}?type=finance"
    assert {name for name, one in held.items() if open_holds(database, one)} == {"address", "stock"}
    assert len(seat.audited("order.release")) == 4
    assert "Nothing is selected." in seat.drawer(f"{HOME}/selected")


def test_more_than_go_in_one_act_are_told(desk: Desk, held: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holds, "RELEASED", 2)
    seat = desk.sit("boss", Role.SUPERVISOR)
    assert "More match: 2 orders at a time" in seat.drawer(f"{HOME}/selected?every=true&shop=pc")
    assert len(held) == 5


def test_holds_of_another_brand_are_neither_seen_nor_released(
    desk: Desk, database: Database, held: dict[str, int]
) -> None:
    seat = desk.sit("stranger", Role.SUPERVISOR, brand="other")
    path = f"{HOME}/{held['unpaid']}/1"
    assert "No order is held." in seat.see(HOME)
    assert seat.get(path).status_code == 404
    assert seat.post(f"{path}/release", reason=REASON).status_code == 404
    seat.act(f"{HOME}/many", things=str(held["unpaid"]), reason=REASON)
    assert open_holds(database, held["unpaid"]) == ["finance"]
    assert BRAND != "other"


def test_who_may_not_act_sees_no_act(desk: Desk, held: dict[str, int]) -> None:
    seat = desk.sit("eye", Role.VIEWER)
    assert 'name="hold"' not in seat.see(HOME)
    assert "<form" not in seat.drawer(f"{HOME}/{held['unpaid']}/1")
    seat = desk.sit("op", Role.OPERATOR)
    assert "A supervisor acts on many at once" in seat.drawer(f"{HOME}/selected?hold={held['unpaid']}")


def test_every_rule_of_the_hub_tells_what_it_has_seen_in_both_languages() -> None:
    assert TELLINGS.keys() == HOLD_RULE.keys()
    seen = {"confidence": 0.31, "order": 7, "word": "退款", "grams": 2_300_500, "limit": 2_000_000, "total": 2_500_000}
    seen |= {"missing": {"pear": 9}, "reason": "wish", "rule": "large", "no": 2, "failed": "wrong_type"}
    seen |= {"planned": "2026-12-01", "lines": [1, 3], "attempts": 3, "location": "sh", "sku": "pear", "due": 300}
    seen |= {"sale": "11.11", "had": 2, "wants": 1, "sold": 4}
    for rule in TELLINGS:
        told = {seen_in(rule, seen, "CNY", language) for language in ("zh", "en")}
        assert len(told) == 2
    assert seen_in("total_above", seen, "CNY", "zh") == "金额 ¥25,000.00，超过 ¥20,000.00"
    assert seen_in("heavier_than", seen, "CNY", "en") == "2,300.5 kg in all, above 2,000.0 kg"


@pytest.mark.parametrize("rule", ["total_above", "no_source", "of_tomorrow"])
def test_what_another_version_has_seen_is_told_name_by_name(rule: str) -> None:
    assert seen_in(rule, {"sum": 3, "missing": ["pear"]}, "CNY", "en") == "sum: 3 · missing: ['pear']"


def test_every_type_says_who_may_end_it_and_every_act_what_it_is() -> None:
    assert BLOCKED.keys() == {one.value for one in Act}
    for kind in HoldType:
        assert resolver_of(kind, "", "zh") != resolver_of(kind, "", "en")
    assert resolver_of("fraud", "supervisor", "zh") == "仅限主管"


def test_a_line_that_is_held_is_named_and_let_go_by_itself(database: Database, desk: Desk) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 100, "pear": 100}}, "ASN-held")
        enforce(session, ruling.rule("line.sku == 'pear'", verdict=holding(scope="line")))
        enforce(session, ruling.rule("true", "of_document", verdict=holding(scope="fulfilment")))
        order_id = placed(session, order({"apple": 1, "pear": 1}))
    seat = desk.sit("op", Role.OPERATOR)
    text = plain(seat.see(HOME))
    assert "Line 2 pear" in text
    assert "Fulfilment order 1 sh" in text
    assert "This hold alone is lifted" in plain(seat.see(f"{HOME}/{order_id}/1"))
    seat.act(f"{HOME}/{order_id}/1/release", reason=REASON)
    with database.transaction() as session:
        live = rows(session, "select line_no, fulfilment_no from order_hold where released_at is null order by no")
    assert [tuple(one) for one in live] == [(None, 1), (None, 2)]


@pytest.mark.parametrize(
    ("scope", "numbers"), [("order", ["address", "stock"]), ("line", ["parted"]), ("fulfilment", ["parted"])]
)
def test_the_queue_is_narrowed_to_whole_orders_or_their_parts(
    database: Database, desk: Desk, scope: str, numbers: list[str]
) -> None:
    with database.transaction() as session:
        found = {"address": lost(session), "stock": short(session)}
        stock(session, {"sh": {"apple": 100, "pear": 100}}, "ASN-held")
        enforce(session, ruling.rule("line.sku == 'pear'", verdict=holding(scope="line")))
        enforce(session, ruling.rule("true", "of_document", verdict=holding(scope="fulfilment")))
        found["parted"] = placed(session, order({"apple": 1, "pear": 1}))
    page = desk.sit("op", Role.OPERATOR).see(f"{HOME}?scope={scope}")
    assert [name for name, order_id in found.items() if f"{HOME}/{order_id}/" in page] == numbers
    assert f'name="scope" value="{scope}"' in page
