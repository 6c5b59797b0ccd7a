"""A return of an order that waits for money: what goes back pays first for what is due, and the order goes on."""

import pytest
from sqlalchemy.orm import Session

from hub.aftersale.status import ReturnKind
from hub.order.change.wanted import WantedLine
from hub.order.rest import open_pieces
from tests.hub.aftersale.returning import arrive, granted, sent
from tests.hub.making import order, stock
from tests.hub.order.changing import dues, want


@pytest.mark.parametrize("kind", ReturnKind)
def test_what_waits_for_money_has_a_source_once_a_return_has_paid_for_it(session: Session, kind: ReturnKind) -> None:
    stock(session, {"sh": {"apple": 9}, "bj": {"plum": 9}})
    order_id = sent(session, order({"apple": 2, "plum": 1}), {"apple": 2})
    want(session, order_id, WantedLine("L2", 2))
    assert open_pieces(session, order_id) == {3: 1}
    no = granted(session, order_id, {"L1": 2}, kind=kind)
    if kind is ReturnKind.RETURN_REFUND:
        arrive(session, order_id, no, {"apple": 2})
    assert (dues(session)[0][2], open_pieces(session, order_id)) == ("set_off", {})
