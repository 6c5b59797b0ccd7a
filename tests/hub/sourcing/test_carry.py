from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from hub.order.place.batch import place
from hub.order.rehearse.asked import Asked
from hub.order.rehearse.batch import in_batches
from hub.order.rehearse.carry import Carried
from hub.order.rehearse.policies import Comparison, compare_policies
from hub.order.rules.policy import POLICY
from hub.roles import SYSTEM
from hub.sourcing.model import Site
from hub.sourcing.policies import draft_policy, publish_policy
from hub.sourcing.policy import read_policy
from tests.hub.making import AT, ZONE, order, place_all, stock
from tests.hub.order.place.test_plan_together import BEIJING, JINAN, two_placed

SINCE = AT.astimezone(ZoneInfo("Asia/Shanghai"))
DRAFT = 'version = "draft"\nbrand = "demo"\n'
NOT_SH = f'{DRAFT}[eliminate]\nlocations = ["sh"]\n'


def compared(session: Session, written: str) -> Comparison:
    return compare_policies(session, read_policy(written), POLICY, SINCE)


def buy(session: Session, count: int, ref: str = "T") -> None:
    for no in range(count):
        place_all(session, order({"apple": 1}, f"{ref}{no}"))


def test_a_draft_that_empties_a_location_leaves_later_orders_without(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}, "bj": {"apple": 2}})
    buy(session, 5)
    told = compared(session, NOT_SH)
    assert (told.draft.total.pieces, told.draft.total.fill, dict(told.draft.emptied)) == (2, 0.4, {"bj": 1})
    assert (told.in_force.total.fill, dict(told.in_force.emptied)) == (1.0, {})


def test_what_came_in_meanwhile_is_there_for_both(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}, "bj": {"apple": 2}})
    buy(session, 3)
    stock(session, {"bj": {"apple": 1}}, "ASN-2")
    buy(session, 2, "L")
    assert compared(session, NOT_SH).draft.total.pieces == 3


def test_what_a_draft_leaves_is_there_for_the_next_order(session: Session) -> None:
    stock(session, {"sh": {"apple": 1}, "bj": {"apple": 9}})
    place_all(session, order({"apple": 1}))
    place_all(session, order({"apple": 3}, "T2"))
    draft = f"{DRAFT}[costs]\nper_1000_km = 0\n[weights]\nmarkdown = 900\n[locations.bj]\nclear = true\n"
    told = compared(session, draft)
    assert told.draft.total.share == {"bj": 1.0}
    assert told.in_force.total.share == {"bj": 0.75, "sh": 0.25}


def test_the_policy_in_force_does_again_what_it_did(session: Session) -> None:
    stock(session, {"sh": {"apple": 2}, "bj": {"apple": 3}})
    buy(session, 6)
    told = compared(session, DRAFT)
    assert (told.moved, told.draft.total, dict(told.draft.emptied)) == (0, told.in_force.total, {})
    assert told.in_force.total.pieces == 5


def test_a_batch_decided_together_is_carried_on_from_the_stock_that_it_saw(session: Session) -> None:
    stock(session, {"sh": {"apple": 1}, "bj": {"apple": 1}})
    content = f"{DRAFT.replace('draft', 'now')}[together]\norders = 2\nmost_ms = 400\n"
    draft_policy(session, SYSTEM, content, POLICY.version, AT)
    publish_policy(session, SYSTEM, "demo", "now", "tried", AT, revision=1, untried="a test")
    place_all(session, *[order({"apple": 1}, f"T{no}") for no in range(3)])
    assert compared(session, DRAFT).draft.total.pieces == 2


AT_ONCE = f"{DRAFT}[together]\norders = 2\n"


def test_a_trial_decides_together_what_one_transaction_placed_and_says_the_same_again(session: Session) -> None:
    stock(session, {"sh": {"apple": 1}, "bj": {"apple": 1}})
    two_placed(session)
    told = compared(session, AT_ONCE)
    assert told.draft.total.cost < told.in_force.total.cost
    assert (told.moved, told.in_force.batches) == (2, None)
    batches = told.draft.batches
    assert batches
    assert (batches.came, batches.together, batches.orders) == (1, 1, 2)
    assert batches.bound <= batches.cost < batches.greedy_cost
    assert compared(session, AT_ONCE) == told


def test_a_trial_decides_in_turn_what_came_apart(session: Session) -> None:
    stock(session, {"sh": {"apple": 1}, "bj": {"apple": 1}})
    for no, receiver in enumerate((JINAN, BEIJING)):
        place(session, [order({"apple": 1}, f"T{no}", receiver=receiver)], AT + timedelta(minutes=no), ZONE)
    told = compared(session, AT_ONCE)
    assert (told.moved, told.draft.batches and told.draft.batches.came) == (0, 0)


def test_what_a_batch_takes_together_is_gone_for_the_next_one(session: Session) -> None:
    stock(session, {"sh": {"apple": 1, "pear": 1}, "bj": {"apple": 1, "pear": 1}})
    two_placed(session)
    place(session, [order({"apple": 1}, "L1"), order({"pear": 1}, "L2")], AT + timedelta(hours=1), ZONE)
    told = compared(session, AT_ONCE)
    assert (told.draft.total.pieces, told.in_force.total.pieces) == (3, 3)


def test_a_batch_that_is_not_better_together_is_decided_as_by_the_policy_in_force(session: Session) -> None:
    stock(session, {"sh": {"apple": 2}})
    place_all(session, *[order({"apple": 1}, f"T{no}") for no in range(3)])
    told = compared(session, AT_ONCE)
    assert (told.moved, told.draft.total) == (0, told.in_force.total)
    assert told.draft.batches
    assert (told.draft.batches.came, told.draft.batches.together) == (1, 0)


def test_what_was_asked_again_later_is_decided_at_its_time() -> None:
    now, later = SINCE, SINCE + timedelta(hours=1)
    asked = [Asked(1, now, "", (), ()), Asked(1, later, "", (), (), again=True), Asked(2, now, "", (), ())]
    batches = in_batches([*asked, Asked(3, later, "", (), ()), Asked(4, later + timedelta(days=1), "", (), ())])
    assert [[one.order_id for one in batch] for batch in batches] == [[1, 2], [1, 3], [4]]


def test_each_policy_counts_its_own_documents_of_a_day(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}, "bj": {"apple": 9}})
    buy(session, 3)
    place(session, [order({"apple": 1}, "N1")], AT + timedelta(days=1), ZONE)
    told = compared(session, f"{DRAFT}[locations.sh]\nmost_a_day = 2\n")
    assert (told.draft.total.share, told.moved) == ({"bj": 0.25, "sh": 0.75}, 1)
    assert (dict(told.draft.full_days), dict(told.in_force.full_days)) == ({"sh": 1}, {})


@pytest.mark.parametrize(("history", "free"), [({}, {"x": 2}), ({("a", "x"): 1}, {"x": 3}), ({("a", "x"): -2}, {})])
def test_what_history_took_and_a_policy_did_not_is_there_still(
    history: dict[tuple[str, str], int], free: dict[str, int]
) -> None:
    carried = Carried()
    carried.take(history, ())
    [site] = carried.see([Site("a", 0, 0, (), {"x": 2})], {"x"})
    assert site.free == free
    assert dict(carried.emptied()) == ({} if free else {"a": 1})
