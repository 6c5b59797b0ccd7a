import pytest

from hub.address.search import find_divisions


@pytest.mark.parametrize("words", ["浦东", "上海 浦东", "310115", "浦东新区"])
def test_a_county_is_found_by_a_part_of_its_name_or_its_code(words: str) -> None:
    assert ("310115", "上海市 浦东新区") in find_divisions(words)


def test_a_division_of_that_very_name_comes_before_those_below_another() -> None:
    found = find_divisions("朝阳")
    assert all("朝阳" in name.rpartition(" ")[2] for _, name in found[:3])
    assert len(found) > 3


@pytest.mark.parametrize("words", ["", "  ", "月球"])
def test_what_is_no_division_finds_nothing(words: str) -> None:
    assert not find_divisions(words)


def test_a_city_without_counties_is_found_itself() -> None:
    assert find_divisions("东莞")[0] == ("441900", "广东省 东莞市")
