"""Ask the review rules in force about a batch: its orders and their lines, and then the fulfilment orders planned."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy.orm import Session

from hub.database import keyring_of
from hub.order.place.facts import Gathered, Told, facts_of, told_of
from hub.order.place.facts_gather import Mate, gather
from hub.order.place.part_facts import Delivery, facts_of_delivery, facts_of_line
from hub.order.place.twins import Fresh
from hub.order.rules.hold import Hold
from hub.review.judge import Facts, On, Ruleset, holds_after
from hub.review.standing import Edition
from hub.review.verdict import Scope


class Asking(Protocol):
    """A batch about to be written."""

    @property
    def new(self) -> Mapping[int, Fresh]: ...
    @property
    def subjects(self) -> Mapping[int, int]: ...
    @property
    def rows_of(self) -> Mapping[int, Mapping[str, Any]]: ...
    @property
    def at(self) -> datetime: ...
    @property
    def here(self) -> datetime: ...


Held = Mapping[int, Sequence[Hold]]
Rules = Mapping[int, Ruleset]
Twins = Mapping[int, int]

EARLY: Final = (Scope.ORDER, Scope.LINE)
"""Scopes that are asked before anything has a source."""

OF_BEFORE: Final = frozenset({"buyer", "risk", "merge"})
"""Groups that ask what came before an order."""


def ask_rules(session: Session, edition: Edition, batch: Asking, twins: Twins, held: Held) -> Held:
    """Give the holds of a batch with what its shops' rules of orders and lines add and let go."""
    if edition.scopes.isdisjoint(EARLY):
        return held
    of_orders, of_lines = (rules_of(edition, _shops(batch), scope) for scope in EARLY)
    asked = [*of_orders.values(), *of_lines.values()]
    if not asked:
        return held
    names = names_of(asked)
    told = _told(session, batch, sorted({*of_orders, *of_lines}), names)
    gathered = gather(session, told, names, twins, batch.here, _mates(batch, names))
    after = dict(held)
    for one in told:
        mine = held[one.id]
        if (rules := of_orders.get(one.id)) is not None:
            facts = facts_of(one, gathered, rules.facts)
            own, others = _part(mine, On())
            mine = [*holds_after(rules.judge(facts), own, facts, batch.at), *others]
        if (rules := of_lines.get(one.id)) is not None:
            mine = _line_by_line(rules, one, gathered, mine, batch.at)
        after[one.id] = mine
    return after


def ask_of_planned(
    session: Session, edition: Edition, batch: Asking, twins: Twins, planned: Sequence[Delivery]
) -> dict[int, list[Hold]]:
    """Give what the rules of fulfilment orders hold of a batch that was planned, by order."""
    rules = rules_of(edition, _shops(batch), Scope.FULFILMENT)
    ids = sorted(rules.keys() & {one.order_id for one in planned})
    names = names_of(rules.values())
    told = _told(session, batch, ids, names) if ids else []
    return judge_deliveries(session, rules, told, planned, twins, batch.here, _mates(batch, names))


def judge_deliveries(
    session: Session,
    rules: Rules,
    told: Sequence[Told],
    planned: Sequence[Delivery],
    twins: Twins,
    here: datetime,
    mates: Sequence[Mate] = (),
) -> dict[int, list[Hold]]:
    """Ask rules about the fulfilment orders of the orders that are told of; give what they hold, by order."""
    if not told:
        return {}
    gathered = gather(session, told, names_of(rules.values()), twins, here, mates)
    mine_of: defaultdict[int, list[Delivery]] = defaultdict(list)
    for delivery in planned:
        mine_of[delivery.order_id].append(delivery)
    holds: dict[int, list[Hold]] = {}
    for one in told:
        mine, shared = mine_of[one.id], facts_of(one, gathered, rules[one.id].facts)
        parts: list[Facts] = [{"fulfilment": facts_of_delivery(one, each)} for each in mine]
        for delivery, part, answers in zip(mine, parts, rules[one.id].judge_each(shared, parts), strict=True):
            on = On(fulfilment_no=delivery.no)
            holds.setdefault(one.id, []).extend(holds_after(answers, (), {**shared, **part}, here, on))
    return holds


def rules_of(edition: Edition, shops: Mapping[int, tuple[str, str]], scope: Scope) -> dict[int, Ruleset]:
    """Give the rules of a scope that are asked about orders, by their brands and shops."""
    if scope not in edition.scopes:
        return {}
    return {no: rules for no, (brand, shop) in shops.items() if (rules := edition.of(brand, shop, scope))}


def names_of(asked: Iterable[Ruleset]) -> frozenset[str]:
    """Name the groups of facts that must be gathered for some rules."""
    return frozenset[str]().union(*(rules.gathers for rules in asked))


def _line_by_line(rules: Ruleset, one: Told, gathered: Gathered, held: Sequence[Hold], at: datetime) -> list[Hold]:
    shared, after = facts_of(one, gathered, rules.facts), list(held)
    parts: list[Facts] = [{"line": facts_of_line(one, line, gathered)} for line in one.lines]
    for line, part, answers in zip(one.lines, parts, rules.judge_each(shared, parts), strict=True):
        on = On(line_no=line.no)
        own, others = _part(after, on)
        after = [*others, *holds_after(answers, own, {**shared, **part}, at, on)]
    return after


def _part(holds: Sequence[Hold], on: On) -> tuple[list[Hold], list[Hold]]:
    """Part what holds one thing from what holds others."""
    own = [hold for hold in holds if (hold.line_no, hold.fulfilment_no) == on]
    return own, [hold for hold in holds if (hold.line_no, hold.fulfilment_no) != on]


def _shops(batch: Asking) -> dict[int, tuple[str, str]]:
    return {no: (one.order.shop_order.brand, one.order.shop_order.shop) for no, one in batch.new.items()}


def _told(session: Session, batch: Asking, ids: Sequence[int], names: frozenset[str]) -> list[Told]:
    ring = keyring_of(session)
    return [told_of(no, batch.new[no].order, batch.rows_of[no], batch.subjects[no], ring, names) for no in ids]


def _mates(batch: Asking, names: frozenset[str]) -> list[Mate]:
    """Name all orders of a batch, also of shops whose rules ask nothing, where what came before is asked."""
    if OF_BEFORE.isdisjoint(names):
        return []
    return [
        Mate(no, batch.subjects[no], one.order.shop_order.shop, batch.rows_of[no]["phone_index"])
        for no, one in batch.new.items()
    ]
