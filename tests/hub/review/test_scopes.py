"""Rules of one line or one fulfilment order, from placing an order to the end of what they hold."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from commands.conservation import in_flight
from hub.database import rows, run
from hub.errors import Conflict, Malformed, Unauthorised
from hub.fulfilment.keep import LATER
from hub.order.change.begin import change
from hub.order.change.cancel import cancel
from hub.order.change.revision import Contents, Wish
from hub.order.holds.expiry import expire_holds
from hub.order.holds.resume import release_holds, release_part
from hub.review.expression import read_expression
from hub.review.verdict import Scope
from tests.hub.making import AT, ZONE, add_sku, open_causes, order, placed, see, stock
from tests.hub.order.changing import BY
from tests.hub.review.ruling import ADMIN, SUPERVISOR, enforce, holding, letting, rule

HOUR = timedelta(hours=1)
HERE = AT.astimezone(ZONE)


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    stock(session, {"sh": {"apple": 50, "pear": 50}, "bj": {"fig": 50}})


def line_rule(expression: str, name: str = "some_rule", **verdict: Any) -> Any:  # noqa: ANN401 # any field of a verdict
    return rule(expression, name, verdict=holding(scope="line", **verdict))


def delivery_rule(expression: str, name: str = "some_rule", **verdict: Any) -> Any:  # noqa: ANN401 # as above
    return rule(expression, name, verdict=holding(scope="fulfilment", **verdict))


def held(session: Session, order_id: int) -> list[tuple[str, int | None, str | None]]:
    """Give the live holds: rule, line and fulfilment order."""
    return [
        (one.rule, one.line_no, one.fulfilment and one.fulfilment.removeprefix(f"{order_id}-"))
        for one in see(session, order_id).holds
    ]


def sourced(session: Session, order_id: int) -> dict[int, int]:
    return {line.line_no: line.allocated for line in see(session, order_id).lines if line.allocated}


def kept(session: Session, order_id: int) -> dict[int, bool]:
    """Say of each fulfilment order that waits to be released whether it is kept back."""
    found = rows(
        session,
        """select cast(subject ->> 'no' as bigint) as no, run_at from step
           where order_id = :id and flow = 'release_fulfilment' and state = 'pending' order by 1""",
        id=order_id,
    )
    return {one.no: one.run_at == LATER for one in found}


def test_a_line_that_is_held_waits_and_the_rest_of_its_order_goes_on(session: Session) -> None:
    enforce(session, line_rule("line.sku == 'pear' && order.pieces > 1"))
    order_id = placed(session, order({"apple": 2, "pear": 1}))
    assert (held(session, order_id), sourced(session, order_id)) == ([("some_rule", 2, None)], {1: 2})
    assert (kept(session, order_id), open_causes(session)) == ({1: False}, ["review"])


def test_releasing_a_line_sources_that_line_and_no_other(session: Session) -> None:
    enforce(session, line_rule("line.quantity < 3"))
    order_id = placed(session, order({"apple": 2, "pear": 1, "fig": 3}))
    assert sourced(session, order_id) == {3: 3}
    release_part(session, order_id, 2, ADMIN, "checked", HERE)
    assert (held(session, order_id), sourced(session, order_id)) == ([("some_rule", 1, None)], {2: 1, 3: 3})
    release_part(session, order_id, 1, ADMIN, "checked", HERE)
    assert (held(session, order_id), sourced(session, order_id)) == ([], {1: 2, 2: 1, 3: 3})
    assert open_causes(session) == []


def test_the_review_of_a_line_ends_though_its_order_waits_for_its_buyer_to_pay(session: Session) -> None:
    enforce(session, line_rule("line.sku == 'pear'"))
    order_id = placed(session, order({"apple": 2, "pear": 1}, paid_at=None))
    no = rows(session, "select no from order_hold where order_id = :id and line_no = 2", id=order_id)[0].no
    assert open_causes(session) == ["review"]
    release_part(session, order_id, no, ADMIN, "checked", HERE)
    assert (held(session, order_id), open_causes(session)) == ([("unpaid", None, None)], [])


def test_a_line_is_sourced_though_another_has_no_source(session: Session) -> None:
    enforce(session, line_rule("line.sku == 'pear'"))
    order_id = placed(session, order({"apple": 60, "pear": 1}))
    no = rows(session, "select no from order_hold where order_id = :id and line_no = 2", id=order_id)[0].no
    release_part(session, order_id, no, ADMIN, "checked", HERE)
    assert (held(session, order_id), sourced(session, order_id)[2]) == ([("no_source", None, None)], 1)


def test_a_line_hold_of_the_release_keeps_its_own_pieces_here_and_lets_the_others_leave(session: Session) -> None:
    enforce(session, line_rule("line.sku == 'pear'", blocks=["release"]))
    order_id = placed(session, order({"apple": 2, "pear": 1}))
    assert (sourced(session, order_id), kept(session, order_id)) == ({1: 2, 2: 1}, {1: False, 2: True})
    release_part(session, order_id, 1, ADMIN, "checked", HERE)
    assert kept(session, order_id) == {1: False, 2: False}


def test_a_fulfilment_order_that_is_held_waits_and_the_others_leave(session: Session) -> None:
    enforce(session, delivery_rule("fulfilment.location == 'bj' && fulfilment.value >= 1000"))
    order_id = placed(session, order({"apple": 2, "fig": 1}))
    document = next(one for one in see(session, order_id).fulfilments if one.location == "bj")
    no = document.code.removeprefix(f"{order_id}-")
    assert (held(session, order_id), kept(session, order_id)[int(no)]) == ([("some_rule", None, no)], True)
    assert sorted(kept(session, order_id).values()) == [False, True]
    release_part(session, order_id, 1, ADMIN, "checked", HERE)
    assert (held(session, order_id), sorted(kept(session, order_id).values())) == ([], [False, False])


def test_a_fulfilment_order_that_comes_later_is_asked_about_as_well(session: Session) -> None:
    enforce(session, rule("order.paid", "waits"))
    enforce(session, delivery_rule("'pear' in fulfilment.skus && order.total > 0 && fulfilment.grams == 500"))
    order_id = placed(session, order({"pear": 1}))
    release_holds(session, order_id, ADMIN, "checked", HERE)
    assert (held(session, order_id), kept(session, order_id)) == ([("some_rule", None, "1")], {1: True})
    assert open_causes(session) == ["review"]


def test_a_rule_that_fails_holds_what_it_was_asked_of(session: Session) -> None:
    enforce(session, line_rule("100 / (line.quantity - 1) > 1000", "of_lines"))
    enforce(session, delivery_rule("100 / (fulfilment.pieces - 3) > 1000", "of_documents"))
    order_id = placed(session, order({"apple": 3, "pear": 1}))
    assert held(session, order_id) == [("rule_failed", 2, None), ("rule_failed", None, "1")]
    assert (sourced(session, order_id), kept(session, order_id)) == ({1: 3}, {1: True})


def test_a_release_rule_lets_go_of_its_own_scope_alone(session: Session) -> None:
    enforce(session, line_rule("true"))
    enforce(session, rule("true", "lets_lines", verdict=letting("fraud") | {"scope": "line"}))
    enforce(session, rule("true", "of_order"))
    order_id = placed(session, order({"apple": 1, "pear": 1}))
    assert held(session, order_id) == [("of_order", None, None)]


def test_a_hold_of_the_whole_order_keeps_every_line(session: Session) -> None:
    enforce(session, rule("true", "of_order"))
    enforce(session, line_rule("line.sku == 'pear'"))
    order_id = placed(session, order({"apple": 1, "pear": 1}))
    of_line = next(no for no, one in enumerate(held(session, order_id), 1) if one[1] == 2)
    release_part(session, order_id, of_line, ADMIN, "checked", HERE)
    assert (held(session, order_id), sourced(session, order_id)) == ([("of_order", None, None)], {})


def test_a_rules_hold_for_its_stock_keeps_every_line_and_its_person_called(session: Session) -> None:
    enforce(session, rule("order.pieces > 1", "short", verdict=holding(type="stock")))
    enforce(session, line_rule("line.sku == 'pear'", expires_after_s=60))
    order_id = placed(session, order({"apple": 1, "pear": 1}))
    assert expire_holds(session, HERE + HOUR) == 1
    change(session, order_id, Wish(contents=Contents(remark="慢点")), BY, AT + HOUR)
    assert (sourced(session, order_id), held(session, order_id)) == ({}, [("short", None, None)])
    assert open_causes(session) == ["review"]


def test_a_rules_hold_for_its_stock_outlasts_a_change_of_an_order_that_has_its_sources(session: Session) -> None:
    enforce(session, rule("order.pieces > 1", "short", verdict=holding(type="stock", blocks=["release"])))
    order_id = placed(session, order({"apple": 2}))
    change(session, order_id, Wish(contents=Contents(remark="慢点")), BY, AT + HOUR)
    assert (held(session, order_id), open_causes(session)) == ([("short", None, None)], ["review"])
    assert set(kept(session, order_id).values()) == {True}


def test_releasing_an_order_leaves_no_hold_of_a_part_behind(session: Session) -> None:
    enforce(session, line_rule("line.sku == 'pear'"))
    order_id = placed(session, order({"apple": 1, "pear": 1}))
    release_holds(session, order_id, ADMIN, "checked", HERE)
    assert (held(session, order_id), sourced(session, order_id)) == ([], {1: 1, 2: 1})


def test_a_line_goes_on_when_its_hold_runs_out(session: Session) -> None:
    enforce(session, line_rule("line.sku == 'pear'", expires_after_s=60))
    order_id = placed(session, order({"apple": 60, "pear": 1}))
    assert expire_holds(session, HERE + HOUR) == 1
    assert (held(session, order_id), sourced(session, order_id)[2]) == ([("no_source", None, None)], 1)


def test_a_hold_ends_with_its_line_or_its_fulfilment_order(session: Session) -> None:
    enforce(session, line_rule("line.sku == 'pear'", "of_line"))
    enforce(session, delivery_rule("true", "of_document"))
    order_id = placed(session, order({"apple": 1, "pear": 1}))
    change(session, order_id, Wish(pieces={2: 1}), BY, HERE)
    assert held(session, order_id) == [("of_document", None, "1")]
    change(session, order_id, Wish(pieces={1: 1}), BY, HERE)
    assert (held(session, order_id), open_causes(session)) == ([], [])


def test_cancelling_an_order_ends_all_that_holds_parts_of_it(session: Session) -> None:
    enforce(session, line_rule("line.sku == 'pear'", "of_line"))
    enforce(session, delivery_rule("true", "of_document"))
    order_id = placed(session, order({"apple": 1, "pear": 1}))
    assert (cancel(session, order_id, "pc", "changed my mind", AT), held(session, order_id)) == ("cancelled", [])


def test_a_change_judges_lines_and_fulfilment_orders_again(session: Session) -> None:
    enforce(session, line_rule("line.sku == 'pear' && order.remark.contains('慢')", "of_line"))
    enforce(session, delivery_rule("fulfilment.location == 'bj' && order.remark.contains('慢')", "of_document"))
    order_id = placed(session, order({"apple": 1, "pear": 1, "fig": 1}))
    change(session, order_id, Wish(contents=Contents(remark="慢点")), BY, HERE)
    assert [one[0] for one in held(session, order_id)] == ["of_line", "of_document"]
    assert (sourced(session, order_id), sorted(kept(session, order_id).values())) == ({1: 1, 3: 1}, [False, True])
    change(session, order_id, Wish(contents=Contents(remark="")), BY, HERE)
    assert (held(session, order_id), sourced(session, order_id)) == ([], {1: 1, 2: 1, 3: 1})


def test_the_gifts_of_a_line_wait_and_go_with_it(session: Session) -> None:
    enforce(session, line_rule("line.sku == 'pear'"))
    one = order({"pear": 1, "apple": 1, "fig": 1})
    lines = [line.model_copy(update={"gift": line.channel_sku == "apple"}) for line in one.order.lines]
    order_id = placed(session, replace(one, order=one.order.model_copy(update={"lines": tuple(lines)})))
    assert (held(session, order_id), sourced(session, order_id)) == (
        [("some_rule", 1, None), ("some_rule", 2, None)],
        {3: 1},
    )
    release_part(session, order_id, 1, ADMIN, "checked", HERE)
    assert (held(session, order_id), sourced(session, order_id)) == ([], {1: 1, 2: 1, 3: 1})


def test_a_voucher_is_handed_over_when_its_own_hold_ends(session: Session) -> None:
    add_sku(session, "voucher", storage="none")
    enforce(session, line_rule("line.storage == 'none' && line.kind == 'item'"))
    order_id = placed(session, order({"apple": 1, "voucher": 1}))
    assert (sourced(session, order_id), see(session, order_id).lines[1].shipped) == ({1: 1}, 0)
    release_part(session, order_id, 1, ADMIN, "checked", HERE)
    assert see(session, order_id).lines[1].shipped == 1


def test_what_a_line_lacks_and_when_it_comes_are_facts_of_it(session: Session) -> None:
    run(session, "update sku set available_from = :day where code = 'fig'", day=(HERE + timedelta(days=3)).date())
    enforce(session, line_rule("line.missing == 10 || line.arrives_in_days == 3", type="stock"))
    order_id = placed(session, order({"apple": 60, "pear": 1, "fig": 1}))
    assert [one for one in held(session, order_id) if one[0] == "some_rule"] == [
        ("some_rule", 1, None),
        ("some_rule", 3, None),
    ]


def test_a_hold_that_names_a_role_is_not_let_go_by_a_lower_one(session: Session) -> None:
    enforce(session, line_rule("true", resolver="admin"))
    order_id = placed(session, order({"apple": 1}))
    with pytest.raises(Unauthorised, match="admin"):
        release_part(session, order_id, 1, SUPERVISOR, "checked", HERE)
    release_part(session, order_id, 1, ADMIN, "checked", HERE)
    with pytest.raises(Conflict, match="was released"):
        release_part(session, order_id, 1, ADMIN, "checked", HERE)


def test_a_hold_of_an_order_is_no_part(session: Session) -> None:
    order_id = placed(session, order({"apple": 1}, paid_at=None))
    with pytest.raises(Conflict, match="whole order"):
        release_part(session, order_id, 1, ADMIN, "checked", HERE)


@pytest.mark.parametrize(
    ("expression", "scope"),
    [("line.quantity > 1", Scope.ORDER), ("fulfilment.pieces > 1", Scope.LINE), ("line.sku == ''", Scope.FULFILMENT)],
)
def test_a_fact_of_another_scope_is_refused(expression: str, scope: Scope) -> None:
    with pytest.raises(Malformed, match="no fact is called"):
        read_expression(expression, scope)


def test_of_a_fulfilment_order_nothing_but_the_release_can_be_blocked() -> None:
    assert delivery_rule("true").verdict.blocks == ("release",)
    with pytest.raises(ValueError, match="only its release"):
        delivery_rule("true", blocks=["route"])


def test_what_waits_for_a_person_is_not_on_its_way_and_the_rest_of_its_order_is(session: Session) -> None:
    enforce(session, line_rule("line.sku == 'pear'"))
    enforce(session, delivery_rule("'fig' in fulfilment.skus", "of_document"))
    waits = placed(session, order({"pear": 1, "fig": 1}, "T1"))
    assert (in_flight(session)["orders"], in_flight(session)["steps"]) == (0, 0)
    goes = placed(session, order({"pear": 1, "fig": 1, "apple": 1}, "T2"))
    assert (in_flight(session)["orders"], in_flight(session)["steps"]) == (1, 1)
    assert waits < goes
