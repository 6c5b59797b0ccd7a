"""A gift strategy as a person writes it, an order as strategies see it, and what came of asking one."""

from typing import Annotated, Final, Literal, Self

import msgspec
from pydantic import Field, StringConstraints, model_validator

from hub.document import Document, Moment, Text
from hub.unfit import Unfit

Code = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\w.:@/+-]+$")]
Named = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Called = Annotated[Text, StringConstraints(min_length=1, max_length=64)]
"""What others call a brand or a shop."""
MOST_FEN: Final = 10**12
Fen = Annotated[int, Field(ge=0, le=MOST_FEN)]
Count = Annotated[int, Field(ge=1, le=10**9)]


class Give(Document):
    """What is given; with `value_fen`, the value of a piece, the money of the order is shared over the gift as well.

    As many pieces of `instead` are given where `sku` has run out, if the strategy replaces what has.
    """

    sku: Code
    instead: Code | None = None
    pieces: Annotated[int, Field(ge=1, le=1_000)] = 1
    value_fen: Fen = 0


class Strategy(Document):
    """Whom to give what: every condition that is set must hold, and the least that is set is counted.

    Only lines of `skus` count where some are named, else all that is sold. `most_times` above 1 gives again for every
    further `min_fen` and `min_pieces`. Of strategies of one `group` the first by `rank` that holds is followed.
    What has run out when the order is placed is left out, replaced, or given all the same and waited for (`if_out`).
    """

    brand: Called
    name: Named
    shops: tuple[Called, ...] = ()
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    skus: Annotated[tuple[Code, ...], Field(max_length=500)] = ()
    min_fen: Fen = 0
    min_pieces: Annotated[int, Field(ge=0, le=10**6)] = 0
    most_times: Annotated[int, Field(ge=1, le=1_000)] = 1
    gives: Annotated[tuple[Give, ...], Field(min_length=1, max_length=10)]
    rank: Annotated[int, Field(ge=0, le=1_000)] = 100
    group: Annotated[Text, StringConstraints(max_length=40)] = ""
    first_orders: Count | None = None
    most_pieces: Count | None = None
    once_per_member: bool = False
    if_out: Literal["leave_out", "replace", "wait"] = "leave_out"
    funder: Literal["merchant", "platform", "brand", "distributor"] = "merchant"

    @model_validator(mode="after")
    def be_possible(self) -> Self:
        """Refuse what can never give, or would give without end."""
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            raise Unfit("策略的结束时间须晚于开始时间", "the strategy ends before it starts")
        if self.most_times > 1 and not self.min_fen and not self.min_pieces:
            raise Unfit(
                "重复赠送须有金额或件数门槛（min_fen 或 min_pieces）",
                "giving again needs an amount or a number of pieces to count by",
            )
        if self.most_pieces is not None and self.most_pieces < self.pieces:
            raise Unfit("赠品总件数少于一单所得", "there are fewer pieces than one order gets")
        if sum(give.value_fen * give.pieces for give in self.gives) * self.most_times > MOST_FEN:
            raise Unfit(
                f"一单所得赠品的价值超过 {MOST_FEN} 分", f"what one order may get is worth more than {MOST_FEN} fen"
            )
        if any(give.instead for give in self.gives) is not (self.if_out == "replace"):
            raise Unfit(
                'instead 是缺货时的替代赠品，须且仅在 if_out = "replace" 时填写',
                '"instead" names what replaces a gift, and goes with if_out = "replace" alone',
            )
        return self

    @property
    def pieces(self) -> int:
        """Count the pieces that are given at once."""
        return sum(give.pieces for give in self.gives)

    @property
    def limited(self) -> bool:
        return self.first_orders is not None or self.most_pieces is not None


class Rule(msgspec.Struct, frozen=True):
    """A strategy in the version that is in force."""

    strategy: Strategy
    no: int


class Bought(msgspec.Struct, frozen=True):
    """A sold line as strategies see it: its pieces, and what is paid for them after all reductions."""

    line_no: int
    sku: str
    pieces: int
    fen: int


class Basket(msgspec.Struct, frozen=True):
    """An order as strategies see it; gifts and the parts of bundles are not among its lines."""

    brand: str
    shop: str
    placed_at: Moment
    lines: tuple[Bought, ...]


class Verdict(msgspec.Struct, frozen=True):
    """What came of asking a rule: `code` says why, `seen` with which figures; `lines` are those that were counted."""

    rule: Rule
    code: str
    seen: dict[str, int | str]
    times: int = 0
    lines: tuple[int, ...] = ()

    @property
    def given(self) -> bool:
        return self.code == GIVEN

    @property
    def pieces(self) -> int:
        return self.rule.strategy.pieces * self.times


GIVEN = "given"
EXHAUSTED = "exhausted"
HAD = "had_already"
OUT = "out_of_stock"
"""The conditions held; but the first N orders, or the pieces, were used up, the member has had it before, or no
location had the goods."""
