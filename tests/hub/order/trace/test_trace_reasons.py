"""Why a location was out of the question, where it has the goods and does not sell them, or is of a kind left out."""

import pytest
from sqlalchemy.orm import Session

from hub.database import run
from hub.inventory.lot_block import LotName, block_lot
from hub.order.rehearse.asked import asked_since
from hub.order.trace.routing import trace_routing
from hub.sourcing.counterfactual import Change, what_if
from hub.sourcing.greedy import decide
from hub.sourcing.rerun import Sameness, rerun, stored_decisions
from tests.hub.inventory.lotted import tell
from tests.hub.making import AT, BRAND, ZONE, order, placed, sources, stock
from tests.hub.order.place.test_senders import in_force

HERE = AT.astimezone(ZONE)


@pytest.fixture(autouse=True)
def _goods(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}, "bj": {"apple": 5, "pear": 5}, "gz": {"pear": 1}})


def verdicts(session: Session, order_id: int) -> dict[str, str]:
    return {one.code: one.verdict for one in trace_routing(session, order_id)[-1].candidates}


def test_who_has_nothing_but_expired_lots_is_told_so(session: Session) -> None:
    tell(session, "count", {"OLD": 5})
    order_id = placed(session, order({"apple": 2}))
    assert verdicts(session, order_id) == {"bj": "chosen", "sh": "lots", "gz": "short"}
    assert rerun(stored_decisions(session)).counts == {Sameness.SAME: 1}


def test_who_has_nothing_but_blocked_lots_is_told_so_until_they_are_good_again(session: Session) -> None:
    tell(session, "count", {"A": 5})
    block_lot(session, "quality", BRAND, LotName(sku="apple", lot="A"), "recalled", AT)
    assert verdicts(session, placed(session, order({"apple": 2})))["sh"] == "lots"


def test_who_sold_its_last_good_piece_to_the_order_before_has_nothing_but_old_ones(session: Session) -> None:
    tell(session, "count", {"OLD": 4, "A": 1})
    first = placed(session, order({"apple": 1}))
    assert sources(session, first) == [("sh", "open")]
    assert verdicts(session, placed(session, order({"apple": 1}, "T2"))) == {
        "bj": "chosen",
        "sh": "lots",
        "gz": "short",
    }


def test_who_has_old_lots_of_one_good_gives_the_other(session: Session) -> None:
    stock(session, {"sh": {"pear": 1}}, "ASN-2")
    tell(session, "count", {"OLD": 5})
    run(session, "update stock_level set on_hand = 0, allocated = 0 where location = 'bj' and sku = 'pear'")
    order_id = placed(session, order({"apple": 1, "pear": 1}))
    assert verdicts(session, order_id)["sh"] == "chosen"


def test_with_good_pieces_it_would_have_won(session: Session) -> None:
    tell(session, "count", {"OLD": 5})
    placed(session, order({"apple": 2}))
    [stored] = stored_decisions(session)
    one = next(one for one in stored.decision().candidates if one.verdict == "lots")
    told = what_if(stored.question(), one, decide)
    assert told
    assert (told.change, told.wins, dict(told.pieces)) == (Change.STOCKED, True, {"apple": 2})


def test_a_trial_may_leave_good_pieces_where_history_had_none(session: Session) -> None:
    tell(session, "count", {"OLD": 5})
    placed(session, order({"apple": 2}))
    [asked] = asked_since(stored_decisions(session), HERE)
    assert {site.barred for site in asked.sites} == {""}


def test_who_is_left_out_with_all_of_its_kind_is_told_so_and_who_is_named_as_such(session: Session) -> None:
    run(session, "update location set kind = 'store' where code in ('sh', 'gz')")
    in_force(session, "[eliminate]\nkinds = ['store']\nlocations = ['gz']\n")
    order_id = placed(session, order({"apple": 2}))
    assert verdicts(session, order_id) == {"bj": "chosen", "sh": "kind", "gz": "excluded"}
