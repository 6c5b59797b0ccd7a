from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from hub.inventory.promise import Shelf, promise_of
from hub.inventory.quota import Quota
from hub.inventory.reservation_table import QuotaMode

SHOPS = ("a", "b", "c")
PLACES = st.dictionaries(st.sampled_from(["sh", "bj"]), st.integers(0, 300), min_size=1)


def quotas(modes: Sequence[QuotaMode]) -> st.SearchStrategy[list[Quota]]:
    one = st.builds(
        Quota,
        sku=st.just("x"),
        shop=st.sampled_from(SHOPS),
        location=st.sampled_from(["", "sh", "bj"]),
        mode=st.sampled_from(list(modes)),
        amount=st.integers(0, 100),
        used=st.integers(0, 120),
    )
    return st.lists(one, max_size=6, unique_by=lambda quota: (quota.shop, quota.location))


@given(PLACES, quotas(list(QuotaMode)), st.sampled_from(["", *SHOPS]))
def test_no_shop_promises_less_than_nothing_or_more_than_there_is(
    places: dict[str, int], shared: list[Quota], shop: str
) -> None:
    shown = promise_of("x", Shelf(places, {}, 0), shared, shop)
    assert 0 <= shown.free <= sum(places.values())
    assert all(0 <= free <= places[place] for place, free in shown.by_location.items())


@given(PLACES, quotas([QuotaMode.EXCLUSIVE]))
def test_what_shops_have_for_themselves_is_never_more_than_there_is(
    places: dict[str, int], shared: list[Quota]
) -> None:
    shown = [promise_of("x", Shelf(places, {}, 0), shared, shop) for shop in SHOPS]
    assert sum(one.free - one.shared for one in shown) + shown[0].shared <= sum(places.values())


def test_a_quota_of_one_location_says_nothing_of_the_others() -> None:
    cap = Quota(sku="x", shop="a", location="sh", mode=QuotaMode.CAP, amount=5)
    shown = promise_of("x", Shelf({"sh": 60, "bj": 40}, {}, 0), [cap], "a")
    assert (shown.free, dict(shown.by_location), shown.quota) == (45, {"sh": 5, "bj": 40}, "cap")


def test_pieces_apart_at_one_location_are_no_more_than_lie_there() -> None:
    apart = Quota(sku="x", shop="b", location="bj", mode=QuotaMode.EXCLUSIVE, amount=70)
    assert promise_of("x", Shelf({"sh": 60, "bj": 40}, {}, 0), [apart], "a").free == 60
