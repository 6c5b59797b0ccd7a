import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.database import run
from hub.errors import Malformed, NotFound
from hub.inventory.promise import PLENTY, limited, promise
from hub.inventory.quota import Quota, count_sold, drop_quota, list_quotas, set_quota
from hub.inventory.reservation_table import QuotaMode
from hub.inventory.soft import Wish, hold
from tests.hub.inventory.test_soft import TTL
from tests.hub.making import AT, BRAND, add_sku, stock


@pytest.fixture(autouse=True)
def _goods(session: Session) -> None:
    stock(session, {"sh": {"apple": 60}, "bj": {"apple": 40, "pear": 9}})


def free(session: Session, shop: str = "pc", sku: str = "apple") -> int:
    return promise(session, BRAND, shop, [sku], AT)[sku].free


def quota(session: Session, mode: QuotaMode, amount: int, shop: str = "pc") -> None:
    set_quota(session, "op", BRAND, Quota(sku="apple", shop=shop, mode=mode, amount=amount), AT)


def test_all_share_what_is_free_everywhere(session: Session) -> None:
    shown = promise(session, BRAND, "pc", ["apple", "ghost"], AT)
    assert set(shown) == {"apple"}
    assert (shown["apple"].free, dict(shown["apple"].by_location)) == (100, {"bj": 40, "sh": 60})


def test_carts_and_safety_stock_are_not_promised(session: Session) -> None:
    hold(session, BRAND, "pc", "c1", [Wish("apple", 10)], TTL, AT)
    run(session, "update stock_level set safety = 5 where location = 'bj'")
    assert free(session) == 85


def test_back_orders_are_promised_and_told_apart(session: Session) -> None:
    run(session, "update stock_level set backorder_limit = 7, incoming = 20 where sku = 'pear'")
    shown = promise(session, BRAND, "pc", ["pear"], AT)["pear"]
    assert (shown.free, shown.backorder, shown.incoming) == (16, 7, 20)


def test_pieces_of_one_shop_are_not_promised_by_the_others(session: Session) -> None:
    quota(session, QuotaMode.EXCLUSIVE, 30)
    assert (free(session, "pc"), free(session, "h5"), free(session, "")) == (100, 70, 70)
    count_sold(session, {("pc", "apple"): 10})
    assert free(session, "h5") == 80


def test_a_percentage_is_of_what_is_shared_and_rounds_down(session: Session) -> None:
    quota(session, QuotaMode.EXCLUSIVE, 30, "h5")
    quota(session, QuotaMode.PERCENTAGE, 33)
    assert free(session) == 23


def test_a_cap_shrinks_as_it_is_sold_and_grows_with_what_comes_back(session: Session) -> None:
    quota(session, QuotaMode.CAP, 12)
    count_sold(session, {("pc", "apple"): 5, ("h5", "apple"): 9})
    assert (free(session), free(session, "h5")) == (7, 100)
    count_sold(session, {("pc", "apple"): -2})
    assert free(session) == 9


def test_what_some_locations_may_send_is_no_more_than_lies_there(session: Session) -> None:
    shown = promise(session, BRAND, "pc", ["apple", "pear"], AT, senders={"sh", "nowhere"})
    assert {sku: (one.free, dict(one.by_location)) for sku, one in shown.items()} == {
        "apple": (60, {"sh": 60}),
        "pear": (0, {}),
    }


def test_pieces_set_apart_everywhere_may_be_those_of_other_locations(session: Session) -> None:
    quota(session, QuotaMode.EXCLUSIVE, 30, "h5")
    of_one = [promise(session, BRAND, "pc", ["apple"], AT, senders={place})["apple"] for place in ("sh", "bj")]
    assert [one.free for one in of_one] == [60, 40]
    quota(session, QuotaMode.EXCLUSIVE, 50, "h5")
    shown = promise(session, BRAND, "pc", ["apple"], AT, senders={"sh"})["apple"]
    assert (shown.free, shown.shared, shown.by_location["sh"]) == (50, 50, 60)


def test_a_cap_of_everywhere_limits_what_one_location_sends(session: Session) -> None:
    quota(session, QuotaMode.CAP, 5)
    run(session, "update stock_level set backorder_limit = 7 where location = 'sh'")
    shown = promise(session, BRAND, "pc", ["apple"], AT, senders={"sh"})["apple"]
    assert (shown.free, shown.quota, shown.backorder) == (5, "cap", 0)


@pytest.mark.parametrize(("cap", "place", "backorder"), [(20, "", 7), (12, "", 3), (5, "", 0), (12, "bj", 3)])
def test_what_a_quota_leaves_is_of_what_is_there_first(session: Session, cap: int, place: str, backorder: int) -> None:
    run(session, "update stock_level set backorder_limit = 7 where sku = 'pear'")
    set_quota(session, "op", BRAND, Quota(sku="pear", shop="pc", location=place, mode=QuotaMode.CAP, amount=cap), AT)
    for senders in (None, {"bj"}):
        shown = promise(session, BRAND, "pc", ["pear"], AT, senders=senders)["pear"]
        assert (shown.free, shown.backorder) == (min(cap, 16), backorder)


@pytest.mark.parametrize("place", ["", "bj"])
def test_what_others_have_for_themselves_is_of_what_is_there_first(session: Session, place: str) -> None:
    run(session, "update stock_level set backorder_limit = 7 where sku = 'pear'")
    own = Quota(sku="pear", shop="h5", location=place, mode=QuotaMode.EXCLUSIVE, amount=5)
    set_quota(session, "op", BRAND, own, AT)
    shown = promise(session, BRAND, "pc", ["pear"], AT)["pear"]
    assert (shown.free, shown.backorder) == (11, 7)


def test_bundles_that_wait_for_any_part_are_back_orders(session: Session) -> None:
    run(session, "update stock_level set backorder_limit = 7 where sku = 'pear'")
    add_sku(session, "box", parts={"apple": 2, "pear": 2})
    shown = promise(session, BRAND, "pc", ["box"], AT)["box"]
    assert (shown.free, shown.backorder) == (8, 4)


def test_a_bundle_is_as_free_as_its_scarcest_part(session: Session) -> None:
    run(
        session,
        """insert into sku (brand, version, created_at, updated_at, code, title, storage, grams, bundle)
           values (:brand, 1, :at, :at, 'box', 'box', 'ambient', 1, true)""",
        brand=BRAND,
        at=AT,
    )
    run(session, "insert into bundle_part values ('box', 'apple', 2, 1), ('box', 'pear', 2, 1)")
    shown = promise(session, BRAND, "pc", ["box"], AT)["box"]
    assert (shown.free, shown.bundle, dict(shown.by_location)) == (4, True, {"bj": 4})
    far, near = [promise(session, BRAND, "pc", ["box"], AT, senders={one})["box"] for one in ("sh", "bj")]
    assert (far.free, near.free) == (0, 4)


def test_virtual_goods_are_limited_by_no_shelf_nor_is_a_bundle_by_them(session: Session) -> None:
    add_sku(session, "voucher", storage="none")
    add_sku(session, "box", parts={"apple": 2, "voucher": 1})
    shown = promise(session, BRAND, "pc", ["voucher", "box"], AT)
    assert (shown["voucher"].free, shown["voucher"].presale, shown["voucher"].backorder) == (PLENTY, None, 0)
    assert (shown["box"].free, dict(shown["box"].by_location)) == (50, {"bj": 20, "sh": 30})
    assert promise(session, BRAND, "pc", ["box"], AT, senders={"sh"})["box"].free == 30
    set_quota(session, "op", BRAND, Quota(sku="voucher", shop="pc", mode=QuotaMode.CAP, amount=5), AT)
    assert [one.free for one in promise(session, BRAND, "pc", ["voucher", "box"], AT).values()] == [5, 5]


def test_an_amount_that_cannot_be_meant_is_refused(session: Session) -> None:
    with pytest.raises(Malformed):
        quota(session, QuotaMode.PERCENTAGE, 101)
    with pytest.raises(Malformed):
        quota(session, QuotaMode.CAP, 2**63)
    with pytest.raises(NotFound):
        set_quota(session, "op", BRAND, Quota(sku="ghost", shop="pc", mode=QuotaMode.CAP, amount=1), AT)


def test_a_quota_that_is_dropped_is_gone(session: Session) -> None:
    quota(session, QuotaMode.CAP, 1)
    assert [one.amount for one in list_quotas(session, ["apple"])] == [1]
    assert (drop_quota(session, "op", "apple", "pc", "", AT), free(session)) == (True, 100)


QUOTAS = st.lists(
    st.builds(
        Quota,
        sku=st.just("x"),
        shop=st.just("a"),
        mode=st.sampled_from(list(QuotaMode)),
        amount=st.integers(0, 100),
        used=st.integers(0, 200),
    )
)


@given(st.integers(0, 500), st.integers(0, 500), QUOTAS)
def test_own_quotas_only_take_away_and_never_below_nothing(total: int, shared: int, own: list[Quota]) -> None:
    left, _ = limited(total, min(shared, total), own)
    assert 0 <= left <= total
