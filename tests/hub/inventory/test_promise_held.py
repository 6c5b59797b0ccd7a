"""What a shop is told it may promise is what its carts can hold, to the piece, however shops share it."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.database import run
from hub.errors import NoStock
from hub.inventory.promise import PLENTY, promise
from hub.inventory.quota import HUNDRED, Quota, set_quota
from hub.inventory.reconcile import check_books
from hub.inventory.reservation_table import QuotaMode
from hub.inventory.soft import Wish, hold
from tests.hub.making import AT, BRAND, add_sku, stock
from tests.scale import count

SHOPS: Final = ("a", "b")
SKUS: Final[Sequence[str]] = ("apple", "pear", "voucher", "box")
NOWHERE: Final = {"voucher", "box"}
"""What lies at no location: a bundle of all three, and what is virtual."""

QUOTA = st.builds(
    Quota,
    sku=st.sampled_from(SKUS),
    shop=st.sampled_from(SHOPS),
    location=st.sampled_from(["", "sh", "bj"]),
    mode=st.sampled_from(QuotaMode),
    amount=st.integers(0, 8),
)
QUOTAS = st.lists(QUOTA, max_size=5, unique_by=lambda one: (one.sku, one.shop, one.location))
CARTS = st.lists(st.tuples(st.sampled_from(SHOPS), st.sampled_from(SKUS), st.integers(1, 4)), max_size=4)


def held(session: Session, shop: str, ref: str, wish: Wish, places: AbstractSet[str] | None = None) -> bool:
    try:
        with session.begin_nested():
            hold(session, BRAND, shop, ref, [wish], timedelta(minutes=15), AT, locations=places)
    except NoStock:
        return False
    return True


def could_be_held(session: Session, shop: str, wish: Wish, places: AbstractSet[str] | None) -> bool:
    with session.begin_nested() as attempt:
        done = held(session, shop, "tried", wish, places)
        attempt.rollback()
    return done


@settings(max_examples=count(40, 1_000, 10), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    goods=st.lists(st.integers(0, 8), min_size=4, max_size=4),
    backorders=st.sampled_from([0, 3]),
    quotas=QUOTAS,
    carts=CARTS,
    places=st.sampled_from([None, {"sh"}, {"bj"}]),
)
def test_a_shop_can_hold_what_it_may_promise_and_not_one_piece_more(
    session: Session,
    goods: list[int],
    backorders: int,
    quotas: list[Quota],
    carts: list[tuple[str, str, int]],
    places: set[str] | None,
) -> None:
    with session.begin_nested() as attempt:
        stock(session, {"sh": {"apple": goods[0], "pear": goods[1]}, "bj": {"apple": goods[2], "pear": goods[3]}})
        add_sku(session, "voucher", storage="none")
        add_sku(session, "box", parts={"apple": 2, "pear": 1, "voucher": 1})
        run(
            session, "update stock_level set backorder_limit = :n where (sku, location) = ('apple', 'sh')", n=backorders
        )
        for one in quotas:
            most = HUNDRED // 8 if one.mode is QuotaMode.PERCENTAGE else 1
            if one.sku not in NOWHERE or not one.location:
                set_quota(session, "op", BRAND, one.model_copy(update={"amount": one.amount * most}), AT)
        for no, (shop, sku, pieces) in enumerate(carts):
            held(session, shop, f"c{no}", Wish(sku, pieces))
        for shop in SHOPS:
            for sku, told in promise(session, BRAND, shop, SKUS, AT, senders=places).items():
                most = told.free
                assert not most or could_be_held(session, shop, Wish(sku, most), places)
                assert most == PLENTY or not could_be_held(session, shop, Wish(sku, most + 1), places)
        assert check_books(session) == []
        attempt.rollback()
