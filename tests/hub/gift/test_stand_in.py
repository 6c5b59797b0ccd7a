"""What stands in for a gift is given where it gives more; where it does not, what it stands for is given less often."""

from collections import Counter

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.gift.count import Wish
from hub.gift.model import Give, Rule, Strategy, Verdict
from hub.order.place.gift_stock import settle
from tests.hub.gift.giving import gifts_of, given, put_in_force
from tests.hub.gift.test_stock import holds, shelve
from tests.hub.gift.test_stock_shared import leave_out_beijing
from tests.hub.making import order, placed

REPLACED = Give(sku="cup", instead="mug")
STRATEGY = Strategy(brand="demo", name="s", gives=(REPLACED,), min_pieces=1, most_times=9, if_out="replace")


@pytest.mark.parametrize(("cups", "mugs", "got"), [(2, 0, [("cup", 2)]), (1, 2, [("mug", 2)]), (2, 3, [("mug", 3)])])
def test_what_stands_in_is_given_only_where_it_gives_more(
    session: Session, cups: int, mugs: int, got: list[tuple[str, int]]
) -> None:
    shelve(session, cup=cups, mug=mugs)
    put_in_force(session, gives=(REPLACED,), if_out="replace", min_pieces=1, most_times=9, most_pieces=99)
    assert gifts_of(session, placed(session, order({"tea": 3}))) == got
    assert given(session) == (1, got[0][1])


def test_what_stands_in_gives_way_too_where_the_plan_finds_none_of_it(session: Session) -> None:
    shelve(session, cup=2)
    leave_out_beijing(session, "mug")
    put_in_force(session, gives=(REPLACED,), if_out="replace", min_pieces=1, most_times=9, most_pieces=99)
    one = placed(session, order({"tea": 3}))
    assert (gifts_of(session, one), given(session), holds(session)) == ([("cup", 2)], (1, 2), [])


def test_a_limit_bounds_what_is_given_once_nothing_stands_in(session: Session) -> None:
    shelve(session, cup=2)
    leave_out_beijing(session, "mug")
    put_in_force(session, gives=(REPLACED,), if_out="replace", min_pieces=1, most_times=9, most_pieces=1)
    one = placed(session, order({"tea": 3}))
    assert (gifts_of(session, one), given(session), holds(session)) == ([("cup", 1)], (1, 1), [])


GIVES = st.lists(
    st.builds(Give, sku=st.sampled_from("abc"), instead=st.sampled_from(["a", "x", "y"]), pieces=st.integers(1, 3)),
    min_size=1,
    max_size=3,
)


@drawn(GIVES, st.integers(1, 5), st.dictionaries(st.sampled_from("abcxy"), st.integers(0, 9)))
def test_whoever_asks_again_comes_to_an_end_and_never_gets_less_for_replacing(
    gives: list[Give], times: int, there: dict[str, int]
) -> None:
    def ends(*, final: bool) -> Wish:
        strategy = STRATEGY.model_copy(update={"gives": tuple(gives)})
        wish = Wish(1, 1, Verdict(Rule(strategy, 1), "given", {}, times), final=final)
        for _ in range(20):
            wanted = Counter[str]()
            for give in gives:
                wanted[wish.sku_of(give)] += give.pieces * wish.verdict.times
            if not (lack := wanted - Counter(there)):
                return wish
            wish = settle(wish, lack)
        raise AssertionError("it never ends")

    replaced, left_out = ends(final=False), ends(final=True)
    assert replaced.verdict.times <= times
    assert replaced.verdict.given is (replaced.verdict.times > 0)
    assert replaced.verdict.times >= left_out.verdict.times
