import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.address.division import (
    SUCCESSORS,
    Level,
    Point,
    ancestry,
    divisions,
    get_division,
    kilometres,
    names,
    point_of,
    routable,
)
from hub.errors import NotFound

COUNTIES = [each for each in divisions().values() if each.level is Level.COUNTY]
PLACES = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))


def test_the_table_has_every_division_of_the_official_list() -> None:
    counts = Counter(each.level for each in divisions().values())
    assert counts == {Level.PROVINCE: 33, Level.CITY: 333, Level.COUNTY: 2845, Level.TOWN: 38723}


def test_every_parent_is_in_the_table_and_lies_higher() -> None:
    below = [each for each in divisions().values() if each.level is not Level.PROVINCE]
    assert all(divisions()[each.parent].level < each.level for each in below)


def test_an_ancestry_begins_with_the_province() -> None:
    assert [each.name for each in ancestry("440305007")] == ["广东省", "深圳市", "南山区", "粤海街道"]


def test_a_county_of_a_municipality_lies_right_below_the_province() -> None:
    assert [each.name for each in ancestry("110105")] == ["北京市", "朝阳区"]


def test_an_unknown_code_is_not_found() -> None:
    with pytest.raises(NotFound, match="710000"):
        get_division("710000")


def test_four_cities_without_counties_are_deep_enough_to_route() -> None:
    cities = {each.name for each in map(get_division, routable()) if each.level is Level.CITY}
    assert cities == {"东莞市", "中山市", "儋州市", "嘉峪关市"}


@pytest.mark.parametrize(
    ("short", "name"),
    [
        ("内蒙古", "内蒙古自治区"),
        ("广西", "广西壮族自治区"),
        ("博尔塔拉", "博尔塔拉蒙古自治州"),
        ("积石山", "积石山保安族东乡族撒拉族自治县"),
        ("管城", "管城回族区"),
        ("浦东", "浦东新区"),
        ("碑林", "碑林区"),
        ("神农架", "神农架林区"),
    ],
)
def test_a_name_is_also_written_without_its_suffix_and_peoples(short: str, name: str) -> None:
    assert name in {get_division(code).name for code in names()[short][1]}


def test_a_successor_is_in_the_table_and_its_predecessor_is_not() -> None:
    assert divisions().keys() >= set(SUCCESSORS.values())
    assert divisions().keys().isdisjoint(SUCCESSORS)


def test_every_county_has_a_point_inside_china() -> None:
    points = [point_of(each.code) for each in COUNTIES]
    assert all(3 < point.latitude < 54 and 73 < point.longitude < 136 for point in points)


def test_a_county_lies_near_its_city_but_in_the_desert_and_the_sea() -> None:
    below = [each for each in COUNTIES if get_division(each.parent).level is Level.CITY]
    far = [each for each in below if kilometres(point_of(each.code), point_of(each.parent)) > 400]
    assert {each.code[:2] for each in far} <= {"15", "46", "54", "62", "63", "65"}
    assert len(far) < 10


def test_a_county_without_an_outline_takes_its_citys_point() -> None:
    assert point_of("653228") == point_of("653200")


def test_a_town_takes_its_countys_point() -> None:
    assert point_of("440305007") == point_of("440305")


def test_points_are_read_without_loading_shapely() -> None:
    point_of("110105")
    assert "shapely" not in sys.modules


def test_peking_and_shanghai_are_a_thousand_kilometres_apart() -> None:
    assert 1050 < kilometres(point_of("110101"), point_of("310101")) < 1090


@given(PLACES, PLACES)
def test_a_distance_is_the_same_both_ways_and_at_most_half_the_globe(a: Point, b: Point) -> None:
    assert kilometres(a, b) == pytest.approx(kilometres(b, a), abs=1e-6)
    assert 0 <= kilometres(a, b) < 20_016


@given(PLACES)
def test_a_place_is_no_distance_from_itself(place: Point) -> None:
    assert kilometres(place, place) == 0
