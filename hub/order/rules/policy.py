"""The one place where the rules of an order are chosen and their limits set; a change here is a new version."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hub.language import Words
from hub.order.rules.hold import (
    LineRule,
    Rule,
    heavier_than,
    presale,
    refund_asked,
    remark_asks,
    total_above,
    twin,
    unpaid,
    unplaced_address,
)
from hub.order.rules.split import (
    WITH_MAIN,
    Link,
    by_arrival,
    by_bond,
    by_bonded_value,
    by_hazard,
    by_parcel,
    by_size,
    by_storage,
    by_supplier,
)
from hub.sourcing.model import Costs
from hub.sourcing.splitting import MOST_BONDED_FEN

YUAN: Final = 100
PARCEL_GRAMS: Final = 30_000
PARCEL_CM3: Final = 200_000
BONDED_FEN: Final = MOST_BONDED_FEN


@dataclass(frozen=True, slots=True)
class Policy:
    """Which rules run, of the order and of each line, under a version that every decision records.

    After `tries` locations have refused or could not ship some pieces, a person decides where they go.
    """

    version: str
    holds: Sequence[Rule]
    splitters: Sequence[Link]
    costs: Costs
    tries: int = 5
    line_holds: Sequence[LineRule] = ()


POLICY: Final = Policy(
    version="2026-11-3",
    holds=(
        unplaced_address,
        unpaid,
        presale,
        twin,
        remark_asks("改地址|换地址|不要发|别发|先别|退款|change (the )?address|do not ship|refund"),
        total_above(20_000 * YUAN),
        heavier_than(2_000_000),
    ),
    splitters=(
        *(by_storage, by_hazard, by_supplier, by_bond),
        WITH_MAIN,
        *(by_size, by_arrival, by_bonded_value(BONDED_FEN), by_parcel(PARCEL_GRAMS, PARCEL_CM3)),
    ),
    costs=Costs(),
    line_holds=(refund_asked,),
)
"""Couriers take parcels up to 30 kg and 0.2 m³ at the ordinary tariff; above ¥20,000 or two tonnes a person looks.

Customs let goods under bond pass up to ¥5,000 at once (财关税〔2018〕49号, since 2019). A gift is parted from its main
item by temperature, danger, sender and bond, and by nothing else.
"""


_AS: Final = Words("同内置策略 {version}", "as the built-in {version}")
_COSTS: Final = Words(
    "单位：分；首公斤、每续一公斤、每千公里", "minor units: the first kilogram, each further one, a thousand kilometres"
)
_SPLIT: Final = Words("一个包裹的上限", "what one parcel may hold")
_CHAIN: Final = Words(
    "拆单规则，按先后执行；还可用 weight、volume、pieces",
    "the rules in the order in which they cut; also weight, volume, pieces",
)
_FLOOR: Final = Words("低于此金额（分）的部分并入其他部分", "a part worth less joins another")
_WISHES: Final = Words("金额不足时可以不遵守的规则", "rules that the floor may undo")
_FREIGHT: Final = Words("使用报价表，须先用 route rates load 载入", "with a rate card, which route rates load has read")
_PARCELS: Final = Words("首个之后每多一个包裹，单位：分", "minor units for each parcel after the first")
_WEIGHTS: Final = Words(
    "每件多少分：动用紧缺库存、未在滞销处清货、有货而未发",
    "minor units for a piece: of thin stock, not cleared elsewhere, left although it is there",
)


def built_in(brand: str = "", language: str = "en") -> str:
    """Write the built-in policy out as a brand's own one begins, with what else it may say, its notes in a language."""
    costs = POLICY.costs
    names = [f'"{link.name}"' for link in POLICY.splitters]
    return "\n".join(
        (
            'version = "my-first"',
            f'brand = "{brand}"',
            f'note = "{_AS.say(language, version=POLICY.version)}"',
            "",
            f"[costs]  # {_COSTS.say(language)}",
            f"parcel = {costs.parcel}",
            f"per_further_kg = {costs.per_further_kg}",
            f"per_1000_km = {costs.per_1000_km}",
            f"split = 0  # {_PARCELS.say(language)}",
            "",
            f"[split]  # {_SPLIT.say(language)}",
            f"parcel_grams = {PARCEL_GRAMS}",
            f"parcel_cm3 = {PARCEL_CM3}",
            "# parcel_pieces = 20",
            f"bonded_fen = {BONDED_FEN}",
            f"# {_CHAIN.say(language)}",
            f"# chain = [{', '.join(names)}]",
            f"# floor_fen = 5000  # {_FLOOR.say(language)}",
            f'# wishes = ["arrival"]  # {_WISHES.say(language)}',
            "",
            "[eliminate]",
            "locations = []",
            "# max_km = 3000",
            "",
            f"# [freight]  # {_FREIGHT.say(language)}",
            '# rates = "2026-12"',
            f"# split = 300  # {_PARCELS.say(language)}",
            "# per_day = 100",
            "",
            f"# [weights]  # {_WEIGHTS.say(language)}",
            "# supply = 300",
            "# markdown = 200",
            "# unfilled = 2000",
        )
    )
