"""Bring goods and bundles in from a sheet: all or none, and again without doing anything twice."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final, NamedTuple

from pydantic import Field, StringConstraints, field_validator
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.audit import record_all
from hub.catalogue.describe import check_traits
from hub.catalogue.model import HAZARD, Storage, Traits
from hub.database import copy, rows, run
from hub.document import PRINTABLE, Code, Document
from hub.errors import Malformed
from hub.language import Words
from hub.roles import Actor, Permission
from hub.sheet import Fault, Sheet, doubled, read_sheet, refuse
from hub.sheet_rows import begun_again, write_rows

COLUMNS: Final = (
    *("code", "title", "storage", "grams", "bundle", "hazard", "oversize", "cm3", "supplier", "bonded"),
    "available_from",
)

PartsOf = Mapping[str, Counter[tuple[str, int, int]]]
"""What is in each of some bundles: SKU, pieces and weight."""


class There(NamedTuple):
    """What is there of the codes that a sheet names, and the parts of bundles among that."""

    known: Mapping[str, Row[Any]]
    parts: PartsOf


Parts = tuple[tuple[Code, Annotated[int, Field(ge=1, le=10_000)], Annotated[int, Field(ge=0, le=10**9)]], ...]


class Goods(Document):
    """A row of goods; with `parts` it is a bundle of them: `apple=2 pear=1`, or `apple=2@30 pear=1@70` by weight.

    The weight shares a bundle's price over its parts. `grams` are those of one piece, packed; a bundle has its parts'.
    """

    code: Code
    title: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=PRINTABLE)]
    storage: Storage = Storage.AMBIENT
    grams: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    hazard: Annotated[str, StringConstraints(pattern=HAZARD)] = ""
    oversize: bool = False
    cm3: int = 0
    supplier: Annotated[str, StringConstraints(max_length=64, pattern=PRINTABLE)] = ""
    bonded: bool = False
    available_from: date | None = None
    parts: Parts = ()

    @field_validator("parts", mode="before")
    @classmethod
    def _read_parts(cls, written: object) -> object:
        if not isinstance(written, str):
            return written
        found: list[tuple[str, str, str]] = []
        for part in written.split():
            code, _, rest = part.rpartition("=")
            pieces, at, weight = rest.partition("@")
            found.append((code, pieces, weight if at else "1"))
        return found

    @property
    def traits(self) -> Traits:
        return Traits(**{name: getattr(self, name) for name in Traits.__struct_fields__})

    @property
    def record(self) -> tuple[object, ...]:
        """Give it as its row has it, in the order of COLUMNS."""
        return tuple(bool(self.parts) if name == "bundle" else getattr(self, name) for name in COLUMNS)


class Brought(Document):
    """How many of a sheet's things were new, how many were changed, and how many are as they were."""

    added: int
    changed: int
    same: int


def bring_goods(session: Session, actor: Actor, brand: str, written: str, at: datetime) -> Brought:
    """Take the goods and bundles of a sheet over into a brand's catalogue; what it does not name stays as it is.

    That is goods without a row, and of goods that are there the columns that the sheet does not have.

    Raises: Unauthorised; Malformed naming every row that cannot be taken, and then none is.
    """
    actor.require(Permission.CONFIGURE)
    actor.require_scope(brand, "")
    sheet = read_sheet(written, Goods)
    return begun_again(session, lambda: _bring(session, actor, brand, sheet, at))


def _bring(session: Session, actor: Actor, brand: str, sheet: Sheet[Goods], at: datetime) -> Brought:
    """Judge the rows by what is there, lock that, and write; if it has changed meanwhile they are judged again."""
    codes = {code for one in sheet.lines for code in (one.row.code, *_part_codes(one.row))}
    there = _there(session, codes)
    goods = _judged(brand, sheet, there)
    if (now := _there(session, codes, lock=True)) != there:
        there, goods = now, _judged(brand, sheet, now)
    known, parts = there
    new = [one for one in goods if one.code not in known]
    changed = [one for one in goods if one.code in known and _is_other(one, known[one.code], parts)]
    _write(session, brand, new, changed, at)
    for act, some in (("sku.add", new), ("sku.change", changed)):
        record_all(session, at, actor.name, act, [(f"sku:{one.code}", {"brand": brand}) for one in some])
    return Brought(added=len(new), changed=len(changed), same=len(goods) - len(new) - len(changed))


def _judged(brand: str, sheet: Sheet[Goods], there: There) -> list[Goods]:
    """Give the goods of a sheet as they are to be.

    Raises: Malformed naming every row that cannot be taken.
    """
    known, parts = there
    goods = [_completed(sheet, one.row, brand, known, parts) for one in sheet.lines]
    bundles = {one.code: bool(one.parts) for one in goods}
    faults = [*sheet.faults, *doubled(sheet.lines, [one.code for one in goods])]
    for line, one in zip(sheet.lines, goods, strict=True):
        wrong = _wrong(one, brand, known.get(one.code)) + _wrong_parts(line.row, brand, known, bundles)
        faults += [Fault(line.no, why) for why in wrong]
    refuse(faults)
    return goods


def _there(session: Session, codes: set[str], *, lock: bool = False) -> There:
    """Give the goods that there are by code, and the parts of bundles among them."""
    statement = f"select brand, {', '.join(COLUMNS)} from sku where code = any(:codes) order by code"
    found = rows(session, f"{statement} for no key update" if lock else statement, codes=sorted(codes))
    known = {one.code: one for one in found}
    return There(known, _parts(session, [code for code, one in known.items() if one.bundle]))


def _completed(
    sheet: Sheet[Goods],
    one: Goods,
    brand: str,
    known: Mapping[str, Row[Any]],
    parts: PartsOf,
) -> Goods:
    there = known.get(one.code)
    if there is None or there.brand != brand:
        return one
    was = {name: getattr(there, name) for name in COLUMNS if name != "bundle"}
    return sheet.over(one, was | {"storage": Storage(there.storage), "parts": tuple(parts.get(one.code, ()))})


def _wrong(one: Goods, brand: str, there: Row[Any] | None) -> list[Words]:
    """Say what keeps a row from being taken: another brand's code, goods that would become a bundle, no such way."""
    if there is not None and there.brand != brand:
        return [Words(f"{one.code} 属于其他品牌", f"{one.code} is another brand's")]
    if there is not None and there.bundle != bool(one.parts):
        kind = Words("组合商品", "a bundle") if there.bundle else Words("单品", "no bundle")
        return [Words(f"{one.code} 已是{kind.zh}，不能更改", f"{one.code} is {kind.en}, which it stays")]
    try:
        check_traits(one.storage, one.traits, bundle=bool(one.parts))
    except Malformed as error:
        return [Words(error.say("zh"), error.say("en"))]
    if not one.parts and one.storage is not Storage.NONE and not one.grams:
        return [Words("请填写单件重量（grams）", "say what one piece weighs (grams)")]
    return []


def _wrong_parts(one: Goods, brand: str, known: Mapping[str, Row[Any]], bundles: Mapping[str, bool]) -> list[Words]:
    """Say which parts a row may not name; `bundles` says of each code of the sheet whether it is one."""
    wrong: list[Words] = []
    codes = _part_codes(one)
    if len({*codes}) < len(codes):
        wrong.append(Words("同一组成商品出现两次", "a part is named twice"))
    for part in codes:
        of = known.get(part)
        if part not in bundles and (of is None or of.brand != brand):
            wrong.append(Words(f"没有组成商品 {part}", f"there is no {part} to be a part"))
        elif bundles.get(part, of is not None and of.bundle):
            wrong.append(Words(f"组成商品 {part} 本身是组合商品", f"its part {part} is a bundle itself"))
    return wrong


def _part_codes(one: Goods) -> list[str]:
    return [code for code, _, _ in one.parts]


def _parts(session: Session, bundles: Sequence[str]) -> PartsOf:
    found: dict[str, Counter[tuple[str, int, int]]] = {}
    statement = "select bundle, sku, quantity, weight from bundle_part where bundle = any(:bundles)"
    for one in rows(session, statement, bundles=list(bundles)):
        found.setdefault(one.bundle, Counter())[one.sku, one.quantity, one.weight] += 1
    return found


def _is_other(one: Goods, there: Row[Any], parts: PartsOf) -> bool:
    was = tuple(getattr(there, name) for name in COLUMNS)
    return one.record != was or Counter(one.parts) != parts.get(one.code, Counter())


def _write(session: Session, brand: str, new: Sequence[Goods], changed: Sequence[Goods], at: datetime) -> None:
    added, others = ([dict(zip(COLUMNS, one.record, strict=True)) for one in some] for some in (new, changed))
    write_rows(session, "sku", brand, added, others, at)
    bundles = [one for one in (*new, *changed) if one.parts]
    run(session, "delete from bundle_part where bundle = any(:bundles)", bundles=[one.code for one in bundles])
    copy(
        session,
        "bundle_part",
        ("bundle", "sku", "quantity", "weight"),
        [(one.code, *part) for one in bundles for part in one.parts],
    )
