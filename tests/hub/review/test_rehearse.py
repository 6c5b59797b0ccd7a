from datetime import UTC, datetime, timedelta
from itertools import count as count_up

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.errors import Malformed, Unauthorised
from hub.order.change.wanted import WantedLine
from hub.order.model import Buyer, ShopOrder
from hub.order.place.batch import Placed, place
from hub.order.rehearse.rule import LONGEST_S, rehearse
from hub.roles import Actor, Role
from tests.hub.making import AT, RECEIVER, ZONE, coupon, order, place_all, placed, stock
from tests.hub.order.changing import want
from tests.hub.review.ruling import ADMIN, FRAGILE, enforce, holding, letting, rule
from tests.scale import count

LATER = (AT + timedelta(days=1)).astimezone(ZONE)
NOWHERE = RECEIVER.model_copy(update={"province": "", "city": "", "county": ""})
EXPRESSIONS = (
    "order.total > 2500 && order.pieces < 5",
    "order.remark.contains('改地址') || order.gifts > 0",
    "order.seller_note.contains('先别发')",
    "address.quality != 'certain' || address.confidence < 0.95 || !address.known",
    "buyer.orders_90d > 1 || buyer.refunds_90d > 0",
    "risk.score >= 20 || merge.orders_30m > 1",
    "lines.exists(l, l.price > 9.5 && l.quantity > 2 && l.grams == 500 && l.amount > 0)",
    "twin.found || !order.paid || order.type == 'presale'",
    "100 / (order.pieces - 4) > 0",
    "lines[1].quantity > 1",
)
orders = st.builds(
    order,
    st.dictionaries(st.sampled_from(["apple", "pear"]), st.integers(1, 4), min_size=1),
    remark=st.sampled_from(["", "改地址", "快点"]),
    seller_note=st.sampled_from(["", "先别发"]),
    paid_at=st.sampled_from([AT, None]),
    receiver=st.sampled_from([RECEIVER, NOWHERE]),
    buyer=st.sampled_from([Buyer(ref="one"), Buyer(ref="two")]),
)


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    stock(session, {"sh": {"apple": 500, "pear": 500}})


@settings(max_examples=count(8, 300, quick=3), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(orders, min_size=1, max_size=4), min_size=1, max_size=3))
def test_trying_says_what_placing_has_said(session: Session, batches: list[list[ShopOrder]]) -> None:
    with session.begin_nested() as nested:
        for no, expression in enumerate(EXPRESSIONS):
            enforce(session, rule(expression, f"rule_{no}"))
        for hour, batch in enumerate(batches):
            renamed = [
                replace(one, order=one.order.model_copy(update={"external_id": f"T{hour}-{no}"}))
                for no, one in enumerate(batch)
            ]
            assert all(
                isinstance(one, Placed) for one in place(session, renamed, AT + timedelta(minutes=20 * hour), ZONE)
            )
        for no, expression in enumerate(EXPRESSIONS):
            said = rehearse(session, ADMIN, rule(expression), LATER)
            held = rows(session, "select order_id from order_hold where rule = :rule", rule=f"rule_{no}")
            failed = rows(session, "select 1 from order_hold where evidence ->> 'rule' = :rule", rule=f"rule_{no}")
            assert set(said.samples) == {str(one.order_id) for one in held}
            assert (said.hit, sum(said.failed.values())) == (len(held), len(failed))
        nested.rollback()


def test_trying_writes_nothing_and_names_the_orders(session: Session) -> None:
    dear, cheap = placed(session, order({"apple": 2}, "T1")), placed(session, order({"apple": 1}, "T2"))
    said = rehearse(session, ADMIN, rule("order.total > 1500"), LATER)
    assert (said.looked, said.hit, said.samples, said.failed) == (2, 1, (str(dear),), {})
    failing = rehearse(session, ADMIN, rule(FRAGILE), LATER)
    assert (failing.failed, failing.failed_samples) == ({"division_by_zero": 1}, (str(cheap),))
    assert rows(session, "select 1 from order_hold union all select 1 from review_rule") == []


def test_a_rule_of_release_counts_what_it_would_have_let_go(session: Session) -> None:
    buyer = Buyer(ref="one-buyer")
    _, twin = (placed(session, order({"apple": 1}, name, buyer=buyer)) for name in ("T1", "T2"))
    said = rehearse(session, ADMIN, rule("order.total < 5000", verdict=letting("duplicate")), LATER)
    assert (said.looked, said.samples) == (2, (str(twin),))


def test_only_the_rules_shops_the_actors_and_the_days_are_looked_at(session: Session) -> None:
    place_all(session, order({"apple": 1}))
    stranger = Actor("viewer-1", frozenset({Role.VIEWER}), brands=frozenset({"other"}))
    looked = [
        rehearse(session, ADMIN, rule("true"), LATER).looked,
        rehearse(session, stranger, rule("true"), LATER).looked,
        rehearse(session, ADMIN, rule("true", brand="other"), LATER).looked,
        rehearse(session, ADMIN, rule("true"), LATER + timedelta(days=9)).looked,
    ]
    assert looked == [1, 0, 0, 0]
    with pytest.raises(Malformed):
        rehearse(session, ADMIN, rule("true"), LATER, days=0)


def test_an_order_of_the_last_hours_of_a_month_is_looked_at_though_it_is_the_next_in_china(session: Session) -> None:
    late = datetime(2026, 10, 31, 19, 30, tzinfo=UTC)
    place(session, [order({"apple": 1})], late, ZONE)
    week_later = late + timedelta(days=7) - timedelta(minutes=20)
    assert rehearse(session, ADMIN, rule("true"), week_later.astimezone(ZONE)).looked == 1


@pytest.mark.parametrize(
    ("source", "refusal"),
    [
        ("order.remark.contains('快')", Unauthorised),
        ("order.seller_note.contains('快')", Unauthorised),
        ("has(order.remark) && order // the\n . remark != ''", Unauthorised),
        ("risk.score >= 0 && order['rem' + 'ark'].contains('快')", Malformed),
    ],
)
def test_only_who_may_unmask_asks_for_words_of_remarks(session: Session, source: str, refusal: type[Exception]) -> None:
    placed(session, order({"apple": 1}, remark="快点"))
    viewer = Actor("viewer-1", frozenset({Role.VIEWER}))
    assert rehearse(session, viewer, rule("order.total > 1 && order.brand != 'remark'"), LATER).hit == 1
    with pytest.raises(refusal):
        rehearse(session, viewer, rule(source), LATER)


def test_who_has_been_erased_is_left_out_where_a_rule_would_read_them(session: Session) -> None:
    placed(session, order({"apple": 1}))
    run(session, "update subject set data_key = null")
    plain, reading = (rehearse(session, ADMIN, rule(source), LATER) for source in ("true", "order.remark == ''"))
    assert ((plain.looked, plain.left_out), (reading.looked, reading.left_out)) == ((1, 0), (0, 1))


def test_a_trial_that_takes_too_long_tells_of_what_it_has_looked_at(session: Session) -> None:
    for no in range(3):
        placed(session, order({"apple": 1}, f"T{no}"))
    moments = count_up()
    tried = rehearse(session, ADMIN, rule("order.pieces > 0"), LATER, clock=lambda: next(moments) * LONGEST_S / 3)
    assert (tried.looked, tried.hit, tried.more) == (2, 2, True)
    whole = rehearse(session, ADMIN, rule("order.pieces > 0"), LATER)
    assert (whole.looked, whole.more) == (3, False)


def test_trying_a_rule_of_lines_or_fulfilment_orders_counts_these(session: Session) -> None:
    of = {scope: {"verdict": holding(scope=scope)} for scope in ("line", "fulfilment")}
    tried = {
        "of_lines": rule("line.quantity > 1 && order.pieces > 0", "of_lines", **of["line"]),
        "fragile": rule("100 / (line.quantity - 3) > 0", "fragile", **of["line"]),
        "of_documents": rule(
            "fulfilment.value >= 4000 && 'apple' in fulfilment.skus", "of_documents", **of["fulfilment"]
        ),
    }
    for one in tried.values():
        enforce(session, one)
    first, second = (placed(session, order({"apple": n, "pear": 4}, f"T{n}")) for n in (1, 3))
    said = {name: rehearse(session, ADMIN, one, LATER) for name, one in tried.items()}
    assert [(one.looked, one.asked, one.hit) for one in said.values()] == [(2, 4, 3), (2, 4, 2), (2, 1, 0)]
    assert said["of_lines"].samples == (f"{second}/1", f"{second}/2", f"{first}/2")
    assert (said["fragile"].failed, said["fragile"].failed_samples) == ({"division_by_zero": 1}, (f"{second}/1",))
    found = rows(session, "select order_id, line_no from order_hold where rule = 'of_lines' order by order_id desc, no")
    assert [f"{one.order_id}/{one.line_no}" for one in found] == list(said["of_lines"].samples)


def test_trying_a_rule_that_lets_lines_go_counts_lines_that_were_held(session: Session) -> None:
    enforce(session, rule("line.sku == 'pear'", "of_lines", verdict=holding(scope="line")))
    order_id = placed(session, order({"apple": 1, "pear": 4}))
    said = rehearse(session, ADMIN, rule("true", verdict=letting("fraud") | {"scope": "line"}), LATER)
    assert (said.asked, said.hit, said.samples) == (2, 1, (f"{order_id}/2",))


@pytest.mark.parametrize("scope", ["order", "line", "fulfilment"])
def test_an_order_is_tried_as_it_was_bought_and_not_with_what_came_in_exchange(session: Session, scope: str) -> None:
    order_id = placed(session, order({"apple": 3}, adjustments=(coupon(700),)))
    want(session, order_id, WantedLine("L1", 3, "pear"))
    one = rule("order.pieces != 3 || order.goods != 3000 || order.total != 2300", verdict=holding(scope=scope))
    tried = rehearse(session, ADMIN, one, LATER)
    assert (tried.looked, tried.asked, tried.hit, tried.failed) == (1, 1, 0, {})
