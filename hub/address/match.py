"""Find the official division in what a customer typed, and say how far to trust it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import msgspec

from hub.address.division import Division, Form, Level, ancestry, divisions, lines, routable, towns
from hub.address.text import Name, Text, clean, read_text

_OPENING: Final = re.compile(r"(?:(?:收货|详细)?地址:?)?(?:中国)?")
_GAP: Final = re.compile(r"(?:[\s,.。、;:/\\|>_·(\[\-]|市辖[区县]|(?:省|自治区)?直辖县级行政区划)*")
_FILLER: Final = re.compile(
    r"[\s\-_/.]*|[省市区县]|市辖[区县]|.*直辖(?:县|行政).*|其[它他]区?|无|全境|null|none", re.IGNORECASE
)


class Match(msgspec.Struct, frozen=True):
    """The divisions found, the street text without them, and a confidence between 0 and 1.

    0.6 or more means safe to route without a person: a county (or a city that has none) was found, at least one other
    level agrees, and nothing contradicts it beyond its own city. 0 means that nothing was found. In between:

    - 1.0 when every level above and the town were written; 0.1 less for each of them that was not, and 0.1 less when
      the names came late in the street text; a county that nothing else supports has 0.5;
    - a county only the street names, without its suffix (深圳南山): 0.2 less, or 0.4 when no name stands before it;
    - the street names another county of the same city: 0.3 less, and the structured fields win;
    - at most 0.5 when a province or city field names nothing known, 0.4 when two names contradict each other;
    - without a county 0.5 for a city, 0.3 for a province, 0.2 with a contradiction.
    """

    province: Division | None
    city: Division | None
    county: Division | None
    town: Division | None
    rest: str
    confidence: float

    @property
    def code(self) -> str:
        """The deepest division's code, or "" when nothing was found."""
        deepest = self.town or self.county or self.city or self.province
        return deepest.code if deepest else ""


class _Trail(msgspec.Struct):
    """What the names so far leave possible: `alive` codes fit all names, `said` were named, `refused` fit nothing."""

    alive: Sequence[str] = ()
    said: set[str] = set()
    refused: list[Sequence[str]] = []
    taken: int = 0
    end: int = 0
    minus: int = 0

    @property
    def settled(self) -> bool:
        return bool(self.alive) and routable().issuperset(self.alive)

    def take(self, codes: Sequence[str], level: Level | None = None) -> bool:
        """Narrow what is alive to what lies on one line with the codes, those of the expected level first."""
        pairs = _on_one_line(self.alive, codes)
        if level and len(pairs) > 1:
            pairs = [pair for pair in pairs if divisions()[pair[1]].level is level] or pairs
        if pairs:
            self.alive = tuple(dict.fromkeys(deeper for deeper, _ in pairs))
            self.said.update(code for _, code in pairs)
            self.taken += 1
        return bool(pairs)


@dataclass(frozen=True, slots=True)
class _Fields:
    """What the fields say; `unread` when province or city is no known name, `county` its text when that is none."""

    trail: _Trail
    unread: bool
    county: str


def match(province: str, city: str, county: str, street: str) -> Match:
    """Find the division of an address as a storefront sends it; any part may be empty, messy or hold all of it."""
    fields = _read_fields(province, city, county)
    text = read_text(street)
    trail = _Trail(fields.trail.alive, fields.trail.said, end=text.after(_OPENING, 0))
    skipped = ""
    if text.names:
        trail.said = set(trail.said)
        _walk(trail, text)
        skipped = "" if trail.settled else _walk_late(trail, text)
    target = _settle(tuple(trail.alive))
    # What contradicts stays in the rest: a person will want to read it.
    rest = text.text if trail.refused else skipped + text.text[text.after(_GAP, trail.end) :]
    town, rest = _find_town(target, fields.county, rest)
    percent = _percent(target, town, trail)
    if trail.refused or fields.trail.refused or fields.unread:
        percent = _doubt(percent, target, trail, fields)
    return Match(*_upper(target), town, rest, percent / 100)


@lru_cache(maxsize=4_096)
def _upper(target: str) -> tuple[Division | None, Division | None, Division | None]:
    """Give province, city and county of a division."""
    found = {each.level: each for each in (ancestry(target) if target else ())}
    return found.get(Level.PROVINCE), found.get(Level.CITY), found.get(Level.COUNTY)


def _on_one_line(alive: Sequence[str], codes: Sequence[str]) -> list[tuple[str, str]]:
    """Pair the deeper of two related codes with the one named."""
    if not alive:
        return [(code, code) for code in codes]
    line = lines()
    below = [(code, code) for code in codes for a in alive if a in line[code]]
    return below + [(a, code) for code in codes for a in alive if a != code and code in line[a]]


@lru_cache(maxsize=16_384)
def _read_fields(province: str, city: str, county: str) -> _Fields:
    """Read the structured fields; storefronts send the same few thousand triples again and again."""
    texts, read = map(list, zip(*map(_read_field, (province, city, county)), strict=True))
    unread = [bool(text) and not found for text, found in zip(texts, read, strict=True)]
    if any(unread[:2]) and not any(read[:2]):
        # 火星市 中山区: a county below a place that does not exist is not the county of that name.
        read[2] = []
    fields = zip((Level.PROVINCE, Level.CITY, Level.COUNTY), read, strict=True)
    expected = [(name, level if len(found) == 1 else None) for level, found in fields for name in found]
    return _Fields(_agree(expected), unread=any(unread[:2]), county=texts[2] if unread[2] else "")


@lru_cache(maxsize=16_384)
def _read_field(written: str) -> tuple[str, Sequence[Name]]:
    """Clean a field and give the names at its head, each on its own: whether they agree is asked of all together."""
    if _FILLER.fullmatch(cleaned := clean(written)):
        return "", ()
    text, taken = read_text(cleaned), list[Name]()
    at = text.after(_OPENING, 0)
    while found := text.names_at(at := text.after(_GAP, at)):
        taken.append(found[0])
        at += len(found[0].text)
    return cleaned, taken


def _agree(expected: Sequence[tuple[Name, Level | None]]) -> _Trail:
    """Follow the names from each of them in turn, keep the trail where most agree; the higher field wins a tie."""
    best = _Trail()
    for first in range(len(expected)):
        trail = _Trail()
        for name, level in (*expected[first:], *expected[:first]):
            if not trail.take(name.codes, level) and name.form is not Form.GENERIC:
                trail.refused.append(name.codes)
        if trail.taken > best.taken:
            best = trail
        if best.taken == len(expected):
            break
    return best


def _walk(trail: _Trail, text: Text) -> None:
    """Take the names that follow each other in the street text, the longest that fits first."""
    begun = trail.taken
    while found := text.names_at(at := text.after(_GAP, trail.end)):
        official = [each for each in found if each.form is Form.OFFICIAL]
        # 吉林市 below 长春 is a contradiction: reading it as 吉林 (the province) and 市 would hide that.
        fitting = (each for each in official or found if _take_in_street(trail, each, first=trail.taken == begun))
        taken = next(fitting, None)
        name = taken or next(iter(official), None)
        if name is None:
            break
        if taken is None:
            trail.refused.append(name.codes)
        trail.end = at + len(name.text)


def _take_in_street(trail: _Trail, name: Name, *, first: bool) -> bool:
    """Take a name of the street text; a short one may be any word, so it must lead somewhere and costs trust."""
    if name.form is not Form.SHORT:
        return trail.take(name.codes)
    settled = trail.settled
    codes = name.codes if trail.alive else [c for c in name.codes if divisions()[c].level is not Level.COUNTY]
    if (first and settled) or not codes or not trail.take(codes):
        return False
    if trail.settled and not settled:
        trail.minus += 40 if first else 20
    return True


def _walk_late(trail: _Trail, text: Text) -> str:
    """Walk from the first official name further on that fits, and give the text before it."""
    before = trail.end
    for at in sorted(each for each in text.names if each > before):
        name = next((each for each in text.names_at(at) if each.form is Form.OFFICIAL), None)
        known = trail.alive or (name and all(divisions()[code].level is not Level.COUNTY for code in name.codes))
        if name and known and _on_one_line(trail.alive, name.codes):
            refused, trail.end, trail.minus = list(trail.refused), at, trail.minus + 10
            _walk(trail, text)
            # So far from the head a name that does not fit is a landmark, not a contradiction.
            trail.refused = refused
            return text.text[before:at]
    return ""


@lru_cache(maxsize=4_096)
def _settle(alive: tuple[str, ...]) -> str:
    """Give the one code that is left, or the deepest that all of them share, or ""."""
    line = lines()
    highest = [code for code in alive if not any(other != code and other in line[code] for other in alive)]
    if not highest:
        return ""
    shared = frozenset[str].intersection(*(line[code] for code in highest))
    return max(shared, key=lambda code: len(line[code]), default="")


def _find_town(target: str, county: str, rest: str) -> tuple[Division | None, str]:
    """Find a town of the county in the county field (东莞 has towns there) or the street; at its head it is cut off."""
    below = towns().get(target, {})
    named = [name for name in below if name in rest]
    if not named:
        return below.get(county), rest
    at, _, name = min((rest.find(name), -len(name), name) for name in named)
    return below[name], rest if at else rest[len(name) :].removeprefix("办事处")


def _percent(target: str, town: Division | None, trail: _Trail) -> int:
    if not target:
        return 0
    if target not in routable():
        return 50 if divisions()[target].level is Level.CITY else 30
    above = lines()[target] - {target}
    if town is None and above.isdisjoint(trail.said):
        return max(10, 50 - trail.minus)
    return max(10, 100 - 10 * len(above - trail.said) - (0 if town else 10) - trail.minus)


def _doubt(percent: int, target: str, trail: _Trail, fields: _Fields) -> int:
    """Lower the confidence for what contradicts the target or could not be read."""
    city = _city(target) if target else ""
    if fields.trail.refused or any(all(_city(code) != city for code in codes) for codes in trail.refused):
        return min(percent, 40 if target in routable() else 20)
    percent -= 30 if trail.refused else 0
    return max(min(percent, 50 if fields.unread else 100), 10 if target else 0)


def _city(code: str) -> str:
    """Give the city of a division: the province for 北京's counties, itself for 仙桃, which has no city above it."""
    line = ancestry(code)
    return line[0].code if len(line) == 1 or line[0].name.endswith("市") else line[1].code
