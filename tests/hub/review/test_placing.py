from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub import database as hub_database
from hub.catalogue.describe import describe
from hub.catalogue.model import Storage
from hub.database import keyring_of, row, rows
from hub.errors import Unauthorised
from hub.fulfilment.keep import LATER
from hub.inventory.soft import Wish as Cart
from hub.inventory.soft import hold
from hub.order.change.begin import change
from hub.order.change.cancel import cancel
from hub.order.change.revision import Contents, Wish
from hub.order.change.table import Charge
from hub.order.change.wanted import WantedLine
from hub.order.holds.expiry import expire_holds
from hub.order.holds.repair import tally_orders
from hub.order.holds.resume import release_holds
from hub.order.model import Buyer
from hub.order.place.batch import Placed
from hub.review.barred import address_index, bar, lift, list_barred
from hub.review.table import BarredKind
from hub.roles import SYSTEM, Actor, Role
from tests.hub.aftersale.returning import ask, sent
from tests.hub.making import (
    AT,
    BRAND,
    RECEIVER,
    ZONE,
    add_sku,
    open_causes,
    order,
    place_all,
    placed,
    see,
    sources,
    stock,
)
from tests.hub.order.changing import BY, want
from tests.hub.review.ruling import ADMIN, FRAGILE, SUPERVISOR, enforce, holding, letting, place_later, rule

OPERATOR = Actor("operator-1", frozenset({Role.OPERATOR}))
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    stock(session, {"sh": {"apple": 50}})


def held(session: Session, order_id: int) -> list[tuple[str, str]]:
    return [(hold.type, hold.rule) for hold in see(session, order_id).holds]


def release_at(session: Session, order_id: int) -> Any:  # noqa: ANN401 # a moment, or nothing without a step
    found = row(session, "select run_at from step where order_id = :id and flow = 'release_fulfilment'", id=order_id)
    return found and found.run_at


def last_release(session: Session, order_id: int) -> datetime:
    statement = """select run_at from step where order_id = :id and flow = 'release_fulfilment' and state = 'pending'
                   order by id desc"""
    return rows(session, statement, id=order_id)[0].run_at


def test_a_rule_holds_what_it_is_true_of_and_calls_a_person(session: Session) -> None:
    enforce(session, rule("order.total > 1500"))
    assert held(session, placed(session, order({"apple": 1}, "T1"))) == []
    dear = placed(session, order({"apple": 2}, "T2"))
    assert (held(session, dear), sources(session, dear)) == ([("fraud", "some_rule")], [])
    assert open_causes(session) == ["review"]


def test_a_rule_that_fails_on_an_order_holds_it_and_none_of_its_neighbours(session: Session) -> None:
    enforce(session, rule(FRAGILE))
    one, two = place_all(session, order({"apple": 2}, "T1"), order({"apple": 1}, "T2"))
    assert isinstance(one, Placed)
    assert isinstance(two, Placed)
    sound, failing = one.order_id, two.order_id
    assert (held(session, sound), held(session, failing)) == ([], [("review", "rule_failed")])
    assert sources(session, failing) == []


def test_a_seller_s_note_is_asked_as_a_remark_is_and_never_kept(session: Session) -> None:
    enforce(session, rule("order.seller_note.contains('先别发')", verdict=holding(type="remark")))
    first, second = (
        placed(session, order({"apple": n}, f"T{n}", seller_note=note))
        for n, note in ((1, ""), (2, "先别发货 10000000042"))
    )
    assert [held(session, one) for one in (first, second)] == [[], [("remark", "some_rule")]]
    assert rows(session, "select evidence from order_hold")[0].evidence == {"no": 1, "seen": {}}


def test_another_shop_is_not_asked(session: Session) -> None:
    enforce(session, rule("true", brand=BRAND, shop="app"))
    assert held(session, placed(session, order({"apple": 1}))) == []


def test_a_clean_order_is_let_go_at_once_and_says_by_which_rule(session: Session) -> None:
    enforce(session, rule("twin.found && order.total < 5000", "small_twins", verdict=letting("duplicate")))
    buyer = Buyer(ref="one-buyer")
    placed(session, order({"apple": 1}, "T1", buyer=buyer))
    twin = placed(session, order({"apple": 1}, "T2", buyer=buyer))
    assert (held(session, twin), sources(session, twin), open_causes(session)) == ([], [("sh", "open")], [])
    found = row(session, "select type, released_by, evidence from order_hold where order_id = :id", id=twin)
    assert found
    assert (found.type, found.released_by) == ("duplicate", "small_twins@1")


def test_a_hold_of_release_reserves_and_sends_nothing_until_it_ends(session: Session) -> None:
    enforce(session, rule("order.total > 1500", verdict=holding(blocks=["release"])))
    order_id = placed(session, order({"apple": 2}))
    assert (sources(session, order_id), release_at(session, order_id)) == ([("sh", "open")], LATER)
    release_holds(session, order_id, OPERATOR, "checked", AT)
    assert (held(session, order_id), release_at(session, order_id)) == ([], AT)


def test_what_is_kept_back_can_still_be_cancelled_at_once(session: Session) -> None:
    enforce(session, rule("true", verdict=holding(blocks=["release"])))
    order_id = placed(session, order({"apple": 2}))
    assert cancel(session, order_id, "mall-pc", "changed my mind", AT) == "cancelled"


def test_an_order_that_is_changed_is_asked_about_again_and_is_not_its_own_history(session: Session) -> None:
    enforce(session, rule("order.remark != '' && buyer.orders_90d == 0", verdict=holding(blocks=["release"])))
    order_id = placed(session, order({"apple": 2}))
    for remark, kinds, waits in (("慢点", [("fraud", "some_rule")], True), ("", [], False)):
        change(session, order_id, Wish(contents=Contents(remark=remark)), BY, AT + HOUR)
        assert (held(session, order_id), last_release(session, order_id) == LATER) == (kinds, waits)


def test_a_hold_that_names_a_role_is_let_go_by_it_or_a_higher_one(session: Session) -> None:
    enforce(session, rule("true", verdict=holding(resolver="supervisor")))
    order_id = placed(session, order({"apple": 1}))
    assert tally_orders(session, OPERATOR, [order_id]).eligible == ()
    with pytest.raises(Unauthorised) as caught:
        release_holds(session, order_id, OPERATOR, "checked", AT)
    assert caught.value.code == "resolver"
    release_holds(session, order_id, SUPERVISOR, "checked", AT)
    assert sources(session, order_id) == [("sh", "open")]


def test_a_hold_that_expires_calls_nobody_and_its_order_goes_on(session: Session) -> None:
    enforce(session, rule("true", verdict=holding(type="merge_window", expires_after_s=1800)))
    order_id = placed(session, order({"apple": 1}))
    assert (open_causes(session), expire_holds(session, (AT + timedelta(minutes=29)).astimezone(ZONE))) == ([], 0)
    assert expire_holds(session, (AT + HOUR).astimezone(ZONE)) == 1
    assert (held(session, order_id), sources(session, order_id)) == ([], [("sh", "open")])


def test_a_hold_that_expires_leaves_the_others_and_closes_its_own_review(session: Session) -> None:
    enforce(session, rule("true", "waits", verdict=holding(expires_after_s=1800, resolver="operator")))
    enforce(session, rule("order.pieces > 1", "many", verdict=holding()))
    free, other = placed(session, order({"apple": 1}, "T1")), placed(session, order({"apple": 2}, "T2"))
    assert expire_holds(session, (AT + HOUR).astimezone(ZONE)) == 2
    assert (sources(session, free), sources(session, other)) == ([("sh", "open")], [])
    found = rows(session, "select order_id, state from case_file order by order_id")
    assert {one.order_id: one.state for one in found} == {free: "resolved", other: "open"}


def test_what_waits_to_be_released_goes_when_its_hold_expires(session: Session) -> None:
    enforce(session, rule("true", verdict=holding(blocks=["release"], expires_after_s=60)))
    order_id = placed(session, order({"apple": 1}))
    later = (AT + HOUR).astimezone(ZONE)
    assert (expire_holds(session, later), release_at(session, order_id)) == (1, later)


def test_the_buyers_history_ends_before_the_order(session: Session) -> None:
    enforce(session, rule("buyer.refunds_90d > 0 && buyer.orders_90d == 2", verdict=holding(type="finance")))
    buyer = Buyer(ref="one-buyer")
    first = placed(session, order({"apple": 1}, "T1", buyer=buyer))
    cancel(session, first, "mall-pc", "changed my mind", AT)
    second = place_later(session, order({"apple": 2}, "T2", buyer=buyer), HOUR)
    third = place_later(session, order({"apple": 3}, "T3", buyer=buyer), 2 * HOUR)
    assert [held(session, one) for one in (second, third)] == [[], [("finance", "some_rule")]]


def test_a_return_and_money_that_is_asked_back_at_the_channel_are_refunds_of_the_buyer(session: Session) -> None:
    enforce(session, rule("buyer.refunds_90d == 2"))
    buyer = Buyer(ref="one-buyer")
    first = sent(session, order({"apple": 1}, "T1", buyer=buyer), {"apple": 1})
    ask(session, first, {"L1": 1})
    asking = order({"apple": 2}, "T2", buyer=buyer)
    [line] = asking.order.lines
    lines = (line.model_copy(update={"refund_requested": True}),)
    placed(session, replace(asking, order=asking.order.model_copy(update={"lines": lines})))
    placed(session, order({"apple": 3}, "T3", buyer=buyer))
    fourth = place_later(session, order({"apple": 4}, "T4", buyer=buyer), HOUR)
    assert held(session, fourth) == [("fraud", "some_rule")]


@pytest.mark.parametrize("kind", list(BarredKind))
def test_who_is_on_the_blacklist_is_found_by_what_nobody_can_read(session: Session, kind: BarredKind) -> None:
    enforce(session, rule(f"blacklist.{kind} && blacklist.hit"))
    ring, one = keyring_of(session), order({"apple": 1})
    street = address_index(ring, BRAND, "310115", " 测试路 １号") if kind is BarredKind.ADDRESS else b""
    index = {
        BarredKind.PHONE: ring.index("phone", BRAND, "10000000001"),
        BarredKind.BUYER: ring.index("subject", BRAND, one.order.buyer.ref),
        BarredKind.ADDRESS: street,
    }[kind]
    number = bar(session, ADMIN, BRAND, kind, index, "parcels refused", AT - HOUR)
    assert held(session, placed(session, one)) == [("fraud", "some_rule")]
    assert [entry.id for entry in list_barred(session, ADMIN, AT)] == [number]
    lift(session, ADMIN, number, AT)
    assert held(session, place_later(session, order({"apple": 1}, "T2"), HOUR)) == []


@pytest.mark.parametrize(
    ("street", "barred"),
    [
        ("测试路 1－11 号", True),
        ("上海市浦东新区测试路1-11号", True),
        ("测试路11-1号", False),
        ("测试路1-1-1号", False),
    ],
)
def test_a_barred_address_is_one_door_however_it_is_written(session: Session, street: str, *, barred: bool) -> None:
    enforce(session, rule("blacklist.address"))
    for door in ("测试路1-11号", "测试路111号"):
        index = address_index(keyring_of(session), BRAND, "310115", door)
        bar(session, ADMIN, BRAND, BarredKind.ADDRESS, index, "parcels refused", AT - HOUR)
    order_id = placed(session, order({"apple": 1}, receiver=RECEIVER.model_copy(update={"street": street})))
    assert bool(held(session, order_id)) is barred


def test_what_the_places_lack_is_known_before_a_source_is_sought(session: Session) -> None:
    enforce(session, rule("stock.missing > 10 && 'apple' in stock.skus", verdict=holding(type="stock")))
    assert held(session, placed(session, order({"apple": 61}, "T1"))) == [("stock", "some_rule")]
    assert held(session, placed(session, order({"apple": 55}, "T2"))) == [("stock", "no_source")]


def test_nothing_that_is_only_handed_over_is_lacked(session: Session) -> None:
    add_sku(session, "card")
    describe(session, SYSTEM, "card", AT, storage=Storage.NONE)
    enforce(session, rule("stock.missing > 0", verdict=holding(type="stock")))
    assert held(session, placed(session, order({"card": 1, "apple": 1}))) == []


def test_what_a_cart_holds_is_not_lacked_by_the_first_order_that_names_it(session: Session) -> None:
    hold(session, BRAND, "pc", "cart-1", [Cart("apple", 49)], HOUR, AT)
    enforce(session, rule("stock.missing > 0", verdict=holding(type="stock")))
    two = [order({"apple": 50}, number, reservation="cart-1") for number in ("T1", "T2")]
    ids = [one.order_id for one in place_all(session, *two, order({"apple": 2}, "T3")) if isinstance(one, Placed)]
    assert [bool(held(session, order_id)) for order_id in ids] == [False, True, True]


def test_what_an_order_was_given_is_not_lacked_when_it_changes(session: Session) -> None:
    enforce(session, rule("stock.missing > 0", verdict=holding(type="stock")))
    order_id = placed(session, order({"apple": 40}))
    want(session, order_id, WantedLine("L1", 41, "apple"), charge=Charge.FREE)
    assert held(session, order_id) == []


def test_what_the_cart_of_an_order_that_waits_to_be_paid_holds_is_not_lacked_when_it_changes(session: Session) -> None:
    hold(session, BRAND, "pc", "cart-1", [Cart("apple", 45)], HOUR, AT)
    enforce(session, rule("stock.missing > 40", verdict=holding(type="stock")))
    order_id = placed(session, order({"apple": 45}, reservation="cart-1", paid_at=None))
    want(session, order_id, WantedLine("L1", 46, "apple"), charge=Charge.FREE)
    assert held(session, order_id) == [("finance", "unpaid")]


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Generator[Counter[str]]:
    """Count the statements that are sent meanwhile."""
    seen, sent = Counter[str](), hub_database._native  # pyright: ignore[reportPrivateUsage] # where each passes

    def noted(statement: str) -> tuple[bytes, tuple[str, ...]]:
        seen[statement] += 1
        return sent(statement)

    with monkeypatch.context() as patched:
        patched.setattr(hub_database, "_native", noted)
        yield seen


def test_rules_cost_so_many_statements_a_batch_however_many_orders(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: list[int] = []
    asks = ("order.total < 0", "risk.score > 100", "buyer.orders_90d > 900", "merge.orders_30m > 90")
    for batch, expression in enumerate(("", *asks)):
        if expression:
            enforce(session, rule(expression, f"rule_{batch}"))
        place_all(session, order({"apple": 1}, f"W{batch}"))  # the rules are read and remembered
        with counted(monkeypatch) as seen:
            place_all(session, *(order({"apple": 1}, f"T{batch}-{no}") for no in range(4)))
        costs.append(seen.total())
    assert [cost - costs[0] for cost in costs] == [0, 0, 2, 2, 3]
