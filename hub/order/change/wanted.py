"""What a line of the shop's is to have, turned into what has to be cancelled of it and what has to be added."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import rows
from hub.errors import Conflict, Malformed
from hub.order.change.addition import Addition, with_goods

PRICE: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")
"""A price in major units as a person writes it."""

PORTIONS: Final = """
    select sold.line_no, sold.external_line_id as line_id, sold.kind, sold.channel_sku, sold.title, sold.unit_price,
           sold.ordered - sold.cancelled as kept,
           coalesce(parts.whole, sold.ordered - sold.shipped - sold.cancelled) as here,
           coalesce(parts.each, jsonb_build_object(sold.line_no, 1)) as parts
    from order_line sold left join lateral (
        select min((part.ordered - part.shipped - part.cancelled) * sold.ordered / part.ordered)::bigint as whole,
               jsonb_object_agg(part.line_no, part.ordered / sold.ordered) as each
        from order_line part where part.order_id = sold.order_id and part.parent_no = sold.line_no
        having count(*) > 0) parts on true
    where sold.order_id = :id and sold.parent_no is null order by sold.line_no"""
"""Lines as they were sold, with their pieces that are still wanted, those of them that are still here, and the hub's
own lines that a piece consists of."""


@dataclass(frozen=True, slots=True)
class WantedLine:
    """How many pieces of a line of the shop's are wanted, shipped ones with them, and of what; empty is as it was."""

    line_id: str
    pieces: int
    channel_sku: str = ""
    price: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Portion:
    """Pieces of one line of the shop's that were sold together: a line of the hub's, or a bundle with its parts."""

    line_no: int
    line_id: str
    kind: str
    channel_sku: str
    title: str
    unit_price: Decimal
    kept: int
    here: int
    parts: Mapping[str, int]


def portions_of(session: Session, order_id: int) -> list[Portion]:
    """Give an order's lines as they were sold or added, the oldest first."""
    return [Portion(*one) for one in rows(session, PORTIONS, id=order_id)]


def pieces_of(session: Session, order_id: int, wanted: Mapping[str, int]) -> dict[int, int]:
    """Give the pieces to cancel by the hub's lines, from pieces by the shop's own line; of bundles part by part.

    What was added last goes first. Raises: Malformed for a line that is not there.
    """
    portions = portions_of(session, order_id)
    if strangers := sorted(wanted.keys() - {one.line_id for one in portions}):
        raise Malformed(f"the order has no line {', '.join(strangers)}", code="unknown_line", field="lines")
    pieces = Counter[int]()
    for line_id, n in wanted.items():
        pieces += _cut([one for one in portions if one.line_id == line_id], n)
    return dict(pieces)


def wish_lines(
    session: Session, order_id: int, wanted: Sequence[WantedLine]
) -> tuple[Mapping[int, int], Sequence[Addition]]:
    """Give the pieces to cancel by the hub's lines, and what is to be added; the order's row is locked.

    Raises: Malformed for a line that is not there and names no goods (unknown_line) or no price (price_needed), and for
    goods that are not known (unknown_sku); Conflict when nothing of a line is here to be exchanged (pieces_shipped).
    """
    portions = portions_of(session, order_id)
    pieces, added = Counter[int](), list[Addition]()
    for one in wanted:
        mine = [portion for portion in portions if portion.line_id == one.line_id]
        cut, more = _of_line(one, mine) if mine else (Counter[int](), [_new(one)])
        pieces += cut
        added += more
    return dict(pieces), with_goods(session, order_id, [one for one in added if one.pieces])


def _new(one: WantedLine) -> Addition:
    if not one.channel_sku:
        raise Malformed(f"the order has no line {one.line_id}", code="unknown_line", field="lines")
    if not one.price:
        raise Malformed(f"line {one.line_id} is new: say its price", code="price_needed", field="lines.unit_price")
    return Addition(one.line_id, one.channel_sku, one.pieces, one.price, one.title)


def _of_line(one: WantedLine, mine: Sequence[Portion]) -> tuple[Counter[int], list[Addition]]:
    living = [portion for portion in mine if portion.kept] or list(mine[-1:])
    sku = one.channel_sku or living[-1].channel_sku
    others = [portion for portion in living if portion.channel_sku != sku and portion.kept]
    if one.channel_sku and others:
        return _exchange(one, others, [portion for portion in living if portion.channel_sku == sku])
    more = one.pieces - sum(portion.kept for portion in living)
    if more <= 0:
        return _cut(mine, -more), []
    last = living[-1]
    price = one.price or str(last.unit_price)
    return Counter(), [Addition(one.line_id, sku, more, price, one.title or last.title)]


def _exchange(
    one: WantedLine, others: Sequence[Portion], same: Sequence[Portion]
) -> tuple[Counter[int], list[Addition]]:
    """Have other goods in the place of those that are here; what has left of a line counts, and stays what it was."""
    here = [portion for portion in others if portion.here > 0]
    if not here:
        raise Conflict(
            f"all of line {one.line_id} has left: that is an exchange",
            code="pieces_shipped",
            field="lines",
            zh=f"行 {one.line_id} 已全部发出：请改为换货",
        )
    left = one.pieces - sum(portion.kept for portion in same) - sum(portion.kept - portion.here for portion in others)
    cut, added = _cut(same, max(0, -left)), list[Addition]()
    for portion in here:
        n = max(0, min(portion.here, left) if portion is not here[-1] else left)
        left -= n
        pieces = {int(no): each * portion.here for no, each in portion.parts.items()}
        cut += Counter(pieces)
        replaced = {"instead": portion.line_no, "of": portion.here, "parts": dict(portion.parts)}
        added.append(replace(Addition(one.line_id, one.channel_sku, n, one.price, one.title), **replaced))
    return cut, added


def _cut(mine: Sequence[Portion], n: int) -> Counter[int]:
    """Cancel pieces, the newest portion's first; more than there are is left for the caller to refuse."""
    pieces = Counter[int]()
    for portion in reversed(mine):
        some = n if portion is mine[0] else min(n, max(0, portion.here))
        n -= some
        pieces += Counter({int(no): each * some for no, each in portion.parts.items()})
    return pieces
