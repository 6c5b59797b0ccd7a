"""What a channel's revision says otherwise of an order's lines than it said last: fewer pieces, more, other goods."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from hub.database import rows
from hub.errors import Conflict, Malformed
from hub.order.change.addition import Addition, read_added
from hub.order.change.due import owed
from hub.order.change.grow import difference
from hub.order.change.notice import stand_of
from hub.order.change.said import SaidLine, Statement, said_of, statement_of
from hub.order.change.wanted import WantedLine, pieces_of, portions_of, wish_lines
from hub.order.model import Order


@dataclass(frozen=True, slots=True)
class SaidLines:
    """The pieces to cancel by the hub's lines, what is to be added, and the last revision of the hub's it follows."""

    pieces: Mapping[int, int]
    added: Sequence[Addition]
    adopted: int


def read_lines(session: Session, order_id: int, new: Order) -> SaidLines:
    """Give what a channel's revision changes of the lines; nothing where it repeats what it said, or the hub told it.

    Raises: Conflict with code order_conflict for other prices of the same goods, and for amounts that do not follow
    from the lines: then nobody knows what was agreed.
    """
    said, now = said_of(session, order_id), statement_of(new)
    for line_id, one in now.lines.items():
        old = said.lines.get(line_id)
        if old is not None and old.channel_sku == one.channel_sku and old.price != one.price:
            raise Conflict("the channel's revision names other prices", code="order_conflict")
    differing = [(line_id, one) for line_id, one in now.lines.items() if said.lines.get(line_id) != one]
    gone = [line_id for line_id in said.lines if line_id not in now.lines]
    if not (differing or gone):
        if (now.total, now.discount, now.freight) != (said.total, said.discount, said.freight):
            raise Conflict("the channel's revision is of other amounts", code="order_conflict")
        return SaidLines({}, (), said.adopted)
    fewer = all(_is_fewer(said.lines.get(line_id), one) for line_id, one in differing)
    if adopted := _adopted(session, order_id, said, now, fewer=fewer):
        return SaidLines({}, (), adopted)
    own = _own_pieces(session, order_id, said.adopted)
    if fewer:
        wanted = {line_id: one.pieces for line_id, one in differing} | dict.fromkeys(gone, 0)
        return SaidLines(_fewer(session, order_id, wanted, own), (), said.adopted)
    none = [(line_id, SaidLine("", 0, said.lines[line_id].price)) for line_id in gone]
    pieces, added = _more(session, order_id, now.total - said.total, [*differing, *none], own)
    return SaidLines(pieces, added, said.adopted)


def _adopted(session: Session, order_id: int, said: Statement, now: Statement, *, fewer: bool) -> int:
    """Give the hub's revision whose lines, as the channel was told them, are those that it says; 0 for none.

    Raises: Conflict when these lines come to another amount, or the channel has changed them since: then they may be
    the hub's, told late, or the channel's own.
    """
    told = rows(
        session,
        """select no, stands, exists (
                select 1 from order_revision late
                where late.order_id = r.order_id and late.no > r.no and late.source = 'channel'
                and late.state in ('applied', 'part') and late.kinds && '{lines,goods}') as overtaken
           from order_revision r
           where order_id = :id and source = 'hub' and state in ('applied', 'part') and no > :adopted
           and kinds && '{lines,goods}' and stands <> '{}' order by no desc""",
        id=order_id,
        adopted=said.adopted,
    )
    if not told:
        return 0
    found, stands, overtaken = told[0].no, stand_of(session, order_id), False
    if not _is_as(now, stands):
        older = next((one for one in told if _is_as(now, one.stands)), None)
        if older is None:
            return 0
        found, stands, overtaken = older.no, older.stands, older.overtaken
    if overtaken or (not fewer and now.total != stands["total"]):
        raise Conflict("the channel's revision may be what the hub told it, or its own", code="order_conflict")
    return found


def _is_as(now: Statement, stands: Mapping[str, Any]) -> bool:
    """Say whether a channel says the lines of a stand of the order."""
    lines = {(one["external_line_id"], one["channel_sku"]): one["quantity"] for one in stands["lines"]}
    return +Counter(lines) == {(line_id, one.channel_sku): one.pieces for line_id, one in now.lines.items()}


def _is_fewer(old: SaidLine | None, new: SaidLine) -> bool:
    return old is not None and old.channel_sku == new.channel_sku and new.pieces <= old.pieces


def _fewer(session: Session, order_id: int, wanted: Mapping[str, int], own: Mapping[str, int]) -> dict[int, int]:
    """Give the pieces to cancel of lines of which fewer are wanted.

    What the hub has cancelled counts; what it has added was bought of it, and stays.
    """
    kept: dict[str, int] = {}
    for one in portions_of(session, order_id):
        if one.kind != "gift":
            kept[one.line_id] = kept.get(one.line_id, 0) + one.kept
    less = {no: kept[no] - n - max(0, own.get(no, 0)) for no, n in wanted.items() if no in kept}
    return pieces_of(session, order_id, {no: max(0, n) for no, n in less.items()})


def _more(
    session: Session, order_id: int, dearer: int, differing: Sequence[tuple[str, SaidLine]], own: Mapping[str, int]
) -> tuple[Mapping[int, int], Sequence[Addition]]:
    """Give what is to be cancelled and added for lines that come to this much more.

    Raises: Conflict.
    """
    wanted = [
        WantedLine(no, max(0, one.pieces + own.get(no, 0)), one.channel_sku, str(one.price)) for no, one in differing
    ]
    try:
        pieces, added = wish_lines(session, order_id, wanted)
        more = difference(session, order_id, added, pieces)
    except Malformed as error:
        raise Conflict(f"the channel's revision: {error.message}", code="order_conflict") from error
    if dearer != more or owed(session, order_id):
        told = f"the channel's revision comes to {dearer} more, its lines to {more}"
        raise Conflict(told, code="order_conflict")
    return pieces, added


def _own_pieces(session: Session, order_id: int, adopted: int) -> Counter[str]:
    """Give how many pieces the hub itself has added to each line, or cancelled of it (fewer than none).

    What the channel has adopted is its own. Of a change that was done in part the goods that came count, and what they
    replaced; which other pieces it cancelled is not known, so amounts that do not follow from them call a person.
    """
    found = rows(
        session,
        """select pieces, added, state, was <> '{}' as grown from order_revision
           where order_id = :id and source = 'hub' and state in ('applied', 'part') and no > :adopted order by no""",
        id=order_id,
        adopted=adopted,
    )
    portions, own = portions_of(session, order_id), Counter[str]()
    for one in found:
        for added in read_added(one.added):
            own[added.line_id] += added.came
            if one.state == "part" and one.grown and added.instead:
                own[added.line_id] -= added.of
        if one.state == "part":
            continue
        for portion in portions:
            sets = [one.pieces.get(no, 0) // each for no, each in portion.parts.items()]
            own[portion.line_id] -= min(sets, default=0)
    return own
