"""Try a review rule on what is placed already: how much of it would have been held or let go; nothing is written."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from sqlalchemy.orm import Session

from hub.document import Document
from hub.errors import Malformed
from hub.order.place.facts import PERSONAL, Gathered, Told, facts_of
from hub.order.place.facts_gather import gather
from hub.order.place.part_facts import Delivery, facts_of_delivery, facts_of_line
from hub.order.place.told_back import deliveries_of, twins_of
from hub.order.rehearse.allowance import LONGEST_S, Allowance
from hub.order.rehearse.read_back import held_as_placed, placed_since
from hub.review.expression import UNTOLD, read_expression
from hub.review.judge import Answer, Facts, On, Ruleset, Standing
from hub.review.publish import NewRule
from hub.review.verdict import Letting, Scope
from hub.roles import Actor, Permission
from hub.trials import TrialView

LONGEST_DAYS: Final = 90
MOST: Final = 5_000
"""Orders that are looked at, the newest first."""

SHOWN: Final = 20
"""Order numbers that are named of each kind."""

AS_NOW: Final = frozenset({"stock"})
"""Facts that nobody keeps: they are what they are now, not what they were when the order came."""

REFUND: Final = "refund_requested"
"""Likewise, of an order and of a line."""


class Tried(Document):
    """What a rule would have said of `looked` orders of the last `days`.

    It was `asked` so many times: of each order, or by its scope of each line or fulfilment order of them. `hit` is how
    many of these it would have held, or let go of at least one hold; `failed` counts, by kind, those it could not be
    evaluated on, which it would have held for a person. Samples are orders, lines as 17/2 or fulfilment orders as 17-1.
    `left_out` are orders of people who have been erased. `more` says that others were not looked at, older ones than
    `reached`, the oldest that was; `as_now` names the facts that are not as they were.
    """

    scope: Scope
    days: int
    looked: int
    asked: int
    hit: int
    failed: Mapping[str, int]
    left_out: int
    more: bool
    reached: datetime | None
    samples: tuple[str, ...]
    failed_samples: tuple[str, ...]
    as_now: tuple[str, ...]

    def seen(self, actor: Actor, at: datetime) -> TrialView:
        """Give what is kept of it: that it was made, by whom, and over how much."""
        return TrialView(days=self.days, looked=self.looked, whole=not self.more, tried_at=at, tried_by=actor.name)


def rehearse(
    session: Session,
    actor: Actor,
    rule: NewRule,
    at: datetime,
    days: int = 7,
    most: int = MOST,
    clock: Callable[[], float] = monotonic,
) -> Tried:
    """Ask a rule, drafted or not, about the newest orders of its shops that an actor may see.

    `at` is in the business zone. Raises: Unauthorised, also for a rule on remarks without the permission to unmask;
    Malformed (expression; days).
    """
    actor.require(Permission.SEE_ORDERS)
    if not 1 <= days <= LONGEST_DAYS:
        raise Malformed(f"between 1 and {LONGEST_DAYS} days can be looked at", code="days", field="days")
    expression = read_expression(rule.expression, rule.verdict.scope)
    told_of_people = not UNTOLD.isdisjoint(expression.paths)
    if told_of_people:  # whoever may ask for words of remarks, and is named the orders, can read them
        actor.require(Permission.UNMASK)
    opens = told_of_people or not PERSONAL.isdisjoint(expression.facts)
    trial = Trial(Ruleset([Standing(rule.name, 0, expression, rule.verdict)]), rule.verdict.scope)
    allowance = Allowance(LONGEST_S, clock)
    batches = placed_since(session, actor, rule, at - timedelta(days=days), at, most, opens=opens)
    deque(allowance.of(trial.go(session, batches, rule, at, allowance)), maxlen=0)
    as_now = {*AS_NOW & trial.rules.gathers} | {REFUND for _, name in expression.paths if name == REFUND}
    return Tried(
        scope=trial.scope,
        days=days,
        looked=trial.looked,
        asked=trial.asked,
        hit=len(trial.hit),
        failed=Counter(trial.failed.values()),
        left_out=trial.left_out,
        more=allowance.out or trial.looked + trial.left_out >= most,
        reached=trial.reached,
        samples=tuple(map(_called, trial.hit[:SHOWN])),
        failed_samples=tuple(map(_called, list(trial.failed)[:SHOWN])),
        as_now=tuple(sorted(as_now)),
    )


Spot = tuple[int, On]
"""An order, or one line or fulfilment order of it."""


@dataclass
class Trial:
    """What was asked of a rule so far, and what it said."""

    rules: Ruleset
    scope: Scope
    looked: int = 0
    asked: int = 0
    left_out: int = 0
    reached: datetime | None = None
    hit: list[Spot] = field(default_factory=list[Spot])
    failed: dict[Spot, str] = field(default_factory=dict[Spot, str])

    def go(
        self,
        session: Session,
        batches: Iterable[tuple[Sequence[Told], int]],
        rule: NewRule,
        at: datetime,
        allowance: Allowance,
    ) -> Iterator[None]:
        """Ask about batch after batch, for as long as somebody wants the next."""
        releases = rule.verdict.releases if isinstance(rule.verdict, Letting) else None
        for told, gone in batches:
            held = None if releases is None else held_as_placed(session, told, releases)
            said = self.ask(session, told, at, allowance)
            self.left_out += gone
            self.hit += [one for one, answer in said.items() if answer.true and (held is None or one in held)]
            yield

    def ask(self, session: Session, told: Sequence[Told], at: datetime, allowance: Allowance) -> Mapping[Spot, Answer]:
        """Ask about some orders as long as there is time."""
        twins: Mapping[int, int] = twins_of(session, told) if "twin" in self.rules.facts else {}
        gathered = gather(session, told, self.rules.gathers, twins, at)
        opened: defaultdict[int, list[Delivery]] = defaultdict(list)
        if self.scope is Scope.FULFILMENT:
            for delivery in deliveries_of(session, [one.id for one in told]):
                opened[delivery.order_id].append(delivery)
        said: dict[Spot, Answer] = {}
        for one in told:
            if allowance.over:
                break
            self.looked, self.reached = self.looked + 1, one.at
            shared = facts_of(one, gathered, self.rules.facts)
            spots = list(self._spots(one, gathered, opened[one.id]))
            answers = self.rules.judge_each(shared, [own for _, own in spots])
            said |= {(one.id, on): first for (on, _), [first] in zip(spots, answers, strict=True)}
        self.asked += len(said)
        self.failed |= {spot: answer.failed for spot, answer in said.items() if answer.failed}
        return said

    def _spots(self, one: Told, gathered: Gathered, opened: Sequence[Delivery]) -> Iterator[tuple[On, Facts]]:
        if self.scope is Scope.ORDER:
            yield On(), {}
        elif self.scope is Scope.LINE:
            for line in one.lines:
                yield On(line_no=line.no), {"line": facts_of_line(one, line, gathered)}
        else:
            bought = {line.no for line in one.lines}
            for delivery in opened:
                if bought.isdisjoint(no for no, _ in delivery.pieces):
                    continue  # what a change has added
                yield On(fulfilment_no=delivery.no), {"fulfilment": facts_of_delivery(one, delivery)}


def _called(spot: Spot) -> str:
    order_id, on = spot
    if on.line_no is not None:
        return f"{order_id}/{on.line_no}"
    return f"{order_id}-{on.fulfilment_no}" if on.fulfilment_no is not None else str(order_id)
