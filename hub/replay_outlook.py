"""What an act on many would meet, before anybody confirms it: sorted by rules of values alone."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy.engine import Row

from hub.document import Document
from hub.inbox import InboxState
from hub.replay_acts import HOLDING, REPEATABLE, REPLAYABLE
from hub.replay_filter import ENDED, Act, Wanted, What
from hub.steps import StepState

SHOWN: Final = 20
UNMADE: Final = frozenset({StepState.WAITING, StepState.PENDING, StepState.DEAD})


class Lot(StrEnum):
    """What one of the things that match is to the act."""

    ELIGIBLE = "eligible"
    AGAIN = "again"
    WRONG_STATE = "wrong_state"
    DONE = "done"
    NOT_REPEATABLE = "not_repeatable"
    HOLDS_STOCK = "holds_stock"
    IN_DOUBT = "in_doubt"
    DUPLICATE = "duplicate"


class Sample(Document):
    """One of the things that match; `what` is the flow of a call or the kind of a message."""

    id: int
    what: str
    connection: str
    state: str
    lot: Lot


class Outlook(Document):
    """What an act would meet: it acts on `eligible` alone, of which `again` have completed before.

    Left out are: what is in another state (`wrong_state`), what has ended (`done`), completed calls of flows where a
    second call would do harm (`not_repeatable`), deliveries that hold stock (`holds_stock`), calls of which nobody
    knows whether they were executed (`in_doubt`), and what was named twice or waits in another job (`duplicate`).
    `more` says that the filter matches more than one job takes.
    """

    eligible: int
    again: int = 0
    wrong_state: int = 0
    done: int = 0
    not_repeatable: int = 0
    holds_stock: int = 0
    in_doubt: int = 0
    duplicate: int = 0
    more: bool = False
    until: datetime
    sample: tuple[Sample, ...] = ()


def sort(found: Sequence[Row[Any]], wanted: Wanted, busy: Collection[int]) -> dict[int, Lot]:
    """Say of each thing what it is to the act; `busy` are those that wait in another job."""
    kind = _lot_of_step if wanted.what is What.STEP else _lot_of_message
    return {one.id: Lot.DUPLICATE if one.id in busy else kind(one, wanted) for one in found}


def outlook_of(
    found: Sequence[Row[Any]], lots: dict[int, Lot], wanted: Wanted, until: datetime, *, more: bool
) -> Outlook:
    """Count the lots, and show some of the things, the eligible ones first."""
    counts = dict.fromkeys(Lot, 0)
    for lot in lots.values():
        counts[lot] += 1
    first = sorted(found, key=lambda one: (lots[one.id] not in {Lot.ELIGIBLE, Lot.AGAIN}, one.id))[:SHOWN]
    named = "flow" if wanted.what is What.STEP else "kind"
    return Outlook(
        **{
            **{lot.value: n for lot, n in counts.items()},
            "eligible": counts[Lot.ELIGIBLE] + counts[Lot.AGAIN],
            "duplicate": counts[Lot.DUPLICATE] + len(wanted.filter.ids) - len(set(wanted.filter.ids)),
        },
        more=more,
        until=until,
        sample=tuple(
            Sample(id=one.id, what=getattr(one, named), connection=one.connection, state=one.state, lot=lots[one.id])
            for one in first
        ),
    )


def _lot_of_step(step: Row[Any], wanted: Wanted) -> Lot:
    if step.state == StepState.DONE and wanted.again:
        return Lot.AGAIN if step.flow in REPEATABLE else Lot.NOT_REPEATABLE
    if step.state in ENDED:
        return Lot.DONE
    if step.state != StepState.DEAD and not (wanted.act is Act.CANCEL and step.state in UNMADE):
        return Lot.WRONG_STATE
    if wanted.act is Act.RETRY:
        return Lot.ELIGIBLE
    if step.flow in HOLDING:
        return Lot.HOLDS_STOCK
    return Lot.IN_DOUBT if step.doubt and not wanted.although_it_may_have_been_executed else Lot.ELIGIBLE


def _lot_of_message(message: Row[Any], _wanted: Wanted) -> Lot:
    if message.state in REPLAYABLE:
        return Lot.ELIGIBLE
    return Lot.WRONG_STATE if message.state == InboxState.RECEIVED else Lot.DONE
