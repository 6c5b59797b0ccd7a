"""Try a review rule on orders that are placed already: how many it would have held or let go; nothing is written."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from sqlalchemy.orm import Session

from hub.document import Document
from hub.errors import Malformed
from hub.order.place.facts import PERSONAL, facts_of
from hub.order.place.facts_gather import gather
from hub.order.rehearse.read_back import held_as_placed, placed_since, twins_of
from hub.review.expression import UNTOLD, read_expression
from hub.review.judge import Answer, Ruleset, Standing
from hub.review.publish import NewRule
from hub.review.verdict import Letting
from hub.roles import Actor, Permission

LONGEST_DAYS: Final = 90
MOST: Final = 5_000
"""Orders that are looked at, the newest first."""

SHOWN: Final = 20
"""Order numbers that are named of each kind."""

LONGEST_S: Final = 20.0
"""How long a trial looks; what was looked at until then is what it tells of."""

AS_NOW: Final = frozenset({"stock"})
"""Facts that nobody keeps: they are what they are now, not what they were when the order came."""


class Tried(Document):
    """What a rule would have said of `looked` orders of the last `days`.

    `hit` is how many it would have held, or let go of at least one hold; `failed` counts, by kind, those it could not
    be evaluated on, which it would have held for a person. `left_out` are orders of people who have been erased. `more`
    says that others were not looked at, older ones or for want of time; `as_now` names the facts that are not as they
    were.
    """

    days: int
    looked: int
    hit: int
    failed: Mapping[str, int]
    left_out: int
    more: bool
    samples: tuple[str, ...]
    failed_samples: tuple[str, ...]
    as_now: tuple[str, ...]


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
    expression = read_expression(rule.expression)
    told_of_people = not UNTOLD.isdisjoint(expression.paths)
    if told_of_people:  # whoever may ask for words of remarks, and is named the orders, can read them
        actor.require(Permission.UNMASK)
    opens = told_of_people or not PERSONAL.isdisjoint(expression.facts)
    rules = Ruleset([Standing(rule.name, 0, expression, rule.verdict)])
    looked, left_out, in_time, until_s = 0, 0, True, clock() + LONGEST_S
    hit: list[int] = []
    failed: dict[int, str] = {}
    since = at - timedelta(days=days)
    for told, gone in placed_since(session, actor, rule, since, at, most, opens=opens):
        left_out += gone
        twins: Mapping[int, int] = twins_of(session, told) if "twin" in rules.facts else {}
        gathered = gather(session, told, rules.facts, twins, at)
        said: dict[int, Answer] = {}
        for one in told:
            if not (in_time := clock() < until_s):
                break
            said[one.id] = rules.judge(facts_of(one, gathered, rules.facts))[0]
        looked += len(said)
        failed |= {order_id: answer.failed for order_id, answer in said.items() if answer.failed}
        letting = isinstance(rule.verdict, Letting)
        held = held_as_placed(session, told, rule.verdict.releases) if isinstance(rule.verdict, Letting) else ()
        hit += [order_id for order_id, answer in said.items() if answer.true and (not letting or order_id in held)]
        if not in_time:
            break
    return Tried(
        days=days,
        looked=looked,
        hit=len(hit),
        failed=Counter(failed.values()),
        left_out=left_out,
        more=not in_time or looked + left_out >= most,
        samples=tuple(map(str, hit[:SHOWN])),
        failed_samples=tuple(map(str, list(failed)[:SHOWN])),
        as_now=tuple(sorted(AS_NOW & rules.facts)),
    )
