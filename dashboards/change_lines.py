"""The lines of an order that pieces can be named of: as they were sold, with what has left and what has not."""

from collections.abc import Sequence
from typing import NamedTuple

from hub.order.trace.head import Head, TracedLine


class Offered(NamedTuple):
    """A line as it was sold, with the pieces of it that have not left and those that have; of a bundle whole ones."""

    line: TracedLine
    left: int
    shipped: int


def offered(head: Head) -> list[Offered]:
    """Give the lines of an order, without parts of bundles and the hub's own gifts."""
    return [_offered(line, head) for line in head.lines if line.kind in {"item", "bundle"}]


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
    """Give the lines of an order as the shop counts them: what was added to one is of it."""
    found: dict[str, list[TracedLine]] = {}
    for line in head.lines:
        if line.kind in {"item", "bundle"}:
            found.setdefault(line.external_line_id, []).append(line)
    return [_wantable(line_id, lines) for line_id, lines in found.items()]


def _wantable(line_id: str, lines: Sequence[TracedLine]) -> Wantable:
    last = next((one for one in reversed(lines) if one.ordered > one.cancelled), lines[-1])
    kept = sum(one.ordered - one.cancelled for one in lines)
    return Wantable(line_id, last.sku or last.channel_sku, last.channel_sku, last.title, kept)


def _offered(sold: TracedLine, head: Head) -> Offered:
    parts = [one for one in head.lines if one.parent_no == sold.line_no] or [sold]
    left = [(one.ordered - one.shipped - one.cancelled) * sold.ordered // one.ordered for one in parts]
    return Offered(sold, min(left), min(one.shipped * sold.ordered // one.ordered for one in parts))
