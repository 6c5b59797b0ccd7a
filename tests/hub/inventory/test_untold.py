from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.inventory.offer import add_steps
from hub.inventory.untold import forget_others
from tests.hub.inventory.shops import SHOP, move, weighed
from tests.hub.making import open_causes, stock

OTHER = replace(SHOP, connection="mall-h5", shop="h5")
SKUS = ["a", "b", "c", "d"]


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    """Two shops that may sell four SKUs, and have not heard of it yet."""
    stock(session, {"sh": dict.fromkeys(SKUS, 5)})
    for shop in (SHOP, OTHER):
        weighed(session, SKUS, shop=shop)


def left(session: Session) -> list[tuple[str, int]]:
    found = rows(session, "select connection, count(*) as n from stock_offer group by 1 order by 1")
    return [(one.connection, one.n) for one in found]


def test_numbers_of_a_shop_that_is_told_no_more_are_forgotten(session: Session, at: datetime) -> None:
    assert forget_others(session, [SHOP.connection, OTHER.connection, "new"], at) == 0
    assert forget_others(session, [SHOP.connection], at) == 4
    assert left(session) == [("mall-pc", 4)]
    assert (forget_others(session, [], at), left(session)) == (4, [])


def test_what_was_to_be_told_it_is_not_sent_and_what_may_have_arrived_stays(session: Session, at: datetime) -> None:
    add_steps(session, [SHOP, OTHER], at)
    first = "(select min(id) from step where connection = 'mall-h5')"
    run(session, f"update step set state = 'dead', doubt = true where id = {first}")
    forget_others(session, [SHOP.connection], at)
    found = rows(session, f"select connection, state, id = {first} as first from step")
    states = {one.connection: one.state for one in found if not one.first}
    assert states == {"mall-pc": "pending", "mall-h5": "cancelled"}
    assert [one.state for one in found if one.first] == ["dead"]


def test_its_zeros_are_held_back_no_more_and_nobody_is_called_for_it(session: Session, at: datetime) -> None:
    run(session, "update stock_offer set told = 5, due = false")
    for sku in SKUS:
        move(session, sku, -5, f"count {sku}")
    weighed(session, SKUS, at, OTHER)
    assert open_causes(session) == ["stock_push"]
    forget_others(session, [SHOP.connection], at)
    assert (open_causes(session), rows(session, "select 1 from stock_guard")) == ([], [])


def test_a_shop_that_is_told_again_is_told_all_anew_by_higher_versions(session: Session, at: datetime) -> None:
    (before,) = rows(session, "select max(version) as n from stock_offer")
    forget_others(session, [SHOP.connection], at)
    weighed(session, SKUS, at, OTHER)
    found = rows(session, "select due, version from stock_offer where connection = 'mall-h5'")
    assert [one.due and one.version > before.n for one in found] == [True] * 4
