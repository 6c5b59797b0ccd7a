"""Say of goods that left which sold lines they are: an item piece by piece, a bundle when its parts make it whole."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

RIDES: Final = """
    line.kind = 'component' and line.storage = 'none' and exists (
        select 1 from order_line sent where sent.order_id = line.order_id and sent.parent_no = line.parent_no
        and sent.storage <> 'none')"""
"""Virtual parts of a bundle that has others: its parcels tell of it, and say that it is whole without them."""


@dataclass(frozen=True, slots=True)
class SoldLine:
    """What of an order line the outside knows; `parent_no` is a component's bundle."""

    line_no: int
    external_line_id: str
    channel_sku: str
    parent_no: int | None
    ordered: int


def sold_pieces(parcels: Sequence[Mapping[int, int]], lines: Sequence[SoldLine]) -> list[dict[int, int]]:
    """Give for each parcel, in the order they left, the pieces of sold lines that it completes."""
    left: Counter[int] = Counter()
    told: list[dict[int, int]] = []
    for parcel in parcels:
        before = _whole(left, lines)
        left.update(parcel)
        after = _whole(left, lines)
        told.append({no: pieces - before[no] for no, pieces in after.items() if pieces > before[no]})
    return told


def _whole(left: Mapping[int, int], lines: Sequence[SoldLine]) -> dict[int, int]:
    parts: dict[int, list[SoldLine]] = {}
    for line in lines:
        if line.parent_no is not None:
            parts.setdefault(line.parent_no, []).append(line)
    return {
        line.line_no: min(
            left.get(part.line_no, 0) * line.ordered // part.ordered for part in parts.get(line.line_no, [line])
        )
        for line in lines
        if line.parent_no is None
    }
