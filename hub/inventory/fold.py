"""Fold a report's lines into counters, purely: what each line changes, and what is refused or came too late."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hub.inventory.count_table import LineVerdict
from hub.inventory.counted import MOST, ReportLine
from hub.inventory.ledger import StockKey


@dataclass(frozen=True, slots=True)
class Since:
    """By counter: pieces that younger changes moved, that left by younger confirms, and both lot by lot.

    `heard` are promised pieces that an owner's number has been told without.
    """

    changed: Mapping[StockKey, int] = field(default_factory=dict[StockKey, int])
    left: Mapping[StockKey, int] = field(default_factory=dict[StockKey, int])
    lots: Mapping[StockKey, Mapping[str, int]] = field(default_factory=dict[StockKey, Mapping[str, int]])
    heard: Mapping[StockKey, int] = field(default_factory=dict[StockKey, int])


@dataclass(frozen=True, slots=True)
class Folded:
    """A line that was understood: what the counter was before it, and by how much it changes it."""

    line: ReportLine
    key: StockKey
    was: int
    difference: int
    verdict: LineVerdict


@dataclass(slots=True)
class Fold:
    """A report's lines one after the other."""

    lines: list[Folded] = field(default_factory=list[Folded])
    refused: list[str] = field(default_factory=list[str])
    on_hand: dict[StockKey, int] = field(default_factory=dict[StockKey, int])

    @property
    def taken(self) -> list[Folded]:
        return [one for one in self.lines if one.verdict is LineVerdict.TAKEN]


def fold(
    lines: Sequence[tuple[ReportLine, StockKey]],
    on_hand: Mapping[StockKey, int],
    marks: Mapping[StockKey, datetime],
    confirmed: frozenset[int],
    counted_at: datetime,
    since: Since,
) -> Fold:
    """Fold lines into what is on hand.

    A count that comes late has not seen the changes `since` it that were taken already: they stand on top of it, down
    to nothing where it found none. Nor has it seen what left since, be it of what the changes brought: that is taken
    off both, down to nothing. What an owner has `heard` of is there until it leaves, whatever his number says.
    A count older than the counter's watermark is outdated, and so is a change that the last count saw already: one not
    younger than it. A change whose number is in `confirmed` is booked by its document's own confirm.
    """
    made = Fold(on_hand=dict(on_hand))
    for line, key in lines:
        was, mark = made.on_hand[key], marks.get(key)
        if line.no in confirmed:
            made.lines.append(Folded(line, key, was, 0, LineVerdict.CONFIRMED))
        elif mark is not None and (counted_at < mark or (line.kind == "change" and counted_at == mark)):
            made.lines.append(Folded(line, key, was, 0, LineVerdict.OUTDATED))
        elif 0 <= (now := was + line.pieces if line.kind == "change" else _counted(line, since, key)) <= MOST:
            made.on_hand[key] = now
            made.lines.append(Folded(line, key, was, now - was, LineVerdict.TAKEN))
        else:
            made.refused.append(f"line {line.no} ({key.sku}): {was} on hand cannot become {now}")
    return made


def _counted(line: ReportLine, since: Since, key: StockKey) -> int:
    if line.pieces < 0:
        return line.pieces
    changed = since.changed.get(key, 0)
    there = line.pieces + changed if line.pieces else max(0, changed)
    return min(there, max(0, there - since.left.get(key, 0))) + since.heard.get(key, 0)
