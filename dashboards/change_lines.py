"""The lines of an order that pieces can be named of: as they were sold, with what has left and what has not."""

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


def _offered(sold: TracedLine, head: Head) -> Offered:
    parts = [one for one in head.lines if one.parent_no == sold.line_no] or [sold]
    left = [(one.ordered - one.shipped - one.cancelled) * sold.ordered // one.ordered for one in parts]
    return Offered(sold, min(left), min(one.shipped * sold.ordered // one.ordered for one in parts))
