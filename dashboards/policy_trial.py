"""What a trial of a sourcing policy shows: both policies' figures side by side, and by day as bars of a chart."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

from dashboards.filters import NOTHING, money, number, percent
from dashboards.texts import N_
from hub.order.rehearse.policies import Comparison
from hub.order.rehearse.tally import Figures

WIDE: Final = 600
HIGH: Final = 120
FULL: Final = 0.72
"""The part of a day's width that its two bars take."""

Value = float | None


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that both policies are measured by: its msgid, and how a value is written."""

    label: str
    read: Callable[[Figures], Value]
    write: Callable[[Value], str]


class Line(NamedTuple):
    """A measure's values under the policy in force and under the draft, and what the draft has more."""

    label: str
    now: str
    then: str
    more: str


class Bar(NamedTuple):
    """One bar of a chart, in its own units; `mark` is `now` or `then`."""

    mark: str
    x: float
    y: float
    width: float
    height: float
    told: str


class Chart(NamedTuple):
    """A measure by day: its bars, and the value that its upper edge stands for."""

    label: str
    most: str
    bars: tuple[Bar, ...]


class Trial(NamedTuple):
    """A comparison as its page shows it; `by_day` has a line for each charted measure of each day with orders."""

    told: Comparison
    days: int
    first: date
    last: date
    lines: tuple[Line, ...]
    share: tuple[Line, ...]
    charts: tuple[Chart, ...]
    by_day: tuple[tuple[date, int, tuple[Line, ...]], ...]


def _money(value: Value) -> str:
    return NOTHING if value is None else money(round(value))


def _tenths(value: Value) -> str:
    return NOTHING if value is None else f"{value:,.1f}"


def _hundredths(value: Value) -> str:
    return NOTHING if value is None else f"{value:,.2f}"


def _points(value: Value) -> str:
    return percent(value).replace("-", "−")


PARCELS: Final = Measure(N_("Parcels"), lambda one: one.parcels, number)
COST: Final = Measure(N_("Cost at prices in force"), lambda one: one.cost, _money)
KM: Final = Measure(N_("Mean distance, km"), lambda one: one.km, _tenths)
ARRIVAL: Final = Measure(N_("Mean days until arrival"), lambda one: one.days, _hundredths)
FILL: Final = Measure(N_("Fill"), lambda one: one.fill, _points)
MEASURES: Final = (
    PARCELS,
    Measure(N_("Orders whole in one parcel"), lambda one: one.one_parcel, number),
    Measure(N_("Pieces with a source"), lambda one: one.pieces, number),
    COST,
    Measure(N_("Cost at their own prices"), lambda one: one.own_cost, _money),
    KM,
    ARRIVAL,
    FILL,
)
CHARTED: Final = (PARCELS, COST, KM, FILL)
DAILY: Final = (PARCELS, COST, KM, ARRIVAL, FILL)


def trial_of(told: Comparison, first: date, days: int) -> Trial:
    """Lay a comparison out; `first` is the day of the business zone that it began on, which is a part of a day."""
    now, then = told.in_force, told.draft
    last = first + timedelta(days=days)
    every = [first + timedelta(days=n) for n in range(days + 1)]
    return Trial(
        told=told,
        days=days,
        first=first,
        last=last,
        lines=tuple(_line(one, now.total, then.total) for one in MEASURES),
        share=tuple(
            _line(_share_of(code), now.total, then.total) for code in sorted({*now.total.share, *then.total.share})
        ),
        charts=tuple(_chart(one, told, every) for one in CHARTED) if told.orders else (),
        by_day=tuple(
            (day, now.series[day].orders, tuple(_line(one, now.series[day], then.series[day]) for one in DAILY))
            for day in every
            if day in now.series
        ),
    )


def _share_of(code: str) -> Measure:
    return Measure(code, lambda one: one.share.get(code, 0.0), _points)


def _line(measure: Measure, now: Figures, then: Figures) -> Line:
    was, would = measure.read(now), measure.read(then)
    more = NOTHING
    if was is not None and would is not None:
        told = measure.write(abs(would - was))
        sign = "+" if would > was else "−"
        more = f"{sign}{told}" if told != measure.write(0) else told
    return Line(measure.label, measure.write(was), measure.write(would), more)


def _chart(measure: Measure, told: Comparison, every: Sequence[date]) -> Chart:
    sides = {"now": told.in_force.series, "then": told.draft.series}
    read = {(mark, day): measure.read(series[day]) or 0 for mark, series in sides.items() for day in series}
    most = max(read.values(), default=0)
    return Chart(measure.label, measure.write(most), tuple(_bars(measure, read, every, most)))


def _bars(measure: Measure, read: dict[tuple[str, date], float], every: Sequence[date], most: float) -> Iterator[Bar]:
    step = WIDE / len(every)
    width = min(step * FULL / 2, 24)
    for no, day in enumerate(every):
        for mark, left in (("now", -width), ("then", 0.0)):
            if value := read.get((mark, day)):
                height = HIGH * value / most
                told = f"{day:%m-%d} {measure.write(value)}"
                x, y = (no + 0.5) * step + left, HIGH - height
                yield Bar(mark, round(x, 2), round(y, 2), round(width, 2), round(height, 2), told)
