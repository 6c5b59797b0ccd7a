"""How many outbound calls are live, by their state, counted no further than a page needs to know."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy.orm import Session

from hub.database import rows
from hub.roles import Actor
from hub.runs import Wanted, asked, where
from hub.scope import scope

LOOKED: Final = 20_000
"""How many live steps are looked at for one number: a page with a million of them is as fast as one with none."""

TOGETHER: Final = (("pending", "unknown"), ("waiting",), ("in_flight",), ("dead",), ("done", "cancelled"))
"""The states of live steps, those together that have an index together."""

INDEXED: Final = ("connection", "order_ids")
"""Conditions that an index answers: steps that others stand before are not looked at for them."""


class Count(NamedTuple):
    """How many there are; with `more`, there may be more than that."""

    n: int
    more: bool


def count_live(
    session: Session, actor: Actor, wanted: Wanted, connections: Collection[str] = (), looked: int = LOOKED
) -> Mapping[str, Count]:
    """Count the live steps that match by their state, whatever state is wanted.

    Of the steps that share an index so many are looked at; when there are more, the numbers say at least how many.
    """
    values = wanted.model_dump() | {"state": ""}
    found = rows(
        session,
        " union all ".join(_count(states, values) for states in TOGETHER),
        **values,
        **scope(actor, connections),
        looked=looked + 1,
    )
    by_state = {one.state: one for one in found}
    counts: dict[str, Count] = {}
    for states in TOGETHER:
        here = [by_state[state] for state in states if state in by_state]
        more = sum(one.looked for one in here) > looked
        counts |= {state: Count(min(by_state[state].n, looked) if state in by_state else 0, more) for state in states}
    return {state: counted for state, counted in sorted(counts.items()) if counted.n or counted.more}


def _count(states: Sequence[str], values: Mapping[str, Any]) -> str:
    """Write the count of states whose names stand in the text, for only then does their partial index serve."""
    names = ", ".join(f"'{state}'" for state in states)
    near = {name: values[name] for name in INDEXED}
    rest = {name: value for name, value in values.items() if name not in INDEXED}
    return f"""
        select s.state, count(*) as looked, count(*) filter (where {where(rest)}) as n
        from (select * from step s where {" and ".join([*asked(near), f"s.state in ({names})"])} limit :looked) s
        group by s.state"""
