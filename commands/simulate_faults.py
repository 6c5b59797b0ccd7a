"""Seven faults that can be planted into the real engine for a run, to see that the simulation would find them.

Each replaces one function or one condition of a statement; nothing in flows/ knows of it.
"""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final, NamedTuple

import flows.claim
import flows.engine
import flows.settle
import hub.gates
from flows.effect import Claimed
from flows.engine import Engine, Job
from flows.settle import Result
from hub.database import rows, run
from hub.errors import Malformed
from hub.gates import CLAIMABLE
from hub.language import Words

CLAIMS: Final = ((flows.claim, "CLAIM"), (flows.claim, "CLAIM_NAMED"), (hub.gates, "DUE"))
DUE: Final = re.compile(r"(?:head\.)?run_at <= :at")
FENCE: Final = re.compile(r"\w+\.token = told\.token and ")


class Hasty(Engine):
    """Books steps as done before it calls their partners."""

    def call(self, job: Job) -> Result:
        if job.request is not None:
            with self._database.transaction() as session:
                run(
                    session,
                    "update step set state = 'done', settled_at = run_at where id = :id and token = :token",
                    id=job.step.id,
                    token=job.step.token,
                )
        return super().call(job)


class Careless(Engine):
    """Does not look at its clock before it calls."""

    def _check_time(self, step: Claimed) -> None:
        """Find every time good."""


class Change(NamedTuple):
    """One name of a module, and what it becomes for the run."""

    module: ModuleType
    name: str
    become: Callable[[Any], Any]


class Fault(NamedTuple):
    """A fault by what it changes."""

    what: Words
    changes: Sequence[Change] = ()
    engine: type[Engine] = Engine


def _claiming(states: str) -> list[Change]:
    """Have claims look at other states."""

    def become(text: str) -> str:
        if CLAIMABLE not in text:
            raise _changed()
        return text.replace(CLAIMABLE, states)

    return [Change(module, name, become) for module, name in CLAIMS]


def _at_any_time(text: str) -> str:
    """Have claims take what is in flight whether its lease lasts or not."""
    found = DUE.search(text)
    if found is None:
        raise _changed()
    return DUE.sub("true" if "head." in found.group() else "(run_at <= :at or state = 'in_flight')", text)


def _changed() -> Malformed:
    return Malformed("the engine's statement has changed: plant this fault anew", code="cannot_plant")


def _trusting(_real: object) -> Callable[[object], bool]:
    def is_idempotent(_partner: object) -> bool:
        return True

    return is_idempotent


def _without_fence(_real: object) -> Callable[..., Any]:
    def careless_rows(session: Any, statement: str, **values: object) -> Any:  # noqa: ANN401 # as the real one's
        return rows(session, FENCE.sub("", statement), **values)

    return careless_rows


FAULTS: Final[Mapping[str, Fault]] = {
    "no-lease-reclaim": Fault(
        Words("过期租约永不收回", "an expired lease is never claimed again"),
        _claiming("state in ('pending', 'unknown')"),
    ),
    "done-before-call": Fault(Words("先记完成再调用", "done is booked before the call"), engine=Hasty),
    "no-lane-order": Fault(
        Words("泳道内不排序", "no order within a lane"),
        _claiming("state in ('pending', 'unknown', 'in_flight', 'waiting')"),
    ),
    "blind-retry": Fault(
        Words("不询问就重发", "what is unknown is repeated without asking"),
        [Change(flows.engine, "is_idempotent", _trusting)],
    ),
    "no-pre-check": Fault(Words("调用前不检查时间", "no look at the clock before a call"), engine=Careless),
    "no-fence": Fault(
        Words("记账不核对令牌", "booking ignores the token"), [Change(flows.settle, "rows", _without_fence)]
    ),
    "double-claim": Fault(
        Words("租约未到期即领取", "claims do not wait for leases to end"),
        [Change(module, name, _at_any_time) for module, name in CLAIMS],
    ),
}


@contextmanager
def planted(name: str) -> Generator[type[Engine]]:
    """Plant a fault while the block runs, and give the engine to run; "" plants none.

    Raises: Malformed for a fault that is not known.
    """
    if not name:
        yield Engine
        return
    if name not in FAULTS:
        raise Malformed(f"there is no fault {name}: {', '.join(FAULTS)}", code="unknown_fault")
    fault = FAULTS[name]
    real = [(change, getattr(change.module, change.name)) for change in fault.changes]
    try:
        for change, found in real:
            setattr(change.module, change.name, change.become(found))
        yield fault.engine
    finally:
        for change, found in real:
            setattr(change.module, change.name, found)
