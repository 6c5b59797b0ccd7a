"""Make stored decisions again, by the solver each names, and compare what comes with what is stored, byte for byte."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple, cast

import msgspec
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import rows
from hub.document import Document
from hub.sourcing.model import Decision, Question
from hub.sourcing.solver import SOLVERS

PAGE: Final = 500
KEYS: Final = 50_000
"""Decisions that are looked for at once: whoever asks for days looks at all of these for each so many."""

SHOWN: Final = 5

START: Final = (0, 0)

Json = dict[str, object]


class Stored(NamedTuple):
    """One decision as its row holds it, and the division that its order goes to; `input` and `outcome` are its JSON."""

    order_id: int
    no: int
    decided_at: datetime
    solver: str
    input_hash: str
    input: str
    outcome: str
    division: str = ""

    def question(self) -> Question:
        return msgspec.json.decode(self.input, type=Question)

    def decision(self) -> Decision:
        return msgspec.json.decode(self.outcome, type=Decision)


class Sameness(StrEnum):
    """What came of making a decision again; a solver that is not here any more can only be named."""

    SAME = "same"
    DIFFERENT = "different"
    OTHER_SOLVER = "other_solver"


class Difference(Document):
    """The first place where a decision is not what it was: a path in its JSON, what stands there, what came."""

    order_id: int
    no: int
    solver: str
    where: str
    stored: str
    again: str


@dataclass(slots=True)
class Rerun:
    """The counts of a run, by sameness and by solver, and its first differences."""

    counts: Counter[Sameness] = field(default_factory=Counter[Sameness])
    solvers: Counter[str] = field(default_factory=Counter[str])
    first: list[Difference] = field(default_factory=list[Difference])


def stored_decisions(
    session: Session, order_ids: Sequence[int] | None = None, since: datetime | None = None, brand: str = ""
) -> Iterator[Stored]:
    """Give decisions in the order of their orders: of these orders or of all, made since then, of a brand or of any.

    What is not asked for is no condition: a statement that is planned once for all would look at all of history. So
    would one that looks for the days in the order of the orders, which an index gives: hence the sum that none has.
    """
    last, asked = START, ["and order_id = any(:ids)"] if order_ids is not None else []
    asked += ["and decided_at >= :since"] if since is not None else []
    while keys := rows(
        session,
        f"""select order_id, no from routing_decision where (order_id, no) > (:order_id, :no) {" ".join(asked)}
            order by {"order_id" if since is None else "order_id + 0"}, no limit {KEYS}""",
        order_id=last[0],
        no=last[1],
        ids=None if order_ids is None else list(order_ids),
        since=since,
    ):
        for start in range(0, len(keys), PAGE):
            yield from _read(session, keys[start : start + PAGE], brand)
        last = (keys[-1].order_id, keys[-1].no)


def _read(session: Session, keys: Sequence[Row[Any]], brand: str) -> Iterator[Stored]:
    found = rows(
        session,
        """select d.order_id, d.no, d.decided_at, d.solver_version, d.input_hash, d.input::text, d.outcome::text,
                  coalesce(o.division, '') as division
           from unnest(cast(:ids as bigint[]), cast(:nos as bigint[])) as asked (order_id, no)
           join routing_decision d on (d.order_id, d.no) = (asked.order_id, asked.no)
           left join sales_order o on o.id = d.order_id
           where :brand = '' or o.brand = :brand order by 1, 2""",
        ids=[one.order_id for one in keys],
        nos=[one.no for one in keys],
        brand=brand,
    )
    yield from (Stored(*one) for one in found)


def rerun(stored: Iterable[Stored]) -> Rerun:
    """Make decisions again and count what came."""
    told = Rerun()
    for one in stored:
        told.solvers[one.solver] += 1
        if one.solver not in SOLVERS:
            told.counts[Sameness.OTHER_SOLVER] += 1
            continue
        difference = compare(one)
        told.counts[Sameness.DIFFERENT if difference else Sameness.SAME] += 1
        if difference and len(told.first) < SHOWN:
            told.first.append(difference)
    return told


def compare(stored: Stored) -> Difference | None:
    """Say where one decision differs from itself made again; its solver must be known.

    JSON is compared in its canonical form: rows from before decisions were kept as written have other spaces.
    """
    try:
        question = stored.question()
    except msgspec.ValidationError as error:
        return _difference(stored, "input", "?", str(error))
    if question.digest() != stored.input_hash:  # first: a question that was tampered with may be none that can be asked
        return _difference(stored, "input_hash", stored.input_hash, question.digest())
    written, answer = question.written(), msgspec.json.encode(SOLVERS[stored.solver](question))
    for name, was, now in (("input", stored.input.encode(), written), ("outcome", stored.outcome.encode(), answer)):
        if was != now and _canonical(was) != _canonical(now):
            return _difference(stored, *_first(name, msgspec.json.decode(was), msgspec.json.decode(now)))
    return None


def _canonical(written: bytes) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(written), order="sorted")


def _difference(stored: Stored, where: str, was: str, now: str) -> Difference:
    return Difference(order_id=stored.order_id, no=stored.no, solver=stored.solver, where=where, stored=was, again=now)


def _first(path: str, was: object, now: object) -> tuple[str, str, str]:
    """Find the first place where two documents differ, which they do."""
    for step, left, right in _beside(was, now):
        if left != right:
            return _first(f"{path}{step}", left, right)
    return path, msgspec.json.encode(was).decode(), msgspec.json.encode(now).decode()


def _beside(was: object, now: object) -> Iterator[tuple[str, object, object]]:
    """Give the parts of two documents of the same shape side by side; of other shapes there are none."""
    if isinstance(was, dict) and isinstance(now, dict):
        left, right = cast("Json", was), cast("Json", now)
        if left.keys() == right.keys():
            yield from ((f".{key}", left[key], right[key]) for key in left)
    elif isinstance(was, list) and isinstance(now, list):
        pairs = list(zip(cast("list[object]", was), cast("list[object]", now), strict=False))
        if len(pairs) == max(len(cast("list[object]", was)), len(cast("list[object]", now))):
            yield from ((f"[{no}]", left, right) for no, (left, right) in enumerate(pairs))
