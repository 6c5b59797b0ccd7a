"""The checker that closes a chaos run: the hub's rows and the partner's books must tell the same story."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from commands.massacre_errand import BOOKED, FLOW
from hub import audit
from hub.database import row, rows
from sandbox.brittle import Books

RULES: Final = {
    "no step is live and finished at once": """
        select s.id::text as what from step s join step_history h using (id)""",
    "no step is under way": "select id::text as what from step where state not in ('done', 'cancelled', 'dead')",
    "no lease is left": "select id::text as what from step where lease_until is not null",
    "a step ended once": """
        select step_id::text as what from attempt where outcome in ('done', 'dead', 'cancelled')
        group by step_id having count(*) > 1""",
    "a step that is done has an attempt that says so": """
        select s.id::text as what from (select id, state from step union all select id, state from step_history) s
        where s.state = 'done'
          and not exists (select 1 from attempt a where a.step_id = s.id and a.outcome = 'done')""",
    "no message waits": "select id::text as what from inbox where state = 'received'",
    "every audit line is sealed": "select id::text as what from audit_entry where place is null",
    "what was heard in every attempt is kept once": """
        select step_id || '/' || token as what from attempt group by step_id, token having count(*) > 1""",
}
"""Each query gives what breaks its rule."""

STEPS: Final = """
    select id, idempotency_key as key, lane, state, token from step where flow = :flow
    union all select id, idempotency_key, lane, state, token from step_history where flow = :flow order by id"""


class StepRow(NamedTuple):
    """A job's step, live or finished; `token` counts how often it was claimed."""

    id: int
    key: str
    lane: str
    state: str
    token: int


@dataclass
class Findings:
    """What went wrong, counted, and in words with examples."""

    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0
    broken: list[str] = field(default_factory=list[str])

    def note(self, rule: str, offenders: Sequence[object]) -> int:
        """Note a rule with what breaks it; give how many."""
        if offenders:
            self.broken.append(f"{rule}: {len(offenders)}, e.g. {', '.join(map(str, offenders[:3]))}")
        return len(offenders)


def weigh(accepted: Collection[str], steps: Sequence[StepRow], books: Books) -> Findings:
    """Compare the keys that were accepted, the steps there are, and what the partner executed."""
    findings = Findings()
    done = {step.key for step in steps if step.state == "done"}
    known = {step.key: step.id for step in steps}
    executed = Counter(one.key for one in books.executions)
    findings.lost += findings.note("every accepted job is done", sorted(set(accepted) - done))
    findings.lost += findings.note("what is done was executed", sorted(done & set(accepted) - executed.keys()))
    findings.doubled = findings.note("nothing was executed twice", [key for key, n in executed.items() if n > 1])
    findings.note("only what is known was executed", sorted(executed.keys() - known.keys()))
    keys = Counter(step.key for step in steps)
    findings.note("a job is one step", [key for key, n in keys.items() if n > 1])
    overtaken: list[str] = []
    latest: defaultdict[str, int] = defaultdict(int)
    for one in books.executions:
        place = known.get(one.key, 0)
        if place < latest[one.lane]:
            overtaken.append(one.key)
        latest[one.lane] = max(place, latest[one.lane])
    findings.out_of_order = findings.note("lanes are executed in order", overtaken)
    return findings


def extra_runs(books: Books) -> int:
    """Count the calls beyond one for each job that executed nothing new."""
    return (
        sum(books.calls.values())
        - len(books.calls)
        - (len(books.executions) - len({one.key for one in books.executions}))
    )


def verify(session: Session, accepted: Collection[str], books: Books) -> Findings:
    """Check everything; faults have stopped, and nothing is under way any more."""
    findings = weigh(accepted, steps_of(session), books)
    for rule, query in RULES.items():
        findings.note(rule, [one.what for one in rows(session, query)])
    findings.note("the audit chain is whole", [at for at in [audit.first_break(session)] if at is not None])
    lines = rows(session, "select subject, count(*) as n from audit_entry where act = :act group by 1", act=BOOKED)
    booked = {one.subject: one.n for one in lines}
    findings.note("what is done was booked once", [key for key in accepted if booked.get(f"chaos:{key}") != 1])
    return findings


def steps_of(session: Session) -> list[StepRow]:
    return [StepRow(*tuple(one)) for one in rows(session, STEPS, flow=FLOW)]


def restlessness(session: Session) -> tuple[int, ...]:
    """Count what is not over yet: steps, messages, and audit lines to be sealed."""
    queries = (
        "select count(*) as n from step where state not in ('done', 'cancelled', 'dead')",
        "select count(*) as n from inbox where state = 'received'",
        "select count(*) as n from audit_entry where place is null",
    )
    return tuple(found.n if (found := row(session, query)) else 0 for query in queries)
