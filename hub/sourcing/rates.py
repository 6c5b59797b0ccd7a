"""A brand's rate card: what each courier takes from where to where, and how many days it needs, as CSV."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Final

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from hub.document import Document, Text
from hub.errors import Malformed
from hub.language import Words
from hub.sheet import BEYOND
from hub.sourcing.model import Lane
from hub.unfit import malformed

ANY: Final = ""
MOST: Final = 50_000
"""Lines of one card."""

LONGEST: Final = 10_000_000
"""Characters of one card."""

Fen = Annotated[int, Field(ge=0, le=10_000_000)]
Grams = Annotated[int, Field(ge=1, le=10_000_000)]
Word = Annotated[Text, Field(max_length=64)]
EDITION: Final = TypeAdapter[str](Annotated[Text, StringConstraints(min_length=1, max_length=64)])
"""What a policy can name a card by."""

WRITTEN: Final = TypeAdapter[str](Text)


class Rate(Document):
    """One line: `origin` is a location, a zone or anywhere (empty), `destination` a division, a zone or anywhere."""

    courier: Annotated[Word, Field(min_length=1)]
    method: Annotated[Word, Field(min_length=1)] = "standard"
    origin: Word = ANY
    destination: Word = ANY
    valid_from: date = date.min
    first_grams: Grams = 1000
    first_fen: Fen
    each_grams: Grams = 1000
    each_fen: Fen
    divisor: Annotated[int, Field(ge=0, le=100_000)] = 0
    days: Annotated[int, Field(ge=0, le=60)]

    def lane(self, after: int) -> Lane:
        """Give it as a question holds it, for what leaves so many days after it was asked."""
        price = (self.first_grams, self.first_fen, self.each_grams, self.each_fen, self.divisor)
        return Lane(self.courier, self.method, *price, self.days + after)


class Card:
    """The lines of a card by who carries what; the nearest that is in force counts."""

    def __init__(self, rates: Sequence[Rate]) -> None:
        self.rates = rates
        self._known: dict[tuple[str, str], dict[tuple[str, str], list[Rate]]] = {}
        for one in sorted(rates, key=lambda one: one.valid_from, reverse=True):
            by_way = self._known.setdefault((one.courier, one.method), {})
            by_way.setdefault((one.origin, one.destination), []).append(one)

    def find(self, method: str, origins: Sequence[str], destinations: Sequence[str], day: date) -> Iterator[Rate]:
        """Give the line of each courier that carries so, origins and destinations from the nearest to the widest."""
        for (_, carried), by_way in self._known.items():
            found = (
                rate
                for origin in origins
                for destination in destinations
                for rate in by_way.get((origin, destination), ())
                if carried == method and rate.valid_from <= day
            )
            if nearest := next(found, None):
                yield nearest


def read_rates(written: str) -> Card:
    """Read a card from CSV whose first row names the columns; empty cells are as they are by default.

    Raises: Malformed with code malformed_rates, naming line and column.
    """
    if not keepable(WRITTEN, written):
        raise _refused("运费价卡含有不能保存的字符", "the rate card holds characters that are no text")
    reader = csv.DictReader(io.StringIO(written), strict=True)
    rates: list[Rate] = []
    try:
        for record in reader:
            rates.append(_rate(record, reader.line_num))
            if len(rates) > MOST:
                raise _refused(f"运费价卡最多 {MOST} 行", f"a rate card has at most {MOST} lines")
    except csv.Error as error:
        raise _refused(f"运费价卡不是有效的 CSV：{error}", f"the rate card is no CSV: {error}") from error
    if not rates:
        raise _refused("运费价卡没有数据行", "the rate card has no lines")
    return Card(rates)


def check_once(card: Card) -> None:
    """Make sure that a card has one price for each way and day.

    Raises: Malformed with code malformed_rates, naming the first way that has two.
    """
    known = set[tuple[str | date, ...]]()
    for one in card.rates:
        way = (one.courier, one.method, one.origin, one.destination, one.valid_from)
        if way in known:
            named = ", ".join(str(part) for part in way if part not in {ANY, date.min})
            raise _refused(f"运费价卡有两行都是 {named}", f"two lines of the rate card are of {named}")
        known.add(way)


def keepable(kind: TypeAdapter[str], written: str) -> bool:
    """Say whether the database can keep what was written, and it is of that kind."""
    try:
        kind.validate_python(written)
    except ValidationError:
        return False
    return True


def _refused(zh: str, en: str) -> Malformed:
    return Malformed(en, code="malformed_rates", zh=zh)


def _rate(record: Mapping[str | None, str | list[str] | None], line: int) -> Rate:
    of = Words(f"运费价卡第 {line} 行，", f"line {line} of the rate card, ")
    if any(record.get(None) or ()):
        raise _refused(f"{of.zh}{BEYOND.zh}", f"{of.en}{BEYOND.en}")
    try:
        return Rate.model_validate({name: cell for name, cell in record.items() if name is not None and cell})
    except ValidationError as error:
        raise malformed(error, "malformed_rates", of=of) from error
