"""The lines of an order that pieces can be named of: as they were sold, with what has left and what has not."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hub.order.trace.head import Head, TracedLine


class Offered(NamedTuple):
    """A line of the shop's, with the pieces of it that have not left, those that have, and all that are wanted.

    Of bundles whole ones are counted; `line` is the last of the hub's lines of which pieces are wanted.
    """

    line: TracedLine
    left: int
    shipped: int
    kept: int


def offered(head: Head) -> list[Offered]:
    """Give the lines of an order as the shop counts them, without parts of bundles and the hub's own gifts."""
    return [_offered(lines, head) for lines in _of_shop(head).values()]


def waiting(line: TracedLine) -> int:
    """Give the pieces of a line that no location has been given."""
    here = line.kind != "bundle" and line.storage != "none"
    return line.ordered - line.allocated - line.shipped - line.cancelled if here else 0


class Wantable(NamedTuple):
    """A line of the shop's, with the pieces of it that are still wanted; `goods` and `code` are of its last ones."""

    line_id: str
    goods: str
    code: str
    title: str
    kept: int


def wantable(head: Head) -> list[Wantable]:
    """Give the lines of an order as the shop counts them, as goods can be wanted of them."""
    return [_wantable(line_id, lines) for line_id, lines in _of_shop(head).items()]


def _of_shop(head: Head) -> Mapping[str, Sequence[TracedLine]]:
    """Give the hub's lines by the shop's: what was added to one is of it."""
    found: dict[str, list[TracedLine]] = {}
    for line in head.lines:
        if line.kind in {"item", "bundle"}:
            found.setdefault(line.external_line_id, []).append(line)
    return found


def _wantable(line_id: str, lines: Sequence[TracedLine]) -> Wantable:
    last = _last(lines)
    return Wantable(line_id, last.sku or last.channel_sku, last.channel_sku, last.title, _kept(lines))


def _offered(lines: Sequence[TracedLine], head: Head) -> Offered:
    left, shipped = 0, 0
    for sold in lines:
        parts = [one for one in head.lines if one.parent_no == sold.line_no] or [sold]
        left += min((one.ordered - one.shipped - one.cancelled) * sold.ordered // one.ordered for one in parts)
        shipped += min(one.shipped * sold.ordered // one.ordered for one in parts)
    return Offered(_last(lines), left, shipped, _kept(lines))


def _last(lines: Sequence[TracedLine]) -> TracedLine:
    return next((one for one in reversed(lines) if one.ordered > one.cancelled), lines[-1])


def _kept(lines: Sequence[TracedLine]) -> int:
    return sum(one.ordered - one.cancelled for one in lines)
