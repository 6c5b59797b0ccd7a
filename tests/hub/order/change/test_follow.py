"""What waits for a refund that is asked for at the channel or for the seller's note, and what goes on afterwards."""

from collections.abc import Collection
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import rows
from hub.order.change.cancel import cancel
from hub.order.change.channel import revise
from hub.order.change.follow import follow
from hub.order.holds.resume import release_holds
from hub.order.model import ShopOrder
from hub.order.place.record import payload_hash
from hub.order.receive import find_later
from hub.order.reveal import reveal
from hub.order.rules.policy import POLICY
from hub.order.view import HoldView
from hub.review.publish import retire_rule
from hub.roles import SYSTEM
from tests.hub.making import AT, RECEIVER, ZONE, add_sku, order, placed, see, stock
from tests.hub.order.change.test_change_bounds import due
from tests.hub.order.changing import send
from tests.hub.review.ruling import enforce, holding, letting, rule

HERE = AT.astimezone(ZONE)


def said(asked: Collection[str] = (), revision: int = 1) -> ShopOrder:
    """Say an order of three apples and two pears, with refunds asked for lines by their numbers."""
    one = order({"apple": 3, "pear": 2}, source_revision=revision)
    lines = [line.model_copy(update={"refund_requested": line.external_line_id in asked}) for line in one.order.lines]
    return replace(one, order=one.order.model_copy(update={"lines": tuple(lines)}))


def held(session: Session, order_id: int) -> list[tuple[str, int | None]]:
    return [(one.rule, one.line_no) for one in holds(session, order_id)]


def holds(session: Session, order_id: int) -> tuple[HoldView, ...]:
    return see(session, order_id).holds


def sourced(session: Session, order_id: int) -> list[int]:
    return [line.allocated for line in see(session, order_id).lines]


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9}})


def test_a_line_whose_refund_is_asked_for_waits_from_the_beginning(session: Session) -> None:
    order_id = placed(session, said(["L2"]))
    assert (held(session, order_id), sourced(session, order_id)) == ([("refund_asked", 2)], [3, 0])


def test_an_order_of_which_no_refund_is_asked_for_hashes_as_before_there_were_any() -> None:
    asked = said(["L1"])
    assert payload_hash(said()) != payload_hash(asked)
    before = {"__all__": {"refund_requested": True}}
    text = said().order.model_dump_json(exclude={"lines": before, "source_revision": True, "reservation": True})
    assert "refund_requested" not in text


def test_a_refund_that_is_asked_for_later_takes_its_line_out_and_leaves_the_rest(session: Session) -> None:
    order_id = placed(session, said())
    assert find_later(session, [said(["L2"], 2)]) == {0: order_id}
    revise(session, order_id, said(["L2"], 2), "platform_wins", HERE)
    assert (held(session, order_id), sourced(session, order_id)) == ([("refund_asked", 2)], [3, 0])
    assert [(one.location, one.execution) for one in see(session, order_id).fulfilments] == [
        ("sh", "cancelled"),
        ("sh", "open"),
    ]


def test_a_refund_that_is_withdrawn_lets_its_line_go(session: Session) -> None:
    order_id = placed(session, said(["L1", "L2"]))
    revise(session, order_id, said(["L1"], 2), "platform_wins", HERE)
    assert (held(session, order_id), sourced(session, order_id)) == ([("refund_asked", 1)], [0, 2])
    revise(session, order_id, said([], 3), "platform_wins", HERE)
    assert (held(session, order_id), sourced(session, order_id)) == ([], [3, 2])


def test_what_a_location_has_been_sent_stays_there_and_a_person_is_told(session: Session) -> None:
    order_id = placed(session, said())
    send(session, order_id)
    revise(session, order_id, said(["L2"], 2), "platform_wins", HERE)
    assert (held(session, order_id), sourced(session, order_id)) == ([("refund_asked", 2)], [3, 2])
    assert [one.execution for one in see(session, order_id).fulfilments] == ["scheduled"]


def test_rules_ask_it_of_an_order_and_of_a_line_and_again_later(session: Session) -> None:
    enforce(session, rule("order.refund_requested && order.total > 100", "of_order"))
    enforce(session, rule("line.refund_requested", "of_line", verdict=holding(scope="line")))
    enforce(session, rule("line.amount < 2500", "lets", verdict=letting("finance") | {"scope": "line"}))
    order_id = placed(session, said())
    revise(session, order_id, said(["L2"], 2), "platform_wins", HERE)
    assert held(session, order_id) == [("of_order", None), ("of_line", 2)]
    revise(session, order_id, said([], 3), "platform_wins", HERE)
    assert (held(session, order_id), sourced(session, order_id)) == ([], [3, 2])


def test_the_parts_of_a_bundle_wait_together(session: Session) -> None:
    add_sku(session, "box", parts={"apple": 2, "pear": 1})
    one = order({"box": 1})
    (line,) = one.order.lines
    asked = line.model_copy(update={"refund_requested": True})
    order_id = placed(session, replace(one, order=one.order.model_copy(update={"lines": (asked,)})))
    assert held(session, order_id) == [("refund_asked", 2), ("refund_asked", 3)]


def test_what_is_said_again_changes_nothing(session: Session) -> None:
    order_id = placed(session, said(["L2"]))
    acts = "select count(*) as n from audit_entry"
    before = rows(session, acts)[0].n
    follow(session, order_id, said(["L2"], 2).order, "mall-pc", POLICY, HERE)
    assert rows(session, acts)[0].n == before


def noting(note: str, revision: int, asked: Collection[str] = ()) -> ShopOrder:
    one = said(asked, revision)
    return replace(one, order=one.order.model_copy(update={"seller_note": note}))


def note(session: Session, order_id: int) -> str:
    return reveal(session, order_id, SYSTEM, "look", AT).seller_note


def wait_by_note(session: Session, **verdict: Any) -> None:  # noqa: ANN401 # any field of a verdict
    enforce(session, rule("order.seller_note.contains('先别发')", verdict=holding(type="remark", **verdict)))


def test_another_note_of_the_seller_s_is_a_later_revision_and_is_kept(session: Session) -> None:
    order_id = placed(session, noting("老客户", 1))
    assert find_later(session, [noting("老客户", 2), noting("先别发", 1)]) == {}
    assert find_later(session, [noting("先别发", 2), noting("", 2)]) == {0: order_id, 1: order_id}
    revise(session, order_id, noting("先别发", 2), "platform_wins", HERE)
    assert note(session, order_id) == "先别发"
    assert find_later(session, [noting("先别发", 3)]) == {}
    revise(session, order_id, noting("", 4), "platform_wins", HERE)
    assert note(session, order_id) == ""


def test_a_note_that_a_rule_holds_for_keeps_the_goods_until_another_lets_them_go(session: Session) -> None:
    wait_by_note(session)
    order_id = placed(session, noting("", 1))
    revise(session, order_id, noting("先别发", 2), "platform_wins", HERE)
    assert ([one.type for one in holds(session, order_id)], due(session)) == (["remark"], [])
    assert sourced(session, order_id) == [3, 2]
    revise(session, order_id, noting("可以发了", 3), "platform_wins", HERE)
    assert (holds(session, order_id), due(session), sourced(session, order_id)) == ((), [order_id], [3, 2])


def test_an_order_that_waited_for_its_note_is_sourced_when_that_is_gone(session: Session) -> None:
    wait_by_note(session)
    order_id = placed(session, noting("先别发", 1, ["L2"]))
    assert sourced(session, order_id) == [0, 0]
    revise(session, order_id, noting("先别发", 2), "platform_wins", HERE)
    assert sourced(session, order_id) == [0, 0]
    revise(session, order_id, noting("", 3, ["L1"]), "platform_wins", HERE)
    assert (held(session, order_id), sourced(session, order_id)) == ([("refund_asked", 1)], [0, 2])
    revise(session, order_id, noting("", 4), "platform_wins", HERE)
    assert (held(session, order_id), sourced(session, order_id)) == ([], [3, 2])


def test_a_rule_of_lines_reads_the_new_note_too(session: Session) -> None:
    of_pears = "line.sku == 'pear' && order.seller_note.contains('梨')"
    enforce(session, rule(of_pears, verdict=holding(scope="line")))
    order_id = placed(session, noting("", 1))
    revise(session, order_id, noting("梨先别发", 2), "platform_wins", HERE)
    assert (held(session, order_id), sourced(session, order_id)) == ([("some_rule", 2)], [3, 0])
    revise(session, order_id, noting("", 3), "platform_wins", HERE)
    assert (held(session, order_id), sourced(session, order_id)) == ([], [3, 2])


def test_what_was_let_go_for_a_note_stays_so_while_the_note_stays(session: Session) -> None:
    wait_by_note(session)
    order_id = placed(session, noting("先别发", 1))
    release_holds(session, order_id, SYSTEM, "the seller says go", HERE)
    revise(session, order_id, noting("先别发", 2, ["L2"]), "platform_wins", HERE)
    assert held(session, order_id) == [("refund_asked", 2)]


def test_a_note_of_an_order_that_has_ended_is_kept_and_holds_nothing(session: Session) -> None:
    wait_by_note(session)
    order_id = placed(session, noting("", 1))
    cancel(session, order_id, "mall-pc", "changed my mind", HERE)
    revise(session, order_id, noting("先别发", 2), "platform_wins", HERE)
    assert (note(session, order_id), held(session, order_id)) == ("先别发", [])


def test_what_was_noted_is_in_no_audit_entry(session: Session) -> None:
    order_id = placed(session, noting("", 1))
    revise(session, order_id, noting("打 10000000042", 2), "platform_wins", HERE)
    [entry] = rows(session, "select actor, detail from audit_entry where act = 'order.note'")
    assert (entry.actor, entry.detail) == ("mall-pc", {"revision": 2})


def test_what_is_followed_leaves_an_order_where_a_person_said_that_it_goes(session: Session) -> None:
    nowhere = RECEIVER.model_copy(update={"province": "", "city": "", "county": ""})

    def there(one: ShopOrder) -> ShopOrder:
        return replace(one, order=one.order.model_copy(update={"receiver": nowhere}))

    order_id = placed(session, there(noting("", 1)))
    release_holds(session, order_id, SYSTEM, "asked the buyer", HERE, division="310115")
    for revision, asked in ((2, []), (3, ["L2"]), (4, ["L1"]), (5, [])):
        revise(session, order_id, there(noting(f"第{revision}次", revision, asked)), "platform_wins", HERE)
        assert see(session, order_id).county == "浦东新区"
        assert held(session, order_id) == [("refund_asked", int(no[1:])) for no in asked]
        assert find_later(session, [there(noting(f"第{revision}次", revision + 1, asked))]) == {}
    assert (note(session, order_id), sourced(session, order_id)) == ("第5次", [3, 2])


def test_what_is_followed_ends_no_hold_of_something_else(session: Session) -> None:
    for kind in ("address", "remark"):
        enforce(session, rule("order.total > 100", f"of_{kind}", verdict=holding(type=kind)))
    order_id = placed(session, noting("", 1))
    for kind in ("address", "remark"):
        retire_rule(session, SYSTEM, f"of_{kind}", 1, "no more", HERE)
    revise(session, order_id, noting("", 2, ["L2"]), "platform_wins", HERE)
    assert held(session, order_id) == [("of_address", None), ("of_remark", None), ("refund_asked", 2)]
    revise(session, order_id, noting("老客户", 3), "platform_wins", HERE)
    assert (held(session, order_id), sourced(session, order_id)) == ([("of_address", None)], [0, 0])
