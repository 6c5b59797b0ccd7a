"""Stock as people look at it: counters a page at a time, and one of them.

Stock is of a brand and of no shop: who may work on one shop alone sees the stock of its brand and changes none.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from hub.database import records, rows
from hub.document import Document
from hub.errors import NotFound
from hub.inventory.condition import Condition
from hub.inventory.free import levels_of, read_free, read_unpromised
from hub.inventory.ledger import StockKey
from hub.inventory.lot import Unsold, unsold_of
from hub.roles import Actor
from hub.settings import Connection

LOOKED: Final = 20_000
"""How many counters one page is looked for in: a rare state is not searched for in all of them at once."""

FOUND_SKUS: Final = 200
"""How many SKUs of a code or title are listed: who wants others names more of it."""

NOTHING: Final = ("", "", "", "")
"""Before the first counter."""

SOLD: Final = f"""(l.condition = '{Condition.SALEABLE}' and exists (
    select 1 from location place where (place.code, place.owner) = (l.location, l.owner) and place.active))"""

SHOWS: Final[Mapping[str, str]] = {
    "below": f"free.unpromised < l.safety and {SOLD}",
    "out": "free.unpromised <= 0",
    "short": "l.short > 0",
    "held": "l.soft > 0",
}
"""What a list is narrowed to: under its safety stock, nothing free, a count found too little, held for carts."""

UNPROMISED: Final = f"""
    join (select level.location, level.sku, level.owner, level.condition, own.unpromised
          from {levels_of("array(select sku from looked)")}
          where level.sku = any(array(select sku from looked))) free using (location, sku, owner, condition)"""

LEVEL: Final = """l.brand, l.location, l.sku, l.owner, l.condition, l.on_hand, l.allocated, l.soft, l.safety,
    l.incoming, l.backorder_limit, l.short, l.authority, l.updated_at"""
NAMED: Final = """(cast(:seen as text[]) is null or brand = any(:seen))
    and (strpos(lower(code), lower(:find)) > 0 or strpos(lower(title), lower(:find)) > 0)"""
SEEN: Final = "(cast(:seen as text[]) is null or l.brand = any(:seen))"
SAME: Final = "(l.location, l.sku, l.owner, l.condition) = (:location, :sku, :owner, :condition)"


class LevelView(Document):
    """One counter: a SKU of an owner, in a condition, at a location.

    `blocked` pieces are not to be sold and `expired` ones too old to be; of the rest nobody has been promised `free`,
    below nothing where more is promised than is good; shops together may promise `promised` of it, before their quotas.
    `unsold` says why none is sold: its location is `closed`, the goods `damaged`, or `foreign`: not of its own owner.
    The location is of a `kind`, and perhaps `bonded`.
    These are of a day, and `as_of` tells them: no counter says how it stands before.
    """

    brand: str
    location: str
    sku: str
    title: str
    owner: str
    condition: str
    on_hand: int
    allocated: int
    soft: int
    safety: int
    incoming: int
    backorder_limit: int
    short: int
    authority: str
    updated_at: datetime
    blocked: int = 0
    expired: int = 0
    free: int = 0
    promised: int = 0
    unsold: str = ""
    kind: str = ""
    bonded: bool = False

    @property
    def key(self) -> StockKey:
        return StockKey(self.location, self.sku, self.owner, self.condition)

    @property
    def state(self) -> str:
        """How it stands: short, out, not sold for a reason, below its safety stock, or good."""
        if self.short:
            return "short"
        if self.free <= 0:
            return "out"
        if self.unsold:
            return self.unsold
        return "below" if self.free < self.safety else "good"


class Wanted(Document):
    """Which counters to list; what is empty does not matter. `find` is a part of a SKU's code or title."""

    find: str = ""
    location: str = ""
    brand: str = ""
    show: str = ""


class LevelPage(Document):
    """Counters in the order of SKU and location; `next` is the cursor of the following page, empty at the end.

    `looked_at` says how many were looked at when a page stays short although more may follow, `of_skus` how many SKUs
    are listed where more are of the code or title that was asked for.
    """

    levels: tuple[LevelView, ...]
    next: str
    looked_at: int | None = None
    of_skus: int | None = None


def brands_seen(actor: Actor, configured: Mapping[str, Connection]) -> list[str] | None:
    """Name the brands whose stock an actor may see, a shop's own brand among them; None is all."""
    if actor.brands:
        return sorted(actor.brands)
    if actor.shops:
        return sorted({one.brand for one in configured.values() if one.shop in actor.shops})
    return None


def list_levels(
    session: Session, seen: Collection[str] | None, wanted: Wanted, at: datetime, *, after: str = "", limit: int = 50
) -> LevelPage:
    """Give a page of counters as of a moment in the business zone; `after` is the cursor that the page before gave."""
    shown = SHOWS.get(wanted.show, "true")
    found = records(
        session,
        f"""with named as (
                select code from sku where {NAMED} order by lower(code) <> lower(:find), code limit :skus),
            looked as (
                select {LEVEL} from stock_level l
                where (l.sku, l.location, l.owner, l.condition) > (:sku, :location_after, :owner, :condition)
                  and (:find = '' or l.sku in (select code from named))
                  and (:location = '' or l.location = :location) and (:brand = '' or l.brand = :brand) and {SEEN}
                order by l.sku, l.location, l.owner, l.condition limit :look)
            (select {LEVEL}, sku.title, true as wanted from looked l join sku on sku.code = l.sku
             {UNPROMISED if "unpromised" in shown else ""} where {shown}
             order by l.sku, l.location, l.owner, l.condition limit :limit)
            union all
            (select {LEVEL}, '' as title, false as wanted from looked l offset :look - 1)""",
        **{**wanted.model_dump(exclude={"show"}), "find": wanted.find.strip()},
        **dict(zip(("sku", "location_after", "owner", "condition"), _read_cursor(after), strict=True)),
        seen=None if seen is None else sorted(seen),
        skus=FOUND_SKUS,
        look=LOOKED,
        limit=limit + 1,
        today=at.date(),
    )
    levels = [LevelView.model_validate(one) for one in found if one.pop("wanted")]
    of_skus = FOUND_SKUS if wanted.find.strip() and _many(session, seen, wanted) else None
    if len(levels) > limit:
        told = as_of(session, levels[:limit], at)
        return LevelPage(levels=told, next=_cursor(levels[limit - 1]), of_skus=of_skus)
    last = [LevelView.model_validate(one) for one in found[len(levels) :]]
    cursor, looked_at = (_cursor(last[0]), LOOKED) if last else ("", None)
    return LevelPage(levels=as_of(session, levels, at), next=cursor, looked_at=looked_at, of_skus=of_skus)


def _many(session: Session, seen: Collection[str] | None, wanted: Wanted) -> bool:
    """Say whether more SKUs are of a code or title than are listed."""
    values = {"seen": None if seen is None else sorted(seen), "find": wanted.find.strip()}
    return bool(rows(session, f"select 1 from sku where {NAMED} offset :skus limit 1", skus=FOUND_SKUS, **values))


def get_level(session: Session, seen: Collection[str] | None, key: StockKey) -> LevelView:
    """Give one counter.

    Raises: NotFound, also for one of another brand.
    """
    found = records(
        session,
        f"select {LEVEL}, sku.title from stock_level l join sku on sku.code = l.sku where {SAME} and {SEEN}",
        **key._asdict(),
        seen=None if seen is None else sorted(seen),
    )
    if not found:
        raise NotFound(f"there is no stock of {key.sku} at {key.location}", code="unknown_level")
    return LevelView.model_validate(found[0])


def as_of(session: Session, levels: Sequence[LevelView], at: datetime) -> tuple[LevelView, ...]:
    """Give counters with what of them is not sold and what may be promised; `at` is in the business zone."""
    unsold = unsold_of(session, [one.key for one in levels], at)
    skus = {one.sku for one in levels}
    promised = {one.key: max(0, one.promised) for one in read_free(session, skus, at.date())}
    free = read_unpromised(session, skus, at.date())
    places = _places(session, {one.location for one in levels})
    told = {
        one.key: {"unsold": _why_unsold(one.key, place := places[one.location]), "kind": place.kind}
        | {"bonded": place.bonded}
        | {"free": free.get(one.key, 0), "promised": promised.get(one.key, 0)}
        | unsold.get(one.key, Unsold(0, 0))._asdict()
        for one in levels
    }
    return tuple(one.model_copy(update=told[one.key]) for one in levels)


class _Place(NamedTuple):
    """What a location says of its goods."""

    owner: str
    active: bool
    kind: str
    bonded: bool


def _places(session: Session, codes: Collection[str]) -> Mapping[str, _Place]:
    statement = "select code, owner, active, kind, bonded from location where code = any(:codes)"
    return {code: _Place(*rest) for code, *rest in rows(session, statement, codes=sorted(codes))}


def _why_unsold(key: StockKey, place: _Place) -> str:
    if not place.active:
        return "closed"
    if key.condition != Condition.SALEABLE:
        return "damaged"
    return "foreign" if key.owner != place.owner else ""


def get_place(session: Session, location: str) -> tuple[str, str]:
    """Give the brand of a location, and whose goods lie there when nothing else is said.

    Raises: NotFound when there is no such location.
    """
    found = rows(session, "select brand, owner from location where code = :code", code=location)
    if not found:
        raise NotFound(f"there is no location {location}", code="unknown_location", field="location")
    return str(found[0].brand), str(found[0].owner)


def places_of(session: Session, seen: Collection[str] | None) -> tuple[list[str], list[str]]:
    """Name the locations and the brands that one may choose from."""
    found = rows(
        session,
        f"select l.code, l.brand from location l where {SEEN} order by 1",
        seen=None if seen is None else sorted(seen),
    )
    return [one.code for one in found], sorted({one.brand for one in found})


def _cursor(level: LevelView) -> str:
    return f"{level.sku}\n{level.location}\n{level.owner}\n{level.condition}"


def _read_cursor(after: str) -> Sequence[str]:
    """Read where a page begins; what was never given begins at the first counter."""
    parts = after.split("\n")
    return parts if len(parts) == len(NOTHING) else NOTHING
