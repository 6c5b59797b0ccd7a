"""Hold single fulfilment orders that were just opened, where the rules in force say so."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import rows
from hub.fulfilment.release import NewFulfilment
from hub.order.place.ask_rules import judge_deliveries, names_of, rules_of
from hub.order.place.facts import PERSONAL
from hub.order.place.part_facts import Delivery
from hub.order.place.told_back import Cuts, tell_of, twins_of
from hub.order.place.write_holds import call_people, write_holds
from hub.review.expression import UNTOLD
from hub.review.judge import Ruleset
from hub.review.standing import rules_in_force
from hub.review.verdict import Scope


def delivery_of(one: NewFulfilment) -> Delivery:
    pieces = tuple([(line.line_no, line.quantity) for line in one.lines])
    return Delivery(one.order_id, one.no, one.location, one.courier, one.attempt, pieces)


def hold_deliveries(session: Session, opened: Sequence[NewFulfilment], at: datetime, cut: Cuts) -> None:
    """Ask the rules about fulfilment orders of orders that are there already, and write what they hold.

    Cancelled pieces are none of an order any more, nor are those of `cut`: they are cancelled after this. Where no rule
    is asked of fulfilment orders it is one look-up. `at` is in the business zone.
    """
    edition = rules_in_force(session) if opened else None
    if edition is None or Scope.FULFILMENT not in edition.scopes:
        return
    ids = sorted({one.order_id for one in opened})
    found = rows(session, "select id, brand, shop from sales_order where id = any(:ids)", ids=ids)
    rules = rules_of(edition, {one.id: (one.brand, one.shop) for one in found}, Scope.FULFILMENT)
    if not rules:
        return
    told = tell_of(session, sorted(rules), cut, opens=any(_opens(one) for one in rules.values()))
    twins: Mapping[int, int] = twins_of(session, told) if "twin" in names_of(rules.values()) else {}
    holds = judge_deliveries(session, rules, told, [delivery_of(one) for one in opened], twins, at)
    write_holds(session, holds, "", at)
    call_people(session, {one.id: one.brand for one in found}, holds, at)


def _opens(rules: Ruleset) -> bool:
    """Say whether rules ask what is sealed."""
    asked = [rule.expression for rule in rules.rules if rule.expression]
    return not PERSONAL.isdisjoint(rules.facts) or any(not UNTOLD.isdisjoint(one.paths) for one in asked)
