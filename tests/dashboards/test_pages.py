from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fastapi import Request
from jinja2 import UndefinedError

from commands.catalogue import find_untranslated
from dashboards.filters import change, money, number, percent, span_of
from dashboards.pages import environment, tagged_json
from dashboards.texts import Language, translate

ZONE = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 11, 11, 16, 30, 7, tzinfo=UTC)


class Seen:
    """As much of a visit as a filter looks at."""

    def __init__(self, language: Language, at: datetime = AT) -> None:
        self.language, self.at, self.zone = language, at, ZONE


def shown(source: str, language: Language = "en", **values: Any) -> str:  # noqa: ANN401 # whatever a template shows
    return environment(language).from_string(source).render(visit=Seen(language), **values)


def asked(*tags: str) -> Request:
    return Request({"type": "http", "headers": [(b"if-none-match", tag.encode()) for tag in tags]})


def test_hostile_text_is_shown_and_not_run() -> None:
    text = shown("{{ text }} {{ _('Copy %(what)s', what=text) }}", text="<script>alert(1)</script>")
    assert "<script>" not in text
    assert text.count("&lt;script&gt;") == 2


def test_a_hostile_state_is_only_a_word() -> None:
    source = (
        '{% import "parts.html" as parts with context %}{{ parts.badge("lifecycle", text) }}{{ parts.copyable(text) }}'
    )
    assert "<b>" not in shown(source, text='"><b>')


def test_what_is_not_there_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        shown("{{ order.total }}")


def test_a_time_is_shown_in_the_business_zone_and_exact_for_machines() -> None:
    assert shown("{{ at|moment }}", at=AT) == (
        '<time datetime="2026-11-11T16:30:07.000Z" title="2026-11-12 00:30:07 UTC+08">2026-11-12 00:30:07</time>'
    )


@pytest.mark.parametrize(
    ("at", "told"), [(AT - timedelta(minutes=5), ">00:25:07<"), (AT - timedelta(hours=1), ">11-11 23:30<")]
)
def test_a_clock_shows_the_day_unless_it_is_today(at: datetime, told: str) -> None:
    assert told in shown("{{ at|clock }}", at=at)


def test_a_distance_is_told_in_the_persons_language() -> None:
    at = AT - timedelta(hours=2, minutes=14)
    assert ">2 小时 14 分前<" in shown("{{ at|ago }}", "zh", at=at)
    assert ">2 h 14 min ago<" in shown("{{ at|ago }}", at=at)
    assert ">just now<" in shown("{{ at|ago }}", at=AT)


def test_what_is_unknown_is_a_dash() -> None:
    source = (
        "{{ x|moment }}{{ x|clock }}{{ x|ago }}{{ x|span }}{{ x|money }}{{ x|number }}{{ x|percent }}{{ x|change }}"
    )
    assert shown(source, x=None) == "—" * 8


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3_600, "1 h"), (8_040, "2 h 14 min"), (90_061, "1 d 1 h")],
)
def test_a_span_has_its_two_largest_units(seconds: int, told: str) -> None:
    assert span_of(seconds, "en") == told


@pytest.mark.parametrize(
    ("minor", "currency", "told"),
    [
        (129_900, "CNY", "¥1,299.00"),
        (-5, "CNY", "−¥0.05"),
        (1_299, "JPY", "JP¥1,299"),
        (10**15 + 1, "SGD", "SGD 10,000,000,000,000.01"),
    ],
)
def test_money_is_written_whole_and_exact(minor: int, currency: str, told: str) -> None:
    assert money(minor, currency) == told


def test_figures_have_their_separators_and_signs() -> None:
    assert (number(48_213), percent(0.9931), change(0.062), change(-0.5)) == ("48,213", "99.3%", "+6.2%", "−50.0%")


def test_the_same_news_is_sent_once() -> None:
    first = tagged_json(asked(), {"n": 1})
    again = tagged_json(asked(first.headers["etag"]), {"n": 1})
    weak = tagged_json(asked(f'"other", W/{first.headers["etag"]}'), {"n": 1})
    assert (first.status_code, again.status_code, weak.status_code) == (200, 304, 304)
    assert again.body == b""
    assert tagged_json(asked(first.headers["etag"]), {"n": 2}).status_code == 200


def test_a_text_is_translated_and_english_needs_no_catalogue() -> None:
    assert translate("zh", "Overview") == "总览"
    assert translate("en", "Overview") == "Overview"


def test_no_text_lacks_its_chinese_and_none_is_unused() -> None:
    assert find_untranslated() == []
