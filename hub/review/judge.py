"""Ask the rules of a shop about one order: its facts are converted once, and a rule that fails holds the order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from hub.review.cost import LISTED, MOST_STEPS
from hub.review.expression import (
    FAILURES,
    LISTS,
    UNTOLD,
    Context,
    Expression,
    Program,
    compile_program,
    context_of,
    why_failed,
)
from hub.review.verdict import RELEASING, ROUTING, Hold, Holding, HoldType, Letting, Scope

FAILED = "rule_failed"
"""The rule that a hold names when a review rule could not be evaluated; its evidence says which."""

TOO_DEAR = "too_dear"
"""Why a rule was not asked: it would take too long for as many lines."""

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """A rule in force; without an `expression` it is one that this release cannot read any more."""

    name: str
    no: int
    expression: Expression | None
    verdict: Holding | Letting

    @property
    def version(self) -> str:
        return f"{self.name}@{self.no}"


class Answer(NamedTuple):
    """What a rule said of an order: whether it is true of it, or why it could not be evaluated."""

    rule: Standing
    true: bool
    failed: str = ""


class On(NamedTuple):
    """What is judged: one line of an order, one fulfilment order of it, or the order itself."""

    line_no: int | None = None
    fulfilment_no: int | None = None


WHOLE = On()

ASKS_STOCK = ("line", "missing")
"""A fact of a line that is gathered with those of its order's group `stock`."""


class Ruleset:
    """The rules of one shop and scope, compiled together: one call answers all of them unless one fails."""

    def __init__(self, rules: Sequence[Standing]) -> None:
        self.rules = rules
        self._asked = [(rule, rule.expression) for rule in rules if rule.expression]
        self._lost = [Answer(rule, true=False, failed="cannot_be_read") for rule in rules if not rule.expression]
        self._together = _together([expression.source for _, expression in self._asked])
        every = [expression for _, expression in self._asked]
        self.facts = frozenset[str]().union(*(expression.facts for expression in every))
        asks_stock = any(ASKS_STOCK in expression.paths for expression in every)
        self.gathers = self.facts | {"stock"} if asks_stock else self.facts
        """Groups that must be gathered: those that are named, and those that what is named is made of."""
        self._lists = self.facts & LISTS
        self._listed = sorted({path for one in every for path in one.paths if path in LISTED})
        self._working = [(no, one.work) for no, one in enumerate(every) if one.work.macros]
        self._short = min((one.short for one in every), default=0)
        self._named = {
            of: sorted({name for one in every for group, name in one.paths if group == of}) for of in self.facts - LISTS
        }

    def judge(self, facts: Facts) -> list[Answer]:
        """Answer for an order whose facts are at least those that the rules name."""
        [answers] = self.judge_each(facts, [{}])
        return answers

    def judge_each(self, shared: Facts, parts: Sequence[Facts]) -> Iterator[list[Answer]]:
        """Answer for each part of an order by its own facts; what they share is converted once, for it may be long.

        A rule that would cost too much for all of them together is not asked: it fails for each.
        """
        dear = self._too_dear(shared, parts)
        asked, lost = self._asked, self._lost
        if dear:
            asked = [each for no, each in enumerate(self._asked) if no not in dear]
            failing = [Answer(self._asked[no][0], true=False, failed=TOO_DEAR) for no in sorted(dear)]
            lost = [*failing, *self._lost]
        context: Context | None = None
        for own in parts:
            try:
                if context is None:
                    context = context_of(self._asked_of({**shared, **own}))
                else:
                    context.update(self._asked_of(own))
            except FAILURES as error:
                said = [Answer(rule, true=False, failed=why_failed(error)) for rule, _ in asked]
            else:
                said = self._said(asked, context, whole=not dear)
            yield [*said, *lost]

    def _too_dear(self, shared: Facts, parts: Sequence[Facts]) -> frozenset[int]:
        """Say which of the rules would take too long, by their places among those that are asked."""
        if not self._working:
            return frozenset()
        longest = max([self._longest(facts) for facts in (shared, *parts)])
        if max(longest, len(parts)) <= self._short:
            return frozenset()
        return frozenset([no for no, work in self._working if work.steps(longest) * len(parts) > MOST_STEPS])

    def _longest(self, facts: Facts) -> int:
        """Say how long the longest list is of those that rules name and these facts have."""
        lists = [facts[of] for of in self._lists if of in facts]
        lists += [cast("Facts", facts[of]).get(name) for of, name in self._listed if isinstance(facts.get(of), dict)]
        return max([len(cast("list[object]", one)) for one in lists if isinstance(one, list)], default=0)

    def _said(self, asked: Sequence[tuple[Standing, Expression]], context: Context, *, whole: bool) -> list[Answer]:
        """Ask rules, all at once where they are the whole set and none of them fails."""
        values = self._values(context) if whole else None
        if values is None:
            return [_ask(rule, expression.program, context) for rule, expression in asked]
        return [_read(rule, value) for (rule, _), value in zip(asked, values, strict=True)]

    def _asked_of(self, facts: Facts) -> dict[str, Any]:
        """Give the values that are named, of those that are given: converting costs more than evaluating."""
        parts = {
            of: {name: facts[of][name] for name in names if name in facts[of]}
            for of, names in self._named.items()
            if of in facts
        }
        return {**parts, **{of: facts[of] for of in self._lists if of in facts}}

    def _values(self, context: Context) -> Sequence[object] | None:
        """Evaluate all rules at once; None when one of them fails."""
        if self._together is None:
            return None
        try:
            values = self._together.execute(context)
        except FAILURES:
            return None
        return cast("Sequence[object]", values) if isinstance(values, list) else None


def holds_after(
    answers: Sequence[Answer], held: Sequence[Hold], facts: Facts, at: datetime, on: On = WHOLE
) -> list[Hold]:
    """Give the holds of what was judged: those it has, those that rules add, and which of them rules let go at once.

    A rule that failed adds a hold that no rule lets go.
    """
    added = [_hold(one, facts, at, on) for one in answers if one.failed or (one.true and _holds(one.rule))]
    letting: dict[HoldType, Standing] = {}
    for one in answers:
        if one.true and isinstance(one.rule.verdict, Letting):
            for kind in one.rule.verdict.releases:
                letting.setdefault(kind, one.rule)
    every = [*held, *added]
    if not letting:
        return every
    return [replace(hold, released_by=by.version) if (by := letting.get(hold.type)) else hold for hold in every]


def _holds(rule: Standing) -> bool:
    return isinstance(rule.verdict, Holding)


def _hold(answer: Answer, facts: Facts, at: datetime, on: On) -> Hold:
    rule, verdict = answer.rule, answer.rule.verdict
    if answer.failed or not isinstance(verdict, Holding):
        evidence = {"rule": rule.name, "no": rule.no, "failed": answer.failed}
        blocks = RELEASING if verdict.scope is Scope.FULFILMENT else ROUTING
        return Hold(HoldType.REVIEW, FAILED, evidence, blocks, rule.version, **on._asdict())
    after = verdict.expires_after_s
    return Hold(
        verdict.type,
        rule.name,
        {"no": rule.no, "seen": _seen(rule, facts)},
        tuple(act.value for act in verdict.blocks),
        rule.version,
        at + timedelta(seconds=after) if after else None,
        verdict.resolver or "",
        **on._asdict(),
    )


def _seen(rule: Standing, facts: Facts) -> dict[str, object]:
    """Give the single values that a rule has looked at, but for what may name people."""
    seen: dict[str, object] = {}
    for of, name in rule.expression.paths if rule.expression else ():
        group = facts.get(of)
        value = cast("Facts", group).get(name) if isinstance(group, dict) else None
        if isinstance(value, (bool, int, float, str)) and (of, name) not in UNTOLD:
            seen[f"{of}.{name}"] = value
    return seen


def _ask(rule: Standing, program: Program, context: Context) -> Answer:
    try:
        return _read(rule, program.execute(context))
    except FAILURES as error:
        return Answer(rule, true=False, failed=why_failed(error))


def _read(rule: Standing, value: object) -> Answer:
    if isinstance(value, bool):
        return Answer(rule, true=value)
    return Answer(rule, true=False, failed="not_a_bool")


def _together(sources: Sequence[str]) -> Program | None:
    """Compile expressions into one that gives the list of their values; a comment ends with its line."""
    if not sources:
        return None
    try:
        return compile_program("[" + ",".join(f"(\n{source}\n)" for source in sources) + "]")
    except FAILURES:
        return None
