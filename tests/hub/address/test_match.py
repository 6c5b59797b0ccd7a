import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hub.address.division import Level, ancestry, divisions, routable
from hub.address.match import Match, match

SAFE = 0.6
STREET = "环形山路1号3栋402"
ROUTABLE = st.sampled_from(sorted(routable()))
COUNTIES = [each.code for each in divisions().values() if each.level is Level.COUNTY]


def written(code: str) -> tuple[str, str, str]:
    """Give a division's province, city and county as the table writes them, "" where there is none."""
    line = {each.level: each.name for each in ancestry(code)}
    return line[Level.PROVINCE], line.get(Level.CITY, ""), line.get(Level.COUNTY, "")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (("广东省", "深圳市", "南山区", "粤海街道1号"), "440305007"),
        (("广东", "深圳", "南山", "1号"), "440305"),
        (("", "", "", "广东省深圳市南山区1号"), "440305"),
        (("", "", "", "收货地址：广东省－深圳市－南山区－１号"), "440305"),
        (("", "", "", "广东 深圳 南山 1号"), "440305"),
        (("广东省深圳市", "", "", "南山区1号"), "440305"),
        (("广东省", "深圳市", "", "科技园1号(南山区)"), "440305"),
        (("广东省", "深圳市", "南山区", "广东省深圳市南山区1号"), "440305"),
        (("⼴东省", "深圳\u200b市", "南　山　区", "1号"), "440305"),
        (("上海市", "上海市", "浦东新区", "1号"), "310115"),
        (("上海市", "市辖区", "浦东", "1号"), "310115"),
        (("北京", "朝阳区", "三环以内", "1号"), "110105"),
        (("广西", "南宁市", "青秀区", "1号"), "450103"),
        (("内蒙古", "呼和浩特", "新城区", "1号"), "150102"),
        (("新疆", "自治区直辖县级行政区划", "石河子市", "1号"), "659001"),
        (("湖北省", "仙桃市", "", "1号"), "429004"),
        (("河南", "省直辖县级行政区划", "济源", "1号"), "419001"),
        (("江苏省", "昆山市", "", "1号"), "320583"),
        (("", "", "昆山市", "玉山镇1号"), "320583100"),
        (("广东省", "东莞市", "虎门镇", "1号"), "441900121"),
        (("广东省", "中山市", "", "东区街道1号"), "442000002"),
        (("甘肃", "嘉峪关", "市辖区", "1号"), "620200"),
        (("湖北", "恩施州", "恩施市", "1号"), "422801"),
        (("北京市", "北京市", "密云县", "1号"), "110118"),
        (("重庆", "重庆市", "渝北区", "龙山街道1号"), "500157011"),
        (("四川省", "成都市", "高新区", "武侯区1号"), "510107"),
        (("", "", "", "江苏镇江京口区1号"), "321102"),
    ],
)
def test_a_messy_address_is_found_and_safe_to_route(fields: tuple[str, str, str, str], code: str) -> None:
    found = match(*fields)
    assert found.code == code
    assert found.confidence >= SAFE


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (("广东省", "杭州市", "", STREET), "440000"),
        (("广东", "杭州", "西湖区", STREET), "330106"),
        (("广东省", "深圳市", "南山区", "浙江省杭州市西湖区1号"), "440305"),
        (("吉林省", "长春市", "榆树市", "吉林省吉林市磐石市1号"), "220182"),
        (("湖北省", "仙桃市", "", "天门市1号"), "429004"),
        (("广东省", "深圳市", "赤道市南山区", "1号"), "440300"),
        (("火星市", "深圳市", "南山区", "1号"), "440305"),
        (("浙江省", "杭州市", "下城区", "1号"), "330100"),
        (("河北省", "", "新华区", "1号"), "130000"),
        (("", "", "昆山市", "1号"), "320583"),
        (("香港", "", "东区", "1号"), "810000"),
        (("上海", "", "", "人民广场1号"), "310000"),
        (("", "", "", "山东济南市中区1号"), "370100"),
    ],
)
def test_a_doubtful_address_waits_for_a_person(fields: tuple[str, str, str, str], code: str) -> None:
    found = match(*fields)
    assert found.code == code
    assert 0 < found.confidence < SAFE


@pytest.mark.parametrize(
    "fields",
    [
        ("", "", "", ""),
        ("", "", "", "火星市 环形山路1号"),
        ("火星市", "", "中山区", "1号"),
        ("台湾省", "台北市", "中山区", "1号"),
        ("", "", "朝阳区", "1号"),
        ("", "", "", "南京东路100号"),
    ],
)
def test_an_address_that_names_no_one_place_has_no_code(fields: tuple[str, str, str, str]) -> None:
    found = match(*fields)
    assert (found.code, found.confidence) == ("", 0)


@pytest.mark.parametrize(
    ("city", "code"), [("南京市", "320106"), ("徐州市", "320302"), ("开封市", "410204"), ("福州市", "350102")]
)
def test_the_city_tells_four_counties_of_one_name_apart(city: str, code: str) -> None:
    assert match("", city, "鼓楼区", STREET).code == code


@pytest.mark.parametrize(("city", "code"), [("北京市", "110105"), ("长春市", "220104")])
def test_the_street_tells_two_counties_of_one_name_apart(city: str, code: str) -> None:
    assert match("", "", "朝阳区", f"{city}朝阳区1号").code == code


def test_the_same_name_twice_means_the_city_and_the_county_below_it() -> None:
    assert match("河北", "承德", "承德", STREET).code == "130821"


@pytest.mark.parametrize("road", ["南京东路1号", "长沙市场1号", "中山大道1号", "朝阳村1号", "北京大学"])
def test_a_road_named_after_a_city_is_no_contradiction(road: str) -> None:
    found = match("上海", "上海市", "黄浦区", road)
    assert (found.code, found.rest, found.confidence) == ("310101", road, 0.9)


def test_another_county_of_the_city_in_the_street_costs_trust_but_the_fields_win() -> None:
    found = match("广东", "深圳市", "南山区", "福田区1号")
    assert (found.code, found.rest, found.confidence) == ("440305", "福田区1号", 0.6)


def test_a_short_name_after_no_other_name_is_not_safe() -> None:
    assert match("广东", "深圳市", "", "南山科技园1号").confidence == 0.5


def test_the_rest_is_the_street_without_divisions() -> None:
    assert match("", "", "", "中国 广东省 深圳市 南山区 粤海街道办事处 Room 3, 1号").rest == "Room 3, 1号"


def test_a_match_gives_each_level() -> None:
    found = match("广东", "深圳", "南山", "粤海街道1号")
    parts = [each.name for each in (found.province, found.city, found.county, found.town) if each]
    assert parts == ["广东省", "深圳市", "南山区", "粤海街道"]


@given(ROUTABLE)
def test_the_tables_own_names_in_their_fields_find_the_division(code: str) -> None:
    found = match(*written(code), STREET)
    assert (found.code, found.rest, found.confidence) == (code, STREET, 0.9)


def test_every_county_is_found_from_its_fields() -> None:
    assert [code for code in COUNTIES if match(*written(code), STREET).code != code] == []


def test_nearly_every_county_is_found_from_the_street_alone() -> None:
    found = [match("", "", "", "".join(written(code)) + STREET) for code in COUNTIES]
    right = [each.code == code and each.confidence >= SAFE for code, each in zip(COUNTIES, found, strict=True)]
    assert sum(right) / len(COUNTIES) >= 0.97


@given(ROUTABLE, ROUTABLE)
def test_two_provinces_in_one_address_are_never_safe(here: str, there: str) -> None:
    assume(here[:2] != there[:2])
    found = match(*written(here), "".join(written(there)) + STREET)
    assert found.code == here
    assert found.confidence < SAFE


PIECES = st.sampled_from(
    ["广东", "广东省", "深圳市", "南山", "南山区", "朝阳区", "吉林", "市辖区", "路", "1号", " ", "-", "火星市", "城区"]
)
TEXTS = st.lists(PIECES, max_size=5).map("".join) | st.text(max_size=12)


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_safe_means_deep_enough_and_no_trust_means_no_code(province: str, city: str, county: str, street: str) -> None:
    found: Match = match(province, city, county, street)
    deepest = found.county or found.city
    assert 0 <= found.confidence <= 1
    assert (found.confidence == 0) == (found.code == "")
    assert found.confidence < SAFE or (deepest and deepest.code in routable())
