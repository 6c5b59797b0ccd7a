"""How values are written on a page: times in the business zone, money, counts and spans of time."""

from datetime import UTC, datetime, timedelta
from typing import Final

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from dashboards.visit import Visit
from hub.language import Words
from hub.money import major_units

SIGNS: Final = {"CNY": "¥", "USD": "US$", "EUR": "€", "HKD": "HK$", "JPY": "JP¥"}
NOTHING: Final = "—"
WHOLE: Final = "%Y-%m-%d %H:%M:%S"
TIME: Final = Markup('<time datetime="{exact}" title="{whole} {zone}">{told}</time>')
AGO: Final = Markup('<time data-ago datetime="{exact}" title="{whole} {zone}">{told}</time>')

_SPANS: Final = (
    (86_400, Words("{n} 天", "{n} d")),
    (3_600, Words("{n} 小时", "{n} h")),
    (60, Words("{n} 分", "{n} min")),
    (1, Words("{n} 秒", "{n} s")),
)
_AGO: Final = Words("{span}前", "{span} ago")
_NOW: Final = Words("刚刚", "just now")
_MOMENT: Final = Words("不到 1 分", "< 1 min")


@pass_context
def moment(context: Context, at: datetime | None, shape: str = WHOLE) -> str:
    """Write a time in the business zone; the browser tells zone and distance on hover."""
    visit: Visit = context["visit"]
    return NOTHING if at is None else _time(visit, at, at.astimezone(visit.zone).strftime(shape))


def _time(visit: Visit, at: datetime, told: str, element: Markup = TIME) -> str:
    exact = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    local = at.astimezone(visit.zone)
    return element.format(exact=exact, whole=local.strftime(WHOLE), zone=f"UTC{local:%z}"[:6], told=told)


@pass_context
def clock(context: Context, at: datetime | None) -> str:
    """Write a time of today by its clock alone, any other with its day."""
    visit: Visit = context["visit"]
    today = at is not None and at.astimezone(visit.zone).date() == visit.at.astimezone(visit.zone).date()
    return moment(context, at, "%H:%M:%S" if today else "%m-%d %H:%M")


@pass_context
def ago(context: Context, at: datetime | None) -> str:
    """Write how long ago something was; the browser keeps it true while the page stays open."""
    if at is None:
        return NOTHING
    visit: Visit = context["visit"]
    minutes = int((visit.at - at).total_seconds()) // 60
    told = _AGO.say(visit.language, span=span_of(minutes * 60, visit.language)) if minutes else _NOW.say(visit.language)
    return _time(visit, at, told, AGO)


@pass_context
def span(context: Context, length: timedelta | float | None) -> str:
    """Write a span of time, given in seconds or as such."""
    if length is None:
        return NOTHING
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    visit: Visit = context["visit"]
    return span_of(seconds, visit.language)


@pass_context
def wait(context: Context, length: timedelta | None) -> str:
    """Write how long something has waited, to the minute: what renews every few seconds should not flicker."""
    visit: Visit = context["visit"]
    if length is None:
        return NOTHING
    minutes = int(length.total_seconds()) // 60
    return span_of(minutes * 60, visit.language) if minutes else _MOMENT.say(visit.language)


def span_of(seconds: float, language: str) -> str:
    """Write a span by its two largest units."""
    rest, told = max(0, int(seconds)), list[str]()
    for size, words in _SPANS:
        n, rest = divmod(rest, size)
        if n or (told and len(told) == 1) or (size == 1 and not told):
            told.append(words.say(language, n=n))
        if len(told) == 2:  # noqa: PLR2004 # two units
            break
    return " ".join(told[:1] if told[1:] and told[1].startswith("0 ") else told)


def money(minor: int | None, currency: str = "CNY") -> str:
    """Write an amount of minor units: ¥1,299.00."""
    if minor is None:
        return NOTHING
    return f"{'−' if minor < 0 else ''}{SIGNS.get(currency, f'{currency} ')}{major_units(abs(minor), currency):,f}"


def number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def percent(share: float | None) -> str:
    """Write a share between 0 and 1."""
    return NOTHING if share is None else f"{share * 100:.1f}%"


def change(share: float | None) -> str:
    """Write how much more or less: +6.2%."""
    return NOTHING if share is None else f"{share * 100:+.1f}%".replace("-", "−")


EVERY: Final = (moment, clock, ago, span, wait, money, number, percent, change)
"""What templates may use, each under its own name."""
