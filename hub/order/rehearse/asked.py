"""What orders needed in the last days, put together again from the decisions that were stored part by part."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby, islice
from typing import Final, NamedTuple

from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import rows
from hub.order.place.record import each_fen
from hub.order.rehearse.carry import NOTHING, Shelves, taken_by
from hub.order.rules.keepers import REASONS as KEPT
from hub.order.rules.split import Lines, merge
from hub.sourcing.eligible import REASONS, UNSOLD
from hub.sourcing.model import Question, Site, Want
from hub.sourcing.rerun import Stored

AT_ONCE: Final = 200


class Asked(NamedTuple):
    """What one order needed at one time: its pieces, and the locations with what was free there before it took any.

    `here` is when, in the business zone, and `to` the division that it goes to; `taken` is what it was given then. The
    orders of a `batch` that was decided together all saw the same stock. It was asked `again` if it had been before.
    """

    order_id: int
    here: datetime
    to: str
    wants: Lines
    sites: tuple[Site, ...]
    taken: Shelves = NOTHING
    batch: str = ""
    again: bool = False

    @property
    def skus(self) -> set[str]:
        return {want.sku for want in self.wants}


def asked_since(stored: Iterable[Stored], since: datetime) -> Iterator[Asked]:
    """Put the parts that an order was decided in together again, its lines as they stand in the order."""
    for (order_id, at, to), parts in groupby(stored, key=lambda one: (one.order_id, one.decided_at, one.division)):
        held = list(parts)
        questions = [one.question() for one in held]
        wants = whole([want for question in questions for want in question.wants])
        taken = taken_by([one.decision() for one in held])
        batch = questions[0].share.batch if questions[0].share else ""
        here, again = at.astimezone(since.tzinfo), held[0].no > 1
        yield Asked(order_id, here, to, wants, tuple(_sites(questions)), taken, batch, again)


def whole(wants: Sequence[Want]) -> Lines:
    """Put the pieces of parts together as they were before they were cut."""
    return tuple(sorted(merge(wants), key=lambda want: want.line_no))


def with_values(session: Session, asked: Iterable[Asked]) -> Iterator[Asked]:
    """Say what each piece was sold for, which is stored only where the policy of that day asked for it."""
    left = iter(asked)
    while some := list(islice(left, AT_ONCE)):
        found = rows(
            session,
            """select order_id, line_no, amount - discount as net, ordered from order_line
               where order_id = any(:ids) and ordered > 0""",
            ids=sorted({one.order_id for one in some}),
        )
        fen = {(line.order_id, line.line_no): each_fen(line.net, line.ordered) for line in found}
        for one in some:
            wants = [replace(want, fen=fen.get((one.order_id, want.line_no), want.fen)) for want in one.wants]
            yield one._replace(wants=tuple(wants))


def _sites(questions: Sequence[Question]) -> Iterator[Site]:
    """Give the locations with what was free before the order took any: the first part that asked for a SKU saw it.

    What a policy left out is let in again, for the policies that are compared to judge, and so is what may not send
    some of the goods: whoever decides again asks who may. Who had none but of lots that are not sold may have more now.
    """
    again = REASONS | KEPT | {UNSOLD}
    for no, site in enumerate(questions[0].sites):
        free: dict[str, int] = {}
        for question in questions:
            asked = {want.sku for want in question.wants} - free.keys()
            free |= {sku: question.sites[no].free.get(sku, 0) for sku in asked}
        yield replace(site, free=free, barred="" if site.barred in again else site.barred)
