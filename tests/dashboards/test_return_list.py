"""The list of returns: reached from every page, sifted by its address, and of one's own shops alone."""

import re

import pytest

from hub.aftersale.status import ReturnKind
from hub.database import run
from hub.roles import Role
from tests.dashboards.desk import NOW, Desk, plain
from tests.hub.aftersale.returning import ask, granted, sent
from tests.hub.making import order, stock

HOME = "/console/returns"


@pytest.fixture
def order_id(desk: Desk) -> int:
    """Ask for one piece, have another awaited, and want money alone for a third."""
    with desk.database.transaction() as session:
        stock(session, {"sh": {"apple": 9}})
        order_id = sent(session, order({"apple": 3}, placed_at=NOW, paid_at=NOW), {"apple": 3})
        ask(session, order_id, {"L1": 1})
        granted(session, order_id, {"L1": 1})
        ask(session, order_id, {"L1": 1}, kind=ReturnKind.REFUND_ONLY)
        run(session, "update return_case set created_at = :at", at=NOW)
    return order_id


def test_returns_are_listed_with_what_waits_in_both_languages(desk: Desk, order_id: int) -> None:
    assert f'href="{HOME}"' in desk.see("/console/orders")
    page = desk.see(HOME)
    assert f'href="/console/orders/{order_id}"' in page
    assert "To be decided 2" in plain(page)
    assert "Awaited 1" in plain(page)
    chinese = plain(desk.get(HOME, **{"accept-language": "zh"}).text)
    assert "待审核 2" in chinese
    assert re.search(r"起始时间 +至 ", chinese)
    assert f"{order_id}-r2 pc · T1 待寄回 退货退款" in chinese


def test_its_address_sifts_the_list(desk: Desk, order_id: int) -> None:
    def shown(query: str) -> list[int]:
        page = desk.see(f"{HOME}?{query}")
        return [no for no in (1, 2, 3) if f">{order_id}-r{no}<" in page]

    assert [shown(one) for one in ("state=requested", "state=approved", "kind=refund_only", "shop=h5")] == [
        [1, 3],
        [2],
        [3],
        [],
    ]
    assert [shown(one) for one in ("to=2020-01-01", "from=2020-01-01", "from=nonsense")] == [[], [1, 2, 3], [1, 2, 3]]
    assert [shown(one) for one in ("to=9999-12-31", "from=9999-12-31", "to=0001-01-01")] == [[1, 2, 3], [], []]
    assert "No return matches" in plain(desk.see(f"{HOME}?state=sent"))
    assert desk.get(f"{HOME}?state=lost").status_code == desk.get(f"{HOME}?cursor=x").status_code == 422


def test_a_page_leads_to_the_next(desk: Desk, order_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.return_list.PAGE", 2)
    page = desk.see(f"{HOME}?shop=pc")
    assert f"{HOME}?shop=pc&amp;cursor={order_id}-r2" in page
    assert f">{order_id}-r1<" in desk.see(f"{HOME}?shop=pc&cursor={order_id}-r2")


@pytest.mark.parametrize(("brand", "shop"), [("other", ""), ("demo", "h5")])
def test_who_works_for_others_sees_none_of_them(desk: Desk, order_id: int, brand: str, shop: str) -> None:
    desk.sit("another", Role.OPERATOR, brand=brand, shop=shop)
    page = plain(desk.see(HOME))
    assert "Nothing was sent back" in page
    assert (str(order_id) in page, "To be decided 0" in page) == (False, True)
