from hypothesis import given
from hypothesis import strategies as st

from sandbox.kdniao_accounts import Behaviour
from sandbox.kdniao_journey import Leg, plan

PARCELS = st.text(max_size=20)


def names(legs: tuple[Leg, ...]) -> list[str]:
    return [leg.stop.name for leg in legs]


@given(parcel=PARCELS, seed=st.integers())
def test_a_rerun_plans_the_same_way(parcel: str, seed: int) -> None:
    behaviour = Behaviour(seed=seed)
    assert plan(parcel, behaviour) == plan(parcel, behaviour)


@given(parcel=PARCELS, share=st.floats(0, 1))
def test_every_way_begins_collected_and_ends_delivered(parcel: str, share: float) -> None:
    way = names(plan(parcel, Behaviour(trouble=share, locker=share)))
    assert (way[0], way[-1], way.count("delivered")) == ("collected", "delivered", 1)


@given(parcel=PARCELS)
def test_each_wait_lies_between_the_shortest_and_the_longest(parcel: str) -> None:
    assert all(1 <= leg.wait_s <= 2 for leg in plan(parcel, Behaviour(delay_s=(1, 2))))


@given(parcel=PARCELS)
def test_after_a_trouble_it_is_delivered_all_the_same(parcel: str) -> None:
    legs = plan(parcel, Behaviour(trouble=1))
    assert names(legs)[-3:] == ["trouble", "out_for_delivery", "delivered"]
    assert legs[-1].stop.state_ex == "302"


@given(parcel=PARCELS)
def test_the_first_list_has_none_before_it(parcel: str) -> None:
    older = [leg.older_after for leg in plan(parcel, Behaviour(out_of_order=1))]
    assert (older[0], set(older[1:])) == (False, {True})


def test_some_parcels_wait_in_a_locker_and_most_do_not() -> None:
    ways = [names(plan(f"SF/{no}", Behaviour())) for no in range(300)]
    assert 0 < sum("in_locker" in way for way in ways) < 90
