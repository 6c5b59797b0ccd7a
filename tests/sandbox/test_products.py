import pytest

from sandbox.products import Storage, grams, storage
from sandbox.receivers import cities


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("16 OZ", 454),
        (".5 OZ", 14),
        ("10 1/2 OZ", 298),
        ("1/2 LB", 227),
        ("12 PK/12 OZ", 4082),
        ("6/12 OZ", 2041),
        ("6-12 OZ", 2041),
        ("12 OZ/6 CT", 2041),
        ("2 L", 2000),
        ("750 ML", 750),
        ("1 GAL", 3785),
        ("64 FL OZ", 1814),
        ("P    4 OZ", 113),
    ],
)
def test_a_size_is_read_as_grams(size: str, expected: int) -> None:
    assert grams(size, "GROCERY") == expected


@pytest.mark.parametrize("size", ["", "CTN", "100 CT", "18 IN", "0 OZ", "900 LB"])
def test_a_size_that_is_no_weight_takes_the_departments_usual_one(size: str) -> None:
    assert (grams(size, "COSMETICS"), grams(size, "TOYS")) == (80, 400)


def test_a_crate_is_no_piece_of_produce() -> None:
    assert grams("40 LB", "PRODUCE") == 500
    assert grams("40 LB", "GROCERY") == 18_144


@pytest.mark.parametrize(
    ("department", "category", "expected"),
    [
        ("FROZEN GROCERY", "FROZEN", "frozen"),
        ("GROCERY", "FRZN POTATOES", "frozen"),
        ("SEAFOOD-PCKGD", "SEAFOOD - FROZEN", "frozen"),
        ("MEAT", "BEEF", "chilled"),
        ("PRODUCE", "APPLES", "chilled"),
        ("GROCERY", "FLUID MILK PRODUCTS", "chilled"),
        ("GROCERY", "PNT BTR/JELLY/JAMS", "ambient"),
        ("DRUG GM", "HAIR CARE PRODUCTS", "ambient"),
    ],
)
def test_storage_follows_department_and_category(department: str, category: str, expected: Storage) -> None:
    assert storage(department, category) == expected


def test_a_municipality_is_its_own_province() -> None:
    found = {city.name: city for city in cities()}
    assert (found["上海市"].province, len(found["上海市"].districts)) == ("上海市", 16)


def test_a_city_without_counties_has_one_nameless_district() -> None:
    found = {city.name: city for city in cities()}
    assert [district.name for district in found["东莞市"].districts] == [""]
    assert "南城街道" in found["东莞市"].districts[0].towns
