"""Gifts look at stock: what has run out is left out, replaced or waited for, and no count drifts by it."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy.orm import Session

from hub.database import KEYRING, Database, rows
from hub.gift.count import Wish
from hub.gift.model import Give, Rule, Strategy, Verdict
from hub.inventory.level import free_pieces
from hub.order.change.cancel import cancel
from hub.order.model import Buyer
from hub.order.place.gift_stock import settle, settle_all
from hub.order.rules.policy import POLICY
from hub.roles import SYSTEM
from hub.sourcing.policies import draft_policy, publish_policy
from tests.conftest import RING
from tests.hub.gift.giving import gifts_of, given, put_in_force, verdicts
from tests.hub.making import AT, ZONE, add_sku, order, place_all, placed, see, stock
from tests.scale import count


def shelve(session: Session, **pieces: int) -> None:
    stock(session, {"sh": {"tea": 99, **pieces}})
    for sku in ("cup", "mug"):
        add_sku(session, sku)


def holds(session: Session) -> list[str]:
    return [one.rule for one in rows(session, "select rule from order_hold where released_at is null")]


def seen(session: Session, order_id: int) -> Mapping[str, object]:
    (one,) = rows(session, "select seen from gift_decision where order_id = :id", id=order_id)
    return one.seen


def test_a_gift_that_has_run_out_is_left_out_with_its_reason_and_takes_nobody_s_place(session: Session) -> None:
    shelve(session, cup=1)
    put_in_force(session, first_orders=5, once_per_member=True)
    first, second = (placed(session, order({"tea": 1}, number)) for number in ("A", "B"))
    assert (verdicts(session, first), verdicts(session, second)) == (["given"], ["out_of_stock"])
    assert (gifts_of(session, second), seen(session, second)["lacked"]) == ([], "cup")
    assert (given(session), holds(session)) == ((1, 1), [])
    assert len(rows(session, "select 1 from gift_member")) == 1


def test_what_was_refused_may_be_had_once_there_are_goods_again(session: Session) -> None:
    shelve(session)
    put_in_force(session, once_per_member=True)
    mine = [order({"tea": 1}, number, buyer=Buyer(ref="one")) for number in ("A", "B")]
    assert verdicts(session, placed(session, mine[0])) == ["out_of_stock"]
    stock(session, {"sh": {"cup": 1}}, "ASN-2")
    assert verdicts(session, placed(session, mine[1])) == ["given"]


def test_what_stands_in_is_given_and_when_that_has_run_out_too_nothing_is(session: Session) -> None:
    shelve(session, cup=1, mug=1)
    put_in_force(session, gives=(Give(sku="cup", instead="mug"),), if_out="replace")
    ids = [placed(session, order({"tea": 1}, number)) for number in "ABC"]
    assert [gifts_of(session, one) for one in ids] == [[("cup", 1)], [("mug", 1)], []]
    assert (verdicts(session, ids[2]), holds(session)) == (["out_of_stock"], [])


def test_a_gift_that_is_waited_for_holds_its_order_as_goods_do(session: Session) -> None:
    shelve(session)
    put_in_force(session, if_out="wait")
    order_id = placed(session, order({"tea": 1}))
    assert (gifts_of(session, order_id), holds(session)) == ([("cup", 1)], ["no_source"])


def test_it_is_given_fewer_times_where_there_are_too_few(session: Session) -> None:
    shelve(session, cup=5)
    put_in_force(session, gives=(Give(sku="cup", pieces=2),), min_pieces=1, most_times=9, most_pieces=20)
    assert gifts_of(session, placed(session, order({"tea": 4}))) == [("cup", 4)]
    assert given(session) == (1, 4)


def test_what_is_bought_goes_before_what_is_given(session: Session) -> None:
    shelve(session, cup=3)
    put_in_force(session, skus=("tea",))
    place_all(session, order({"tea": 1}, "A"), order({"cup": 3}, "B"))
    assert (given(session), holds(session)) == ((0, 0), [])


def test_goods_where_the_policy_does_not_look_are_no_gifts_and_their_count_is_given_back(session: Session) -> None:
    shelve(session)
    stock(session, {"bj": {"cup": 9}}, "ASN-2")
    draft_policy(session, SYSTEM, 'version = "a"\nbrand = "demo"\n[eliminate]\nlocations = ["bj"]', POLICY.version, AT)
    publish_policy(session, SYSTEM, "demo", "a", "tried", AT, revision=1, untried="a test")
    put_in_force(session, first_orders=5, once_per_member=True)
    order_id = placed(session, order({"tea": 1}))
    assert (verdicts(session, order_id), given(session), holds(session)) == (["out_of_stock"], (0, 0), [])
    assert rows(session, "select 1 from gift_member") == []


def test_a_gift_of_value_that_is_left_out_costs_nobody_anything(session: Session) -> None:
    shelve(session)
    stock(session, {"bj": {"cup": 9}}, "ASN-2")
    draft_policy(session, SYSTEM, 'version = "a"\nbrand = "demo"\n[eliminate]\nlocations = ["bj"]', POLICY.version, AT)
    publish_policy(session, SYSTEM, "demo", "a", "tried", AT, revision=1, untried="a test")
    put_in_force(session, gives=(Give(sku="cup", value_fen=900),))
    view = see(session, placed(session, order({"tea": 1})))
    assert (view.goods, view.discount, view.total, len(view.lines)) == (1_000, 0, 1_000, 1)


def test_a_gift_that_nobody_sends_needs_no_stock(session: Session) -> None:
    shelve(session)
    add_sku(session, "voucher", storage="none")
    put_in_force(session, gives=(Give(sku="voucher"),))
    assert verdicts(session, placed(session, order({"tea": 1}))) == ["given"]


def test_batches_that_race_for_the_last_gifts_give_what_there_is_and_no_order_waits_for_one(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"tea": 99, "cup": 5}})
        put_in_force(session, most_pieces=50)
        put_in_force(session, "other")

    def buy(no: int) -> None:
        with database.transaction() as session:
            place_all(session, *[order({"tea": 1}, f"T{no}-{n}") for n in range(4)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(buy, range(4)))
    with database.transaction() as session:
        got = rows(session, "select strategy, pieces from gift_decision where verdict = 'given'")
        mine = [one.pieces for one in got if one.strategy == "spring"]
        assert (sum(one.pieces for one in got), given(session), holds(session)) == (5, (len(mine), sum(mine)), [])
        assert free_pieces(session, {"cup": 1}, AT.astimezone(ZONE))["sh", "cup"] == 0


ACTS = st.lists(st.tuples(st.sampled_from(["buy", "buy", "cancel", "fill"]), st.integers(1, 3)), max_size=12)


@drawn(ACTS, st.integers(0, 4), st.integers(0, 2), st.booleans(), st.sampled_from(["leave_out", "replace"]))
@settings(max_examples=count(15, 200, 5), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_never_drift_and_no_order_waits_for_a_gift(
    scratch: Database,
    acts: list[tuple[str, int]],
    cups: int,
    mugs: int,
    once: bool,  # noqa: FBT001 # drawn
    if_out: str,
) -> None:
    with Session(scratch.engine, expire_on_commit=False, info={KEYRING: RING}) as session:
        shelve(session, cup=cups, mug=mugs)
        give = Give(sku="cup", instead="mug" if if_out == "replace" else None)
        put_in_force(
            session, gives=(give,), min_pieces=1, most_times=3, most_pieces=9, once_per_member=once, if_out=if_out
        )
        ids: list[int] = []
        for no, (what, n) in enumerate(acts):
            if what == "buy":
                ids.append(placed(session, order({"tea": n}, f"T{no}", buyer=Buyer(ref=f"b{n}"))))
            elif what == "fill":
                stock(session, {"sh": {"cup": n}}, f"FILL-{no}")
            elif ids:
                cancel(session, ids.pop(n % len(ids)), "tester", "wish", AT)
            kept = [pieces for one in ids for _, pieces in gifts_of(session, one)]
            assert (given(session), holds(session).count("no_source")) == ((len(kept), sum(kept)), 0)
            members = rows(session, "select 1 from gift_member")
            assert len(members) == (len(kept) if once else 0)


GIVES = st.lists(
    st.builds(Give, sku=st.sampled_from(["a", "b", "c"]), pieces=st.integers(1, 3)), min_size=1, max_size=3
)


@drawn(GIVES, st.integers(1, 5), st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 9)))
def test_what_lacks_is_settled_by_asking_for_less_and_for_nothing_less_than_it_must(
    gives: list[Give], times: int, lack: dict[str, int]
) -> None:
    strategy = Strategy(brand="demo", name="s", gives=tuple(gives), min_pieces=1, most_times=9)
    wish = Wish(1, 1, Verdict(Rule(strategy, 1), "given", {}, times))
    now = settle(wish, lack)
    concerned = any(lack.get(give.sku) for give in gives)
    assert (now is wish) is not concerned
    assert now.verdict.times < times or not concerned
    assert now.verdict.given is (now.verdict.times > 0)
    assert settle_all([wish, wish], {})[0] is wish


@pytest.mark.parametrize(
    "wrong", [{"if_out": "replace"}, {"gives": [{"sku": "cup", "instead": "mug"}]}, {"if_out": "perhaps"}]
)
def test_what_replaces_a_gift_is_named_where_it_is_asked_for_and_nowhere_else(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Strategy.model_validate({"brand": "demo", "name": "s", "gives": [{"sku": "cup"}], **wrong})
