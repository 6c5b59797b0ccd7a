from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import row, run
from hub.errors import Conflict, NoStock, NotFound
from hub.inventory.ended import prune
from hub.inventory.ledger import drift, post
from hub.inventory.level import free_pieces
from hub.inventory.promise import promise
from hub.inventory.quota import Quota, set_quota
from hub.inventory.reservation_table import QuotaMode
from hub.inventory.soft import Wish, expire_due, hold, release_held, take_held
from tests.hub.making import AT, BRAND, add_sku, stock

TTL = timedelta(minutes=15)


@pytest.fixture(autouse=True)
def _goods(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}, "bj": {"apple": 3, "pear": 2}})


def cart(session: Session, ref: str, **pieces: int) -> dict[str, int]:
    """Hold pieces and give what is held where."""
    held = hold(session, BRAND, "pc", ref, [Wish(sku, n) for sku, n in pieces.items()], TTL, AT)
    return {f"{one.key.location} {one.key.sku}": one.quantity for one in held.claims}


def state_of(session: Session, ref: str) -> str:
    found = row(session, "select state from reservation where ref = :ref", ref=ref)
    return found.state if found else ""


def test_a_cart_takes_from_where_most_is_free(session: Session) -> None:
    assert cart(session, "c1", apple=4) == {"sh apple": 4}
    assert free_pieces(session, {"apple": 0}, AT) == {("sh", "apple"): 1, ("bj", "apple"): 3}
    assert drift(session) == []


def test_a_cart_that_no_place_can_serve_alone_is_held_at_several(session: Session) -> None:
    assert cart(session, "c1", apple=7, pear=1) == {"bj apple": 2, "bj pear": 1, "sh apple": 5}


def test_a_cart_takes_what_is_there_before_what_may_be_back_ordered(session: Session) -> None:
    run(session, "update stock_level set on_hand = 0, backorder_limit = 50 where (location, sku) = ('bj', 'apple')")
    assert cart(session, "c1", apple=3) == {"sh apple": 3}
    assert cart(session, "c2", apple=4) == {"bj apple": 2, "sh apple": 2}


def test_what_may_be_back_ordered_where_pieces_are_is_taken_behind_those_of_other_places(session: Session) -> None:
    run(session, "update stock_level set backorder_limit = 50 where sku = 'apple'")
    assert cart(session, "c1", apple=7) == {"bj apple": 2, "sh apple": 5}
    assert cart(session, "c2", apple=4) == {"bj apple": 4}


def test_a_cart_is_held_whole_or_not_at_all(session: Session) -> None:
    with pytest.raises(NoStock, match="pear x 1"):
        cart(session, "c1", apple=1, pear=3)
    assert free_pieces(session, {"apple": 0}, AT) == {("sh", "apple"): 5, ("bj", "apple"): 3}


def test_the_same_cart_again_is_held_once_and_another_under_its_name_refused(session: Session) -> None:
    assert cart(session, "c1", apple=4) == cart(session, "c1", apple=4)
    with pytest.raises(Conflict, match="other pieces"):
        cart(session, "c1", apple=3)
    assert free_pieces(session, {"apple": 0}, AT)["sh", "apple"] == 1


def test_an_unknown_sku_is_named(session: Session) -> None:
    with pytest.raises(NotFound, match="ghost"):
        cart(session, "c1", ghost=1)


def test_released_pieces_are_free_again_once(session: Session) -> None:
    cart(session, "c1", apple=4)
    assert (release_held(session, "pc", "c1", AT), release_held(session, "pc", "c1", AT)) == (True, False)
    assert (free_pieces(session, {"apple": 0}, AT)["sh", "apple"], drift(session)) == (5, [])


def test_time_gives_pieces_back_but_not_early(session: Session) -> None:
    cart(session, "c1", apple=4)
    assert expire_due(session, AT + TTL - timedelta(seconds=1)) == 0
    assert (expire_due(session, AT + TTL), expire_due(session, AT + TTL)) == (1, 0)
    assert (state_of(session, "c1"), free_pieces(session, {"apple": 0}, AT)["sh", "apple"]) == ("expired", 5)


def test_an_order_takes_its_cart_and_what_has_expired_gives_nothing(session: Session) -> None:
    cart(session, "c1", apple=4)
    cart(session, "c2", pear=1)
    expire_due(session, AT + TTL, limit=1)
    movements = take_held(session, {7: ("pc", "c1"), 8: ("pc", "c2"), 9: ("pc", "none")}, AT)
    post(session, movements, AT)
    assert [(one.key.sku, one.soft) for one in movements] == [("pear", -1)]
    assert (state_of(session, "c1"), state_of(session, "c2"), drift(session)) == ("expired", "taken", [])


def test_a_cart_holds_the_parts_of_a_bundle(session: Session) -> None:
    run(
        session,
        """insert into sku (brand, version, created_at, updated_at, code, title, storage, grams, bundle)
           values (:brand, 1, :at, :at, 'box', 'box', 'ambient', 1, true)""",
        brand=BRAND,
        at=AT,
    )
    run(session, "insert into bundle_part values ('box', 'apple', 2, 1), ('box', 'pear', 1, 1)")
    assert cart(session, "c1", box=2) == {"bj pear": 2, "sh apple": 4}


def test_a_cart_holds_nothing_of_virtual_goods(session: Session) -> None:
    add_sku(session, "voucher", storage="none")
    add_sku(session, "box", parts={"apple": 1, "voucher": 1})
    set_quota(session, "op", BRAND, Quota(sku="box", shop="pc", mode=QuotaMode.CAP, amount=3), AT)
    for ref, goods, held in (("c1", {"voucher": 9}, {}), ("c2", {"box": 2, "voucher": 1}, {"sh apple": 2})):
        assert cart(session, ref, **goods) == cart(session, ref, **goods) == held
    with pytest.raises(NoStock, match="box x 1"):
        cart(session, "c3", box=4)
    assert release_held(session, "pc", "c1", AT)


def test_a_cart_has_no_more_virtual_goods_than_their_quota_leaves(session: Session) -> None:
    add_sku(session, "voucher", storage="none")
    add_sku(session, "pair", parts={"voucher": 2})
    for sku in ("pair", "voucher"):
        set_quota(session, "op", BRAND, Quota(sku=sku, shop="pc", mode=QuotaMode.CAP, amount=5), AT)
        assert cart(session, f"some-{sku}", **{sku: 5}) == {}
        with pytest.raises(NoStock, match=f"{sku} x 1"):
            cart(session, f"more-{sku}", **{sku: 6})


def test_a_virtual_part_s_quota_limits_a_cart_of_its_bundle_as_it_limits_the_promise(session: Session) -> None:
    add_sku(session, "voucher", storage="none")
    add_sku(session, "box", parts={"apple": 1, "voucher": 2})
    set_quota(session, "op", BRAND, Quota(sku="voucher", shop="pc", mode=QuotaMode.CAP, amount=5), AT)
    assert promise(session, BRAND, "pc", ["box"], AT)["box"].free == 2
    with pytest.raises(NoStock, match="voucher x 1 more"):
        cart(session, "c1", box=3)
    with pytest.raises(NoStock, match="voucher x 1 more"):
        cart(session, "c2", box=2, voucher=2)
    assert cart(session, "c3", box=2, voucher=1) == {"sh apple": 2}


def test_ended_reservations_are_forgotten_and_held_ones_kept(session: Session) -> None:
    cart(session, "c1", apple=1)
    cart(session, "c2", apple=1)
    release_held(session, "pc", "c1", AT)
    assert prune(session, AT + timedelta(seconds=1)) == 1
    assert (state_of(session, "c1"), state_of(session, "c2")) == ("", "held")
