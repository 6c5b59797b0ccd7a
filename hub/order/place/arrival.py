"""Goods that can only be sent from a day on: they wait behind a hold that ends by itself, and nothing else waits."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from msgspec.structs import replace

from hub.order.place.need import Need
from hub.order.rules.hold import planned
from hub.review.verdict import Hold, HoldType

RULE: Final = "arrival"


def part_by_arrival(need: Need, here: datetime) -> tuple[Need, list[Hold]]:
    """Leave out of a need what can only be sent later, with the gifts that come with it; give a hold for each day.

    The hold keeps nothing from being done with the rest of the order.
    """
    days = {want.line_no: day for want in need.wants if want.traits and (day := want.traits.available_from)}
    if not days:
        return need, []
    days |= {want.line_no: days[want.with_no] for want in need.wants if want.with_no in days}
    lines: defaultdict[date, list[int]] = defaultdict(list)
    for line_no, day in sorted(days.items()):
        lines[day].append(line_no)
    now = tuple([want for want in need.wants if want.line_no not in days])
    return replace(need, wants=now), [_hold(day, of_day, here) for day, of_day in sorted(lines.items())]


def _hold(day: date, lines: Sequence[int], here: datetime) -> Hold:
    evidence = {"planned": day.isoformat(), "lines": list(lines)}
    return Hold(HoldType.PRESALE, RULE, evidence, blocks=(), expires_at=planned(day, here))
