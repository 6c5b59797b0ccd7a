"""How a sourcing policy says that orders are cut into parcels: the rules in their order, the limits, the floor."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from hub.document import Document
from hub.errors import Malformed
from hub.language import Words

MOST_BONDED_FEN: Final = 500_000
"""What goods under bond may be worth at once (财关税〔2018〕49号)."""

Rule = Literal[
    "storage", "hazard", "supplier", "bond", "with_main", "size", "arrival", "bonded_value", "parcel", "weight",
    "volume", "pieces",
]  # fmt: skip
Limit = Annotated[int, Field(ge=1, le=100_000_000, strict=True)]

LAW: Final = ("storage", "hazard", "bond", "bonded_value")
"""What food, danger and customs demand, whichever brand it is: they may be placed, not left out or made a wish."""

BEFORE_GIFTS: Final = ("storage", "hazard", "bond")
"""Rules behind `with_main` see a piece and its gifts as one, so these would not see what a gift is."""

USES: Final = {
    "parcel_grams": ("parcel", "weight"),
    "parcel_cm3": ("parcel", "volume"),
    "parcel_pieces": ("pieces",),
    "bonded_fen": ("bonded_value",),
}
"""By which rules each limit is asked."""


class Splitting(Document):
    """What one parcel may hold, where that is not as it is built in; `bonded_fen` is the worth of goods under bond.

    `chain` names the rules in the order in which they cut. A part worth less than `floor_fen` joins another that it may
    travel with; the rules of `wishes` cut, but the floor may undo it.
    """

    chain: Annotated[tuple[Rule, ...], Field(max_length=12)] | None = None
    wishes: Annotated[tuple[Rule, ...], Field(max_length=12)] = ()
    floor_fen: Limit | None = None
    parcel_grams: Limit | None = None
    parcel_cm3: Limit | None = None
    parcel_pieces: Limit | None = None
    bonded_fen: Limit | None = None

    @model_validator(mode="after")
    def be_lawful(self) -> Self:
        """Refuse a chain that breaks the law, or says what would never be asked.

        Raises: Malformed, which tells more than a ValueError could: it has a code of its own.
        """
        for code, field, why in self._faults():
            told = Words(f"策略的 split.{field}：{why.zh}", f"the policy's split.{field}: {why.en}")
            raise Malformed(told.en, code=code, field=f"split.{field}", zh=told.zh)
        return self

    def _faults(self) -> Iterator[tuple[str, str, Words]]:
        if self.chain is not None:
            yield from _order_faults(self.chain)
            for limit, rules in USES.items():
                if getattr(self, limit) is not None and not set(rules) & set(self.chain):
                    zh, en = " 或 ".join(rules), " or ".join(rules)
                    unused = Words(
                        f"规则链中没有规则用到它；请在链中写上 {zh}",
                        f"no rule of the chain asks it; name {en} in the chain",
                    )
                    yield "split_unused", limit, unused
            if "pieces" in self.chain and self.parcel_pieces is None:
                counts = Words(
                    "规则链按件数拆分，请写明每包最多几件", "the chain counts pieces, so say how many a parcel may hold"
                )
                yield "split_limit", "parcel_pieces", counts
        yield from self._wish_faults()

    def _wish_faults(self) -> Iterator[tuple[str, str, Words]]:
        if self.wishes and self.floor_fen is None:
            floor = Words(
                "只有金额下限能合并 wishes 拆出的部分；请设置 floor_fen",
                "only a floor undoes what a wish has cut; set floor_fen",
            )
            yield "split_unused", "wishes", floor
        for wish in self.wishes:
            if wish in {*LAW, "with_main"}:
                law = Words(f"{wish} 必须遵守，不能列为 wishes", f"{wish} is no wish: it always holds")
                yield "split_law", "wishes", law
            if self.chain is not None and wish not in self.chain:
                yield "split_unused", "wishes", Words(f"规则链中没有 {wish}", f"{wish} is not in the chain")


def _order_faults(chain: tuple[Rule, ...]) -> Iterator[tuple[str, str, Words]]:
    for no, name in enumerate(chain):
        if name in chain[:no]:
            yield "split_twice", "chain", Words(f"{name} 重复", f"{name} is named twice")
    if missing := ", ".join(name for name in LAW if name not in chain):
        yield "split_law", "chain", Words(f"不能缺少 {missing}", f"{missing} may not be left out")
    bound = chain.index("with_main") if "with_main" in chain else len(chain)
    if late := ", ".join(name for name in BEFORE_GIFTS if chain.index(name) > bound):
        why = Words(
            f"{late} 须排在 with_main 之前，否则不检查赠品",
            f"{late} must stand before with_main, else a gift is not looked at",
        )
        yield "split_gifts", "chain", why
