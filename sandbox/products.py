"""The products of the baskets as a catalogue: titles, weights and how they must be stored."""

import re
from functools import cache
from math import gcd
from typing import Final, Literal, TypedDict, cast

from sandbox.grocery import Row, read_rows

Storage = Literal["frozen", "chilled", "ambient"]

COLUMNS: Final = ("product_id", "department", "product_category", "product_type", "package_size")
# Departments whose "products" nobody can send: services, fuel, coupons, deposits, the store's own supplies.
NOT_GOODS: Final = frozenset(
    {
        "",
        "CHARITABLE CONT",
        "CNTRL/STORE SUP",
        "COUPON",
        "FUEL",
        "GM MERCH EXP",
        "MISCELLANEOUS",
        "PHOTO & VIDEO",
        "POSTAL CENTER",
        "PROD-WHS SALES",
        "TRAVEL & LEISURE",
    }
)
_FROZEN = re.compile(r"FRZN|FROZEN|ICE CREAM")
_CHILLED_DEPARTMENTS: Final = frozenset(
    {"CHEF SHOPPE", "DELI", "MEAT", "MEAT-PCKGD", "PRODUCE", "RESTAURANT", "SALAD BAR", "SEAFOOD", "SEAFOOD-PCKGD"}
)
# Dairy is no department of its own in these data but a group of categories under GROCERY.
_CHILLED = re.compile(r"FLUID MILK|MILK BY-PROD|DAIRY|CHEESE|YOGURT|BUTTER|MARGARINE|EGGS|REFRGRATD|REFRIGERATED")
_NOT_CHILLED = re.compile(r"PNT BTR|NON-DAIRY BEVERAGES|NDAIRY")

_DEFAULT_GRAMS: Final = {
    "COSMETICS": 80,
    "DELI": 300,
    "DRUG GM": 250,
    "FLORAL": 600,
    "GARDEN CENTER": 1_500,
    "MEAT": 700,
    "NUTRITION": 300,
    "PRODUCE": 500,
    "SPIRITS": 1_300,
}
_OTHER_GRAMS: Final = 400
_HEAVIEST_GRAMS: Final = 25_000
# Fresh goods in bulk carry the crate's size, and nobody puts a crate of onions in a basket.
_HEAVIEST_PRODUCE_GRAMS: Final = 5_000

# Fluid measures count as water.
_GRAMS: Final = {
    "OZ": 28.35,
    "LB": 453.6,
    "G": 1.0,
    "GM": 1.0,
    "KG": 1_000.0,
    "ML": 1.0,
    "L": 1_000.0,
    "LTR": 1_000.0,
    "GA": 3_785.0,
    "GAL": 3_785.0,
    "QT": 946.0,
    "PT": 473.0,
}
_NUMBER = r"\d*\.?\d+"
_SIZE: Final = re.compile(
    rf"(?:(?P<packs>{_NUMBER})\s*(?:PK|CT|P)?\s*[/-]\s*)?"
    rf"(?P<amount>{_NUMBER})\s*(?:FL\s+)?(?P<unit>{'|'.join(sorted(_GRAMS, key=len, reverse=True))})\b"
    rf"(?:\s*/\s*(?P<packs_after>\d+)\s*(?:PK|CT)\b)?"
)
_MIXED: Final = re.compile(r"\b(?:(?P<whole>\d+)\s+)?(?P<over>\d+)/(?P<under>[2348])(?=\s*(?:OZ|LB|GAL|L)\b)")


class Product(TypedDict):
    """One line of the catalogue."""

    sku: str
    title: str
    department: str
    category: str
    grams: int
    storage: Storage


@cache
def products() -> dict[int, Product]:
    """Everything that can be sent, by product id."""
    rows = read_rows("products", COLUMNS)
    return {cast("int", row["product_id"]): _product(row) for row in rows if _text(row, "department") not in NOT_GOODS}


def _product(row: Row) -> Product:
    department, category = _text(row, "department"), _text(row, "product_category")
    size = _text(row, "package_size")
    kind = _text(row, "product_type") or category or department
    return {
        "sku": f"P{row['product_id']}",
        "title": f"{kind} {size}".strip().title(),
        "department": department,
        "category": category,
        "grams": grams(size, department),
        "storage": storage(department, category),
    }


def storage(department: str, category: str) -> Storage:
    """Frozen, chilled or ambient, by the names of department and category."""
    if _FROZEN.search(department) or _FROZEN.search(category):
        return "frozen"
    if department in _CHILLED_DEPARTMENTS:
        return "chilled"
    return "chilled" if _CHILLED.search(category) and not _NOT_CHILLED.search(category) else "ambient"


def grams(package_size: str, department: str) -> int:
    """The weight of one piece, from a size such as "16 OZ", "10 1/2 OZ" or "12 PK/12 OZ", else what is usual."""
    found = _SIZE.search(_MIXED.sub(_decimal, package_size))
    if found is not None:
        packs = float(found["packs"] or 1) * int(found["packs_after"] or 1)
        weight = round(packs * float(found["amount"]) * _GRAMS[found["unit"]])
        if 0 < weight <= (_HEAVIEST_PRODUCE_GRAMS if department == "PRODUCE" else _HEAVIEST_GRAMS):
            return weight
    return _DEFAULT_GRAMS.get(department, _OTHER_GRAMS)


def _decimal(fraction: re.Match[str]) -> str:
    over, under = int(fraction["over"]), int(fraction["under"])
    if over >= under or gcd(over, under) > 1:  # "12/8 OZ" is twelve of eight ounces, "6/8 OZ" six of them
        return fraction[0]
    return str(int(fraction["whole"] or 0) + over / under)


def _text(row: Row, column: str) -> str:
    value = row[column]
    return " ".join(str(value).split()) if value is not None else ""
