"""Watches a simulation while it runs: every state of the tables, every claim, call and booking is held to its law."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, final

from commands.simulate_ground import BEGINNING, Seen
from commands.simulate_laws import Record
from commands.simulate_partner import Errand
from commands.simulate_plan import GRACE_S, SKEW_S, Door, Plan
from flows.settle import AWAY, LONGEST_WISH, NOT_THE_PARTNER, Result
from hub.errors import Misconfigured, OutcomeUnknown, TryLater

CLOSED: Final = frozenset({"done", "cancelled"})
BEHIND: Final = frozenset({"waiting", "cancelled"})
"""What a step may be behind an open one."""

CLAIMABLE: Final = frozenset({"pending", "unknown", "in_flight"})
STEP: Final = Seen._fields.index("breaker")
"""How many of the columns are the step's own."""

GRACE: Final = timedelta(seconds=GRACE_S)


@final
class Watch:
    """Knows the tables as they were last seen, and what follows from all that was seen before."""

    def __init__(self, plan: Plan, record: Record) -> None:
        self.steps: dict[int, Seen] = {}
        self.claims: defaultdict[str, list[float]] = defaultdict(list)
        self.attempts: list[tuple[int, int, str]] = []
        self.paused: set[str] = set()
        self._doors = {one.name: one for one in plan.doors}
        self._failures = plan.breaker.failures
        self._record = record
        self._in_air: Counter[str] = Counter()
        self._lanes: Counter[str] = Counter()
        self._streaks: Counter[str] = Counter()
        self._not_before: dict[str, datetime] = {}
        self._forgiving = False

    def look(self, at_s: float, steps: Sequence[Seen]) -> None:
        """Compare the tables with what they were, and with what may be."""
        hold = self._record.hold
        open_lanes: set[str] = set()
        for now in steps:
            before = self.steps.get(now.id)
            if now.lane in open_lanes:
                hold(at_s, "heads only", f"step {now.id} is {now.state}", so=now.state in BEHIND)
            elif now.state not in CLOSED:
                open_lanes.add(now.lane)
            if before is not None and before[:STEP] != now[:STEP]:
                hold(at_s, "ends stay", f"step {now.id} became {now.state}", so=before.state not in CLOSED)
                hold(at_s, "tokens rise", f"step {now.id}", so=now.token >= before.token)
                hold(at_s, "doubt stays", f"step {now.id}", so=now.doubt or not before.doubt)
        hold(at_s, "nothing is lost", f"{len(self.steps)} became {len(steps)}", so=len(steps) >= len(self.steps))
        self.steps = {one.id: one for one in steps}

    def open_gates(self) -> list[str]:
        """Name the connections whose breakers are not closed."""
        return sorted({one.connection for one in self.steps.values() if one.breaker != "closed"})

    def took(self, at_s: float, clock: datetime, before: Mapping[int, Seen]) -> None:
        """Hold what was claimed since to the limits of its connections; the tables have been looked at again."""
        hold = self._record.hold
        taken: Counter[str] = Counter()
        gates = {one.connection: one for one in before.values()}
        for step in self.steps.values():
            was = before[step.id]
            if step.token == was.token:
                continue
            taken[step.connection] += 1
            self.claims[step.connection].append(at_s)
            lease = was.lease_until if was.state == "in_flight" else None
            hold(at_s, "leases last", f"step {step.id}", so=lease is None or lease + GRACE <= clock)
            hold(at_s, "due only", f"step {step.id} was {was.state}", so=was.state in CLAIMABLE and was.run_at <= clock)
        for name, calls in taken.items():
            wish = self._not_before.get(name)
            hold(at_s, "paused rests", name, so=name not in self.paused)
            hold(at_s, "wishes hold", name, so=wish is None or wish <= _latest(at_s))  # any clock may end the wait
            self._check_bulkhead(at_s, name, calls, clock, before)
            gate = gates[name]
            if gate.breaker != "closed":
                due = gate.open_until is None or gate.open_until <= clock
                hold(at_s, "one probe", f"{name}: {calls} calls, {gate.breaker}", so=due and calls == 1)

    def _check_bulkhead(self, at_s: float, name: str, calls: int, clock: datetime, before: Mapping[int, Seen]) -> None:
        at_once = self._doors[name].at_once
        if at_once is not None:
            under_way = sum(
                one.connection == name and one.state == "in_flight" and one.run_at > clock for one in before.values()
            )
            fits = under_way + calls <= at_once
            self._record.hold(at_s, "bulkhead", f"{name}: {under_way} + {calls} of {at_once} claimed", so=fits)

    def begun(self, at_s: float, door: Door, errand: Errand) -> None:
        """Hold a call that reaches its partner to whose it is and what else is under way."""
        hold, step = self._record.hold, self.steps[errand.step]
        mine = step.state == "in_flight" and step.token == errand.token
        hold(at_s, "owners call", f"step {step.id} is {step.state}, token {step.token}", so=mine)
        self._in_air[door.name] += 1
        self._lanes[errand.lane] += 1
        hold(at_s, "one at a time", errand.lane, so=self._lanes[errand.lane] == 1)
        if door.at_once is not None:
            there = [one for one in self.steps.values() if one.connection == door.name and one.state == "in_flight"]
            leased = sum(one.run_at > _latest(at_s) for one in there)
            many = max(self._in_air[door.name], leased)
            hold(at_s, "bulkhead", f"{door.name}: {many} of {door.at_once} are called", so=many <= door.at_once)
        ahead = [
            one.id
            for one in self.steps.values()
            if one.lane == step.lane and one.id < step.id and one.state not in CLOSED
        ]
        hold(at_s, "heads only", f"step {step.id} is called before {ahead}", so=not ahead)

    def ended(self, door: Door, errand: Errand) -> None:
        """Hear that a call is over for its partner."""
        self._in_air[door.name] -= 1
        self._lanes[errand.lane] -= 1

    def forgive(self) -> None:
        """Forget failures in a row: a step whose flow fails while it is booked tells its gate nothing."""
        self._streaks.clear()
        self._forgiving = True

    def booked(self, at_s: float, clock: datetime, results: Sequence[Result], before: Mapping[int, Seen]) -> list[int]:
        """Hold what was booked since to who owned it, and give the steps; the tables have been looked at again."""
        mine: list[Result] = []
        for result in sorted(results, key=_turn):
            step = result.step
            was, now = before[step.id], self.steps[step.id]
            if was.state == "in_flight" and was.token == step.token:
                if now.state != "in_flight":
                    mine.append(result)
                    if not (result.outcome.given_back and now.state == "pending"):
                        self.attempts.append((step.id, step.token, now.state))
            else:
                what = f"step {step.id}: token {step.token}, {was.token} was its owner's"
                self._record.hold(at_s, "losers book nothing", what, so=now[:STEP] == was[:STEP])
        self._note_partners(at_s, clock, [one for one in mine if self.steps[one.step.id].state == one.outcome.state])
        forgiving, self._forgiving = self._forgiving, False
        if (
            forgiving
            or len(mine) < len(results)
            or any(self.steps[one.step.id].state != one.outcome.state for one in mine)
        ):
            self._streaks.clear()  # it was cut into several transactions, whose order is nobody's business
        return [one.step.id for one in mine]

    def _note_partners(self, at_s: float, clock: datetime, results: Sequence[Result]) -> None:
        """Learn from outcomes what the gates must have learnt."""
        for result in results:
            name, error = result.step.connection, result.outcome.error
            if isinstance(error, Misconfigured):
                self.paused.add(name)
            if isinstance(error, TryLater) and error.after_s:
                until = clock + min(timedelta(seconds=error.after_s), LONGEST_WISH)
                self._not_before[name] = max(until, self._not_before.get(name, BEGINNING))
            silent = isinstance(error, OutcomeUnknown) and error.code not in NOT_THE_PARTNER
            if silent or (isinstance(error, TryLater) and error.code in AWAY):
                self._streaks[name] += 1
            elif result.heard or result.answer is not None:
                self._streaks[name] = 0
        for name in sorted({one.step.connection for one in results}):
            is_open = name in self.open_gates()
            streak = self._streaks[name]
            self._record.hold(at_s, "breaker opens", f"{name}: {streak}", so=is_open or streak < self._failures)
            if is_open:
                self._streaks[name] = 0


def _turn(result: Result) -> tuple[bool, int]:
    """Say when in a batch a result is booked: those that are booked alone come last, in the order they were given."""
    alone = result.effect is not None and result.effect.alone
    return alone, 0 if alone else result.step.id


def _latest(at_s: float) -> datetime:
    """Give what the clock that is furthest ahead may show."""
    return BEGINNING + timedelta(seconds=at_s + SKEW_S)
