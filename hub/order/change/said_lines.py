"""What a channel's revision says otherwise of an order's lines than it said last: fewer pieces, more, other goods."""

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from hub.database import rows
from hub.errors import Conflict, Malformed
from hub.order.change.addition import Addition, read_added
from hub.order.change.due import owed
from hub.order.change.grow import difference
from hub.order.change.said import SaidLine, Statement, said_of, statement_of
from hub.order.change.wanted import WantedLine, pieces_of, portions_of, wish_lines
from hub.order.model import Order


def own_kinds(session: Session, order_id: int) -> set[str]:
    """Name the kinds of change that the hub has made itself."""
    found = rows(
        session,
        """select distinct unnest(kinds) as kind from order_revision
           where order_id = :id and source = 'hub' and state in ('applied', 'part', 'waiting')""",
        id=order_id,
    )
    return {one.kind for one in found}


def read_lines(session: Session, order_id: int, new: Order) -> tuple[Mapping[int, int], Sequence[Addition]]:
    """Give the pieces to cancel by the hub's lines, and what is to be added.

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
    if all(_is_fewer(said.lines.get(line_id), one) for line_id, one in differing):
        pieces = _fewer(session, order_id, {line_id: one.pieces for line_id, one in differing} | dict.fromkeys(gone, 0))
        amounts = (now.total, now.discount, now.freight) != (said.total, said.discount, said.freight)
        if amounts and not (differing or gone):
            raise Conflict("the channel's revision is of other amounts", code="order_conflict")
        return pieces, ()
    none = [(line_id, SaidLine("", 0, said.lines[line_id].price)) for line_id in gone]
    return _more(session, order_id, said, now, [*differing, *none])


def _is_fewer(old: SaidLine | None, new: SaidLine) -> bool:
    return old is not None and old.channel_sku == new.channel_sku and new.pieces <= old.pieces


def _fewer(session: Session, order_id: int, wanted: Mapping[str, int]) -> dict[int, int]:
    """Give the pieces to cancel of lines of which fewer are wanted; what the hub has cancelled counts."""
    kept: dict[str, int] = {}
    for one in portions_of(session, order_id):
        if one.kind != "gift":
            kept[one.line_id] = kept.get(one.line_id, 0) + one.kept
    return pieces_of(session, order_id, {no: max(0, kept.get(no, 0) - n) for no, n in wanted.items() if no in kept})


def _more(
    session: Session, order_id: int, said: Statement, now: Statement, differing: Sequence[tuple[str, SaidLine]]
) -> tuple[Mapping[int, int], Sequence[Addition]]:
    own = _own_pieces(session, order_id)
    wanted = [
        WantedLine(no, max(0, one.pieces + own.get(no, 0)), one.channel_sku, str(one.price)) for no, one in differing
    ]
    try:
        pieces, added = wish_lines(session, order_id, wanted)
        more = difference(session, order_id, added, pieces)
    except Malformed as error:
        raise Conflict(f"the channel's revision: {error.message}", code="order_conflict") from error
    if now.total - said.total != more or owed(session, order_id):
        told = f"the channel's revision comes to {now.total - said.total} more, its lines to {more}"
        raise Conflict(told, code="order_conflict")
    return pieces, added


def _own_pieces(session: Session, order_id: int) -> Counter[str]:
    """Give how many pieces the hub itself has added to each line, or cancelled of it (fewer than none)."""
    found = rows(
        session,
        """select pieces, added from order_revision
           where order_id = :id and source = 'hub' and state = 'applied' order by no""",
        id=order_id,
    )
    portions, own = portions_of(session, order_id), Counter[str]()
    for one in found:
        for added in read_added(one.added):
            own[added.line_id] += added.came
        for portion in portions:
            sets = [one.pieces.get(no, 0) // each for no, each in portion.parts.items()]
            own[portion.line_id] -= min(sets, default=0)
    return own
