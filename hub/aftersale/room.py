"""How many pieces of each line can still come back, and for how many money can still go back."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from hub.aftersale.model import MOST
from hub.database import rows
from hub.errors import Conflict, Malformed

ROOM: Final = """
    select line.line_no, line.parent_no, line.external_line_id as line_id, line.kind, line.sku, line.storage,
           line.ordered, line.cancelled, line.shipped, line.returned, line.amount - line.discount as net,
           coalesce(done.refunded, 0)::bigint as refunded,
           coalesce(done.coming, 0)::bigint as coming, coalesce(done.asked, 0)::bigint as asked
    from order_line line left join lateral (
        select sum(back.refunded) as refunded,
               sum(greatest(0, back.asked - back.arrived)) filter (
                   where c.state in ('requested', 'approved', 'sent') and c.kind = 'return_refund') as coming,
               sum(greatest(0, back.asked - greatest(back.arrived, back.refunded))) filter (
                   where c.state in ('requested', 'approved', 'sent')) as asked
        from return_line back join return_case c on (c.order_id, c.no) = (back.order_id, back.no)
        where back.order_id = :id and c.order_id = :id and back.line_no = line.line_no) done on true
    where line.order_id = :id order by line.line_no"""


class Room(NamedTuple):
    """A line of an order: what has left and come back of it, the pieces that money went back for, and what is asked.

    `coming` pieces are to come back by open returns; for `asked`, these among them, money is to go back.
    """

    line_no: int
    parent_no: int | None
    line_id: str
    kind: str
    sku: str
    storage: str
    ordered: int
    cancelled: int
    shipped: int
    returned: int
    net: int
    refunded: int
    coming: int
    asked: int

    @property
    def goods(self) -> int:
        """How many pieces more somebody can ask to send back."""
        return max(0, min(self.shipped - self.returned - self.coming, self.money))

    @property
    def money(self) -> int:
        """For how many pieces more somebody can ask money."""
        return max(0, self.shipped - self.refunded - self.asked)


def rooms_of(session: Session, order_id: int) -> Sequence[Room]:
    """Give the lines of an order, bundles with them; the order's row is locked."""
    return [Room(*one) for one in rows(session, ROOM, id=order_id)]


def pieces_back(rooms: Sequence[Room], wanted: Sequence[tuple[str, int]], *, goods: bool) -> dict[int, int]:
    """Give the hub's lines that pieces by the shop's lines are of; a bundle stands for all its parts.

    `goods` come back as well. A line that grew is several: the oldest comes first. A part of a bundle is named by its
    SKU behind the bundle's line: L1/apple. Raises: Malformed for no line, one that is not there or is named twice
    (unknown_line), and for pieces that cannot be meant; Conflict when more are named than can come back
    (more_than_shipped), or are of what nobody can send (nothing_to_send).
    """
    if not wanted or len({line_id for line_id, _ in wanted}) < len(wanted):
        raise Malformed("name the lines that come back, each once", code="unknown_line", field="lines")
    if not all(0 < n <= MOST for _, n in wanted):
        text, zh = f"pieces are a whole number from 1 to {MOST}", f"件数为 1 到 {MOST} 的整数"
        raise Malformed(text, code="pieces", field="lines", zh=zh)
    pieces = Counter[int]()
    for line_id, n in wanted:
        pieces += _of_line(rooms, line_id, n, goods=goods)
    if goods and any(one.storage == "none" for one in rooms if pieces[one.line_no]):
        raise Conflict("virtual goods cannot be sent back: refund them alone", code="nothing_to_send", field="lines")
    return dict(pieces)


def _of_line(rooms: Sequence[Room], line_id: str, n: int, *, goods: bool) -> Counter[int]:
    pieces, left = pieces_of(rooms, line_id, n, lambda one: one.goods if goods else one.money)
    if left:
        told = f"line {line_id}: {n - left} of the pieces that were shipped can come back, not {n}"
        zh = f"订单行 {line_id}：已发且未退的只有 {n - left} 件，不足 {n} 件"
        raise Conflict(told, code="more_than_shipped", field="lines", zh=zh)
    return pieces


def pieces_of(rooms: Sequence[Room], line_id: str, n: int, most: Callable[[Room], int]) -> tuple[Counter[int], int]:
    """Give the hub's lines that pieces of a shop's line are of, of none more than `most`, and how many are left.

    Raises: Malformed for no such line (unknown_line).
    """
    portions = [one for one in _portions(rooms, line_id) if one]
    if not portions:
        raise Malformed(f"the order has no line {line_id}", code="unknown_line", field="lines")
    pieces, left = Counter[int](), n
    for parts in portions:
        some = min([left, *(max(0, most(one)) // each for one, each in parts)])
        pieces.update({one.line_no: some * each for one, each in parts})
        left -= some
    return +pieces, left


def _portions(rooms: Sequence[Room], line_id: str) -> Sequence[Sequence[tuple[Room, int]]]:
    """Give the lines of a name, each as its parts with how many of each make one piece."""
    mine = [one for one in rooms if one.line_id == line_id and one.parent_no is None]
    if mine:
        return [_parts(rooms, one) for one in mine]
    bundle, _, sku = line_id.rpartition("/")
    parents = {one.line_no for one in rooms if one.line_id == bundle and one.kind == "bundle"}
    return [[(one, 1)] for one in rooms if one.parent_no in parents and one.sku == sku]


def _parts(rooms: Sequence[Room], sold: Room) -> Sequence[tuple[Room, int]]:
    if sold.kind != "bundle":
        return [(sold, 1)]
    return [(one, one.ordered // sold.ordered) for one in rooms if one.parent_no == sold.line_no]
