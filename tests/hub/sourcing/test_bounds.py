from collections.abc import Callable, Mapping
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.address.division import divisions
from hub.errors import Malformed
from hub.sourcing.bounds import COURIERS, DAYS, DIVISIONS, LOCATIONS, LONGEST, METHODS, SKUS, ZONES, read_draft
from hub.sourcing.calendars import read_calendar
from hub.sourcing.policy import read_policy

HEAD = 'version = "v1"\nbrand = "demo"\n'


def names(n: int) -> str:
    return ", ".join(f'"n{no}"' for no in range(n))


def days(n: int) -> str:
    return ", ".join((date(2026, 1, 1) + timedelta(days=no)).isoformat() for no in range(n))


MOST: Mapping[str, tuple[int, Callable[[int], str]]] = {
    "locations": (LOCATIONS, lambda n: "".join(f"[locations.n{no}]\n" for no in range(n))),
    "eliminate.locations": (LOCATIONS, lambda n: f"[eliminate]\nlocations = [{names(n)}]\n"),
    "closed": (DAYS, lambda n: f"closed = [{days(n)}]\n"),
    "zones": (ZONES, lambda n: "[zones]\n" + "".join(f'n{no} = ["310000"]\n' for no in range(n))),
    "zones.east": (DIVISIONS, lambda n: f"[zones]\neast = {sorted(divisions())[:n]}\n"),
    "freight.couriers": (COURIERS, lambda n: f'[freight]\nrates = "r1"\ncouriers = [{names(n)}]\n'),
    "locations.sh.closed": (DAYS, lambda n: f"[locations.sh]\nclosed = [{days(n)}]\n"),
    "locations.sh.methods": (METHODS, lambda n: f"[locations.sh]\nmethods = [{names(n)}]\n"),
    "kinds.store.closed": (DAYS, lambda n: f"[kinds.store]\nclosed = [{days(n)}]\n"),
    "locations.sh.clear": (SKUS, lambda n: f"[locations.sh]\nclear = [{names(n)}]\n"),
}


@pytest.mark.parametrize("key", MOST)
def test_a_draft_names_so_many_of_a_kind_and_no_more(key: str) -> None:
    most, write = MOST[key]
    assert read_draft(HEAD + write(most))
    with pytest.raises(Malformed, match=f"{key}: at most {most}") as refused:
        read_draft(HEAD + write(most + 1))
    assert (refused.value.code, refused.value.field) == ("policy_too_large", key)
    assert refused.value.say("zh") == f"策略的 {key} 最多 {most} 项，现有 {most + 1} 项"


@pytest.mark.parametrize("of", ["kinds.store", "locations.sh"])
def test_a_place_that_would_never_be_open_is_no_draft(of: str) -> None:
    hours = f"{HEAD}[{of}]\nat_once = true\nopens = 20:00:00\ncut_off = "
    assert read_draft(f"{hours}20:00:01\n")
    assert read_draft(f"{hours}02:00:00\n")
    with pytest.raises(Malformed) as refused:
        read_draft(f"{hours}20:00:00\n")
    assert refused.value.field == f"{of}.opens"
    assert read_policy(f"{hours}20:00:00\n")


@pytest.mark.parametrize("code", ["31000", "500105"], ids=["a digit too few", "merged into another"])
def test_a_zone_of_a_division_that_there_is_not_is_no_draft(code: str) -> None:
    zones = f'{HEAD}[zones]\neast = ["310000", "{code}"]\n'
    with pytest.raises(Malformed) as refused:
        read_draft(zones)
    assert (refused.value.field, refused.value.say("zh")) == ("zones.east", f"策略的 zones.east：没有区划 {code}")
    assert read_policy(zones)


@pytest.mark.parametrize(
    ("written", "zh"),
    [
        ("x", "策略不是有效的 TOML：Expected '=' after a key in a key/value pair (at end of document)"),
        ("[locations.sh]\ncut_off = 2027-01-01T07:32:00Z", "策略的 locations.sh.cut_off：应为时刻，如 16:00:00"),
        ('[locations.sh]\ncut_off = "25:00"', "策略的 locations.sh.cut_off：应为时刻，如 16:00:00"),
        ('[locations.sh]\ncut_off = "16:00+08:00"', "策略的 locations.sh.cut_off：时刻以业务时区为准，不带时区"),
        ("closed = [2027-01-01T10:00:00]", "策略的 closed[0]：应为日期，如 2027-05-01"),
        (
            '[split]\nwishes = ["arrival"]',
            "策略的 split.wishes：只有金额下限能合并 wishes 拆出的部分；请设置 floor_fen",
        ),
    ],
)
def test_what_is_wrong_with_a_policy_is_said_in_chinese_too(written: str, zh: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_draft(HEAD + written)
    assert refused.value.say("zh") == zh


def test_what_was_in_force_with_more_is_still_read() -> None:
    assert len(read_policy(HEAD + f"closed = [{days(DAYS + 1)}]\n").closed) == DAYS + 1


def test_a_text_that_is_too_long_is_not_even_looked_at() -> None:
    with pytest.raises(Malformed, match=f"at most {LONGEST} characters") as refused:
        read_draft("version = " + " " * LONGEST)
    assert f"最长 {LONGEST}" in refused.value.say("zh")


@pytest.mark.parametrize("part", ["a.", "a . ", '"a".', "'a'\t."])
def test_a_key_of_thousands_of_parts_is_not_read_for_minutes(part: str) -> None:
    deep = part * (LONGEST // len(part) - 10) + "a = 1"
    with pytest.raises(Malformed, match="parts"):
        read_draft(deep)
    with pytest.raises(Malformed, match="parts") as refused:
        read_calendar(deep)
    assert refused.value.code == "malformed_calendar"


@given(st.text(alphabet="a.\"' \n=", max_size=30))
def test_few_parts_are_never_too_many(written: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_draft(written)
    assert refused.value.code == "malformed_policy"
