"""Bring locations in from a sheet: all or none, and again without doing anything twice."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints, field_validator
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.address.division import divisions, point_of
from hub.audit import record_all
from hub.catalogue.bring import Brought
from hub.catalogue.model import Storage
from hub.database import rows
from hub.document import PRINTABLE, Code, Document
from hub.inventory.level import follow_authority
from hub.inventory.table import Authority
from hub.language import Words
from hub.roles import Actor, Permission
from hub.settings import Connection
from hub.sheet import Fault, Sheet, doubled, read_sheet, refuse
from hub.sheet_rows import begun_again, write_rows
from hub.sourcing.model import LocationKind

COLUMNS: Final = (
    *("code", "name_zh", "name_en", "connection", "owner", "division", "street", "contact", "phone"),
    *("latitude", "longitude", "storages", "courier", "handling", "active", "kind", "bonded"),
    "authority",
)

POINT: Final = ("latitude", "longitude")

Word = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=PRINTABLE)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=PRINTABLE)]
SIX: Final = Decimal("0.000001")


class Site(Document):
    """A row of a location: `connection` is its warehouse's, `owner` whose goods lie there, as that warehouse names him.

    Without coordinates (WGS 84) it stands in the middle of its division. `handling` is what a parcel costs there, in
    fen; `storages` are the temperatures that it keeps, divided by spaces.
    It is `bonded` where goods under bond lie; who a location of kind supplier sends for is its `owner`. `authority` is
    whose number counts there: its counters follow, but for those that a person has set apart.
    """

    code: Code
    name_zh: Text
    name_en: Text
    connection: Word
    owner: Word
    division: Word
    street: Text
    contact: Text
    phone: Word
    latitude: Annotated[Decimal, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[Decimal, Field(ge=-180, le=180)] | None = None
    storages: tuple[Storage, ...] = (Storage.AMBIENT,)
    courier: Word
    handling: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    active: bool = True
    kind: LocationKind = LocationKind.WAREHOUSE
    bonded: bool = False
    authority: Authority = Authority.HUB

    @field_validator("storages", mode="before")
    @classmethod
    def _read_storages(cls, written: object) -> object:
        return written.split() if isinstance(written, str) else written

    @property
    def record(self) -> dict[str, Any]:
        """Give it as its row has it, by column."""
        values = {name: getattr(self, name) for name in COLUMNS}
        middle = point_of(self.division) if self.latitude is None else None
        latitude = self.latitude if middle is None else Decimal(str(middle.latitude))
        longitude = self.longitude if middle is None else Decimal(str(middle.longitude))
        return values | {
            "kind": str(self.kind),
            "authority": str(self.authority),
            "storages": [str(one) for one in self.storages],
            "latitude": Decimal(latitude or 0).quantize(SIX),
            "longitude": Decimal(longitude or 0).quantize(SIX),
        }


def bring_locations(
    session: Session, actor: Actor, brand: str, written: str, connections: Mapping[str, Connection], at: datetime
) -> Brought:
    """Take the locations of a sheet over into a brand; what it does not name stays as it is.

    That is locations without a row, and of locations that are there the columns that the sheet does not have.

    Raises: Unauthorised; Malformed naming every row that cannot be taken, and then none is.
    """
    actor.require(Permission.CONFIGURE)
    actor.require_scope(brand, "")
    sheet = read_sheet(written, Site)
    return begun_again(session, lambda: _bring(session, actor, brand, sheet, connections, at))


def _bring(
    session: Session,
    actor: Actor,
    brand: str,
    sheet: Sheet[Site],
    connections: Mapping[str, Connection],
    at: datetime,
) -> Brought:
    """Judge the rows by what is there, lock that, and write; if it has changed meanwhile they are judged again."""
    codes = [one.row.code for one in sheet.lines]
    known = _known(session, codes)
    sites = _judged(brand, sheet, known, connections)
    if (now := _known(session, codes, lock=True)) != known:
        known, sites = now, _judged(brand, sheet, now, connections)
    new = [code for code in sites if code not in known]
    changed = [code for code, one in sites.items() if code in known and _is_other(one, known[code])]
    write_rows(session, "location", brand, [sites[code] for code in new], [sites[code] for code in changed], at)
    turned = {code: (str(known[code].authority), str(sites[code]["authority"])) for code in changed}
    if turned := {code: (was, now) for code, (was, now) in turned.items() if was != now}:
        follow_authority(session, turned, at)
    for act, some in (("location.add", new), ("location.change", changed)):
        record_all(session, at, actor.name, act, [(f"location:{code}", {"brand": brand}) for code in some])
    return Brought(added=len(new), changed=len(changed), same=len(sites) - len(new) - len(changed))


def _judged(
    brand: str, sheet: Sheet[Site], known: Mapping[str, Row[Any]], connections: Mapping[str, Connection]
) -> Mapping[str, Mapping[str, Any]]:
    """Give each row by its code, as its location is to be.

    Raises: Malformed naming every row that cannot be taken.
    """
    places = [_completed(sheet, one.row, brand, known.get(one.row.code)) for one in sheet.lines]
    faults = [*sheet.faults, *doubled(sheet.lines, [one.code for one in places])]
    for line, one in zip(sheet.lines, places, strict=True):
        there = known.get(one.code)
        wrong = _wrong(one, brand, there, connections) + _nowhere(one, brand, there, sheet.columns)
        faults += [Fault(line.no, why) for why in wrong]
    refuse(faults)
    return {one.code: one.record for one in places}


def _known(session: Session, codes: Sequence[str], *, lock: bool = False) -> Mapping[str, Row[Any]]:
    statement = f"""select brand, {", ".join(COLUMNS)}, exists (
                        select from stock_level l where (l.location, l.owner) = (location.code, location.owner)
                            and (l.on_hand, l.allocated, l.soft) <> (0, 0, 0)) as stocked
                    from location where code = any(:codes) order by code {"for no key update" if lock else ""}"""
    return {one.code: one for one in rows(session, statement, codes=sorted(codes))}


def _completed(sheet: Sheet[Site], one: Site, brand: str, there: Row[Any] | None) -> Site:
    if there is None or there.brand != brand:
        return one
    was = {name: getattr(there, name) for name in COLUMNS}
    return sheet.over(
        one,
        was
        | {
            "kind": LocationKind(there.kind),
            "storages": tuple(Storage(name) for name in there.storages),
            "authority": Authority(there.authority),
        },
    )


def _wrong(one: Site, brand: str, there: Row[Any] | None, connections: Mapping[str, Connection]) -> list[Words]:
    """Say what keeps a row out: another brand's code, no such warehouse, an owner whose stock lies there."""
    wrong: list[Words] = []
    if there is not None and there.brand != brand:
        wrong.append(Words(f"{one.code} 属于其他品牌", f"{one.code} is another brand's"))
    elif there is not None and there.owner != one.owner and there.stocked:
        wrong.append(
            Words(f"{there.owner} 在此尚有库存，货主不能更改", f"goods of {there.owner} lie there: the owner stays")
        )
    behind = connections.get(one.connection)
    if behind is None or behind.brand != brand or not behind.kind.startswith("warehouses."):
        wrong.append(
            Words(
                f"{brand} 没有仓库连接 {one.connection}", f"{brand} has no connection {one.connection} to a warehouse"
            )
        )
    return wrong


def _nowhere(one: Site, brand: str, there: Row[Any] | None, columns: Collection[str]) -> list[Words]:
    """Say what is wrong with where a location lies and what it keeps."""
    wrong: list[Words] = []
    if one.division not in divisions():
        wrong.append(Words(f"没有区划代码 {one.division}", f"no division has the code {one.division}"))
    elif there and there.brand == brand and there.division != one.division and not {*POINT} <= {*columns}:
        zh = "区划已变：请加上 latitude 与 longitude 列（留空则取区划中心）"
        wrong.append(Words(zh, "it moves: add the columns latitude and longitude (empty: the middle of its division)"))
    if (one.latitude is None) != (one.longitude is None):
        wrong.append(Words("经纬度须同时给出或都不给", "give both coordinates or none"))
    if Storage.NONE in one.storages:
        wrong.append(Words("仓库不存放虚拟商品", "no place keeps virtual goods"))
    return wrong


def _is_other(one: Mapping[str, Any], there: Row[Any]) -> bool:
    return any(one[name] != getattr(there, name) for name in COLUMNS)
