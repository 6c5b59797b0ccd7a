"""How far an order may grow."""

import pytest
from sqlalchemy.orm import Session

from hub.errors import Malformed
from hub.order.change import grow
from hub.order.change.table import Charge
from hub.order.change.wanted import WantedLine
from tests.hub.making import order, placed, see, stock
from tests.hub.order.changing import want


@pytest.fixture
def order_id(session: Session) -> int:
    stock(session, {"sh": {"apple": 9}})
    return placed(session, order({"apple": 1}))


@pytest.mark.parametrize("charge", [Charge.PAY, Charge.FREE])
def test_more_than_an_order_can_come_to_is_refused(session: Session, order_id: int, charge: Charge) -> None:
    with pytest.raises(Malformed) as refused:
        want(session, order_id, WantedLine("L9", 1_000_000, "apple", "999999999999"), charge=charge)
    assert (refused.value.code, see(session, order_id).total) == ("too_much", 1000)


def test_goods_count_to_the_last_fen_that_an_order_can_come_to(session: Session, order_id: int) -> None:
    with pytest.raises(Malformed):
        want(session, order_id, WantedLine("L9", 1, "apple", "9999999990.01"))
    assert want(session, order_id, WantedLine("L9", 1, "apple", "9999999990.00")) == "applied"
    assert see(session, order_id).total == grow.MOST


def test_an_order_grows_by_no_more_lines_than_it_can_have(
    session: Session, order_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grow, "MOST_LINES", 2)
    assert want(session, order_id, WantedLine("L2", 1, "apple", "1.00")) == "applied"
    with pytest.raises(Malformed) as refused:
        want(session, order_id, WantedLine("L3", 1, "apple", "1.00"))
    assert refused.value.code == "too_many_lines"
