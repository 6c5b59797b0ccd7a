"""The form of a change of an order: what was written, as it is sent, shown again and sent once more to be done."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hub.address.division import Level, ancestry
from hub.aftersale.status import Fault, ReturnKind
from hub.errors import Malformed
from hub.order.change.table import Charge
from hub.order.change.wanted import PRICE, WantedLine
from hub.order.trace.seen import Seen
from hub.repair import why

LONGEST: Final = 1000
"""Characters of a remark, as the API takes them."""

MOST_LINES: Final = 500
MOST_DIGITS: Final = 7
"""Of pieces: a million, as the model."""

SEEN_LONGEST: Final = 100_000

SEEN: Final = TypeAdapter(dict[str, str])

Word = Annotated[str, Field(max_length=100)]


class ChangeForm(BaseModel):
    """What is to be different; `line`, `n` and `sku` are lists alike, one entry for each line that was offered.

    `seen` is how the order stood when its page was made.
    """

    model_config = ConfigDict(frozen=True)

    action_key: str = ""
    seen: str = Field(default="{}", max_length=SEEN_LONGEST)
    reason: str = Field(default="", max_length=500)
    name: Word = ""
    phone: Word = ""
    division: str = Field(default="", max_length=12)
    street: str = Field(default="", max_length=200)
    postcode: Word = ""
    remark: str = Field(default="", max_length=LONGEST)
    line: tuple[Word, ...] = Field(default=(), max_length=MOST_LINES)
    n: tuple[Word, ...] = Field(default=(), max_length=MOST_LINES)
    sku: tuple[Word, ...] = Field(default=(), max_length=MOST_LINES)
    no: tuple[int, ...] = Field(default=(), max_length=MOST_LINES)
    price: tuple[Word, ...] = Field(default=(), max_length=MOST_LINES)
    to: Word = ""
    charge: Charge = Charge.PAY
    take: Literal["", "take", "keep"] = ""
    kind: ReturnKind = ReturnKind.RETURN_REFUND
    fault: Fault = Fault.BUYER
    by: Literal["", "buyer"] = ""
    back: Annotated[int, Field(ge=0, le=10**9)] = 0

    @property
    def why(self) -> str:
        """Give the reason, which goes to the audit log.

        Raises: Malformed.
        """
        return why(self.reason)

    @property
    def receiver(self) -> Mapping[str, str]:
        """Give what is said of a receiver anew, the division by its names.

        Raises: NotFound for a division that is not there.
        """
        said = {
            name: text.strip()
            for name in ("name", "phone", "street", "postcode")
            if (text := str(getattr(self, name))).strip()
        }
        if self.division.strip():
            names = {one.level: one.name for one in ancestry(self.division.strip())}
            levels = {"province": Level.PROVINCE, "city": Level.CITY, "county": Level.COUNTY, "town": Level.TOWN}
            said |= {field: names.get(level, "") for field, level in levels.items()}
        return said

    @property
    def pieces(self) -> Mapping[str, int]:
        """Give the pieces that are named, by the shop's line.

        Raises: Malformed.
        """
        return {line: n for line, n, _ in self.lines()}

    def lines(self) -> Iterator[tuple[str, int, str]]:
        """Give line, pieces and SKU of each line that has pieces named.

        Raises: Malformed for what is no number.
        """
        skus = self.sku or ("",) * len(self.line)
        if not len(self.line) == len(self.n) == len(skus):
            raise Malformed("the form's lines do not fit together: load it again", code="unknown_line", field="n")
        for line, text, sku in zip(self.line, self.n, skus, strict=True):
            n = text.strip()
            if n and not (n.isascii() and n.isdigit() and len(n) <= MOST_DIGITS):
                raise Malformed(f"line {line}: a whole number of pieces", code="pieces", field="n")
            if n and int(n):
                yield line, int(n), sku.strip()

    def wanted(self) -> Iterator[WantedLine]:
        """Give what each line is to have of which anything is written.

        Raises: Malformed for what is no number of pieces, or no price, and for a line that is named twice.
        """
        if not len(self.line) == len(self.n) == len(self.sku) == len(self.price):
            raise Malformed("the form's lines do not fit together: load it again", code="unknown_line", field="n")
        named = set[str]()
        for written in zip(self.line, self.n, self.sku, self.price, strict=True):
            line, n, sku, price = (text.strip() for text in written)
            if not (n or sku or price):
                continue
            if not line:
                raise Malformed("name the further line", code="unknown_line", field="line")
            if line in named:
                told, zh = f"line {line} is named twice: number the further one otherwise", f"行 {line} 重复填写"
                raise Malformed(told, code="malformed", field="line", zh=zh)
            named.add(line)
            if not (n.isascii() and n.isdigit() and len(n) <= MOST_DIGITS):
                raise Malformed(f"line {line}: a whole number of pieces", code="pieces", field="n")
            if price and not PRICE.fullmatch(price):
                raise Malformed(f"line {line}: a price such as 12.50", code="price_needed", field="price")
            yield WantedLine(line, int(n), sku, price)

    def further(self, known: Collection[str]) -> str:
        """Give the number that was written for a further line."""
        return next((line for line in self.line if line not in known), "")

    @property
    def numbers(self) -> Mapping[str, str]:
        """Give what was written as pieces, by the shop's line."""
        return dict(zip(self.line, self.n, strict=False))

    @property
    def instead(self) -> Mapping[str, str]:
        """Give what was written to be sent instead, by the shop's line."""
        return dict(zip(self.line, self.sku, strict=False))

    @property
    def prices(self) -> Mapping[str, str]:
        """Give what was written as the price of a piece, by the shop's line."""
        return dict(zip(self.line, self.price, strict=False))

    def saw(self) -> Seen:
        """Give how the order stood when the form was made.

        Raises: Malformed.
        """
        try:
            return SEEN.validate_json(self.seen)
        except ValidationError as error:
            raise Malformed("the form does not say what it was made from: load it again", code="malformed") from error

    def fields(self) -> Iterator[tuple[str, str]]:
        """Give what was written as it is sent once more."""
        written: Mapping[str, object] = self.model_dump(exclude={"seen", "action_key"})
        for name, value in written.items():
            for one in cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,):
                yield name, str(one)
