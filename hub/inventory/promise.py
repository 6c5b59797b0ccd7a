"""What a shop may promise (ATP): what can be sold less what is kept back, by SKU, for one shop.

What can be sold where is told by `read_free`; safety stock is kept back from it. Pieces that other shops have for
themselves are taken off what all share; a shop's own quota comes last. A bundle's is that of its scarcest part. Not
every location sends everywhere: what is promised to an address is no more than what lies at those that could send
there, which hub/order/place/senders.py names. Of goods that are still to come and have a pre-sale limit, what the limit
leaves is promised, wherever they will arrive.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from hub.catalogue.find import find_products
from hub.catalogue.model import Product
from hub.document import Document
from hub.inventory.free import Free, read_free
from hub.inventory.presale import left_to_presell
from hub.inventory.quota import HUNDRED, Quota, list_quotas
from hub.inventory.reservation_table import EVERYWHERE, QuotaMode

PLENTY: Final = 1_000_000
"""What is promised of virtual goods: nothing is sent, so no shelf limits them, and quotas alone do."""


class Promise(Document):
    """What a shop may promise of a SKU: `free` in all; `shared` is what nobody has for themselves.

    `by_location` is before quotas that are of all locations together. `backorder` of `free` are not there yet;
    `incoming` is on its way and not promised. `presale` is what a pre-sale limit leaves of goods that are to come, and
    all that is promised of those.
    """

    sku: str
    free: int
    shared: int
    quota: str = ""
    by_location: Mapping[str, int]
    backorder: int = 0
    incoming: int = 0
    presale: int | None = None
    bundle: bool = False


class Shelf(NamedTuple):
    """What of a SKU may be promised where, before quotas, and how much of that is not there yet."""

    by_location: Mapping[str, int]
    backorders: Mapping[str, int]
    incoming: int


EMPTY = Shelf({}, {}, 0)


def promise(
    session: Session,
    brand: str,
    shop: str,
    skus: Collection[str],
    at: datetime,
    *,
    senders: AbstractSet[str] | None = None,
) -> Mapping[str, Promise]:
    """Give what a shop ("" is nobody's quota) may promise of SKUs now; unknown SKUs are left out.

    With `senders`, what it may promise of these locations alone. `at` is in the business zone, whose day it is that
    lots expire by.
    """
    known = find_products(session, skus)
    products = {sku: one for sku, one in known.items() if sku in skus}
    single = {part.sku for one in products.values() for part in one.parts} | {
        sku for sku, one in products.items() if not one.parts
    }
    found = sorted(read_free(session, single, at.date(), brand=brand))
    quotas = list_quotas(session, {*single, *products})
    coming = left_to_presell(session, known.values(), shop, at.date())
    virtual = {sku for sku, one in known.items() if one.virtual}
    everywhere = _promises(products, single, found, quotas, shop, coming, virtual)
    if senders is None:
        return everywhere
    of_places = [one for one in quotas if one.location != EVERYWHERE]
    near = [one for one in found if one.location in senders]
    there = _promises(products, single, near, of_places, shop, coming, virtual)
    return {sku: _at_most(one, everywhere[sku]) for sku, one in there.items()}


def _promises(
    products: Mapping[str, Product],
    single: Collection[str],
    found: Sequence[Free],
    quotas: Sequence[Quota],
    shop: str,
    coming: Mapping[str, int],
    virtual: Collection[str],
) -> Mapping[str, Promise]:
    grouped: defaultdict[str, list[Free]] = defaultdict(list)
    for one in found:
        grouped[one.sku].append(one)
    shelves = {sku: _shelf(of_sku) for sku, of_sku in grouped.items()}
    limits = by_sku(quotas)
    alone = {sku: promise_of(sku, shelves.get(sku, EMPTY), limits.get(sku, ()), shop) for sku in single}
    for sku in alone.keys() & {*coming, *virtual}:
        one = to_come(alone[sku], coming.get(sku, PLENTY), limits.get(sku, ()), shop)
        alone[sku] = one if sku in coming else one.model_copy(update={"presale": None})
    return {
        sku: bundle_of(one, alone, limits.get(sku, ()), shop, virtual) if one.parts else alone[sku]
        for sku, one in products.items()
    }


def _at_most(there: Promise, everywhere: Promise) -> Promise:
    """Limit what some locations have to what is promised of all: pieces set apart everywhere may be other places'."""
    free = min(there.free, everywhere.free)
    limits = {"shared": min(there.shared, everywhere.shared), "backorder": max(0, free - there.free + there.backorder)}
    return there.model_copy(update={"free": free, "quota": everywhere.quota, **limits})


def _shelf(places: Sequence[Free]) -> Shelf:
    by_location = {one.location: max(0, one.promised) for one in places}
    backorders = {one.location: min(one.backorder_limit, max(0, one.promised)) for one in places}
    return Shelf(by_location, backorders, sum(one.incoming for one in places))


def promise_of(sku: str, shelf: Shelf, quotas: Sequence[Quota], shop: str) -> Promise:
    """Apply quotas to what lies on the shelves: first those of one location, there, then those of all together."""
    places = {
        place: _at_place(free, [one for one in quotas if one.location == place], shop)
        for place, free in shelf.by_location.items()
    }
    overall = [one for one in quotas if one.location == EVERYWHERE]
    free, shared = sum(one for one, _ in places.values()), sum(one for _, one in places.values())
    there = sum(min(one, _there(place, shelf, quotas, shop)) for place, (one, _) in places.items())
    there -= _apart(overall, shop)
    free, shared, named = _of_all(free, shared, overall, shop)
    return Promise(
        sku=sku,
        free=free,
        shared=shared,
        quota=named or next((one.mode for one in quotas if one.shop == shop and one.location in places), ""),
        by_location={place: one for place, (one, _) in places.items()},
        backorder=max(0, free - max(0, there)),
        incoming=shelf.incoming,
    )


def _there(place: str, shelf: Shelf, quotas: Sequence[Quota], shop: str) -> int:
    """Give how many pieces are there for a shop: those that others have for themselves are the first of them."""
    there = shelf.by_location[place] - shelf.backorders.get(place, 0)
    return max(0, there - _apart([one for one in quotas if one.location == place], shop))


def to_come(one: Promise, left: int, quotas: Sequence[Quota], shop: str) -> Promise:
    """Promise what a pre-sale limit leaves, less what quotas of all places together let others have."""
    free, shared, named = _of_all(left, left, [one for one in quotas if one.location == EVERYWHERE], shop)
    return Promise(
        sku=one.sku, free=free, shared=shared, quota=named, by_location={}, incoming=one.incoming, presale=free
    )


def _of_all(free: int, shared: int, quotas: Sequence[Quota], shop: str) -> tuple[int, int, str]:
    """Give what a shop may promise by its quotas of all places together, what all share, and the last quota's mode."""
    shared = max(0, shared - _apart(quotas, ""))
    free, named = limited(max(0, free - _apart(quotas, shop)), shared, [one for one in quotas if one.shop == shop])
    return free, shared, named


def _at_place(free: int, quotas: Sequence[Quota], shop: str) -> tuple[int, int]:
    """Give what a shop may promise of one location by the quotas of that location, and what all share there."""
    shared = max(0, free - _apart(quotas, ""))
    return limited(max(0, free - _apart(quotas, shop)), shared, [one for one in quotas if one.shop == shop])[0], shared


def _apart(quotas: Sequence[Quota], shop: str) -> int:
    """Add up the unsold pieces that other shops than this have for themselves."""
    return sum(one.left for one in quotas if one.mode is QuotaMode.EXCLUSIVE and one.shop != shop)


def limited(free: int, shared: int, own: Sequence[Quota]) -> tuple[int, str]:
    """Apply a shop's own quotas to what is free for it (its exclusive pieces included), and name the mode of the last.

    Exclusive pieces come on top of what is shared, so they limit nothing; a percentage is of what is shared.
    """
    named = ""
    for one in own:
        named = one.mode
        if one.mode is QuotaMode.PERCENTAGE:
            free = min(free, shared * one.amount // HUNDRED)
        elif one.mode is QuotaMode.CAP:
            free = min(free, one.left)
    return free, named


def bundle_of(
    product: Product, alone: Mapping[str, Promise], quotas: Sequence[Quota], shop: str, virtual: Collection[str] = ()
) -> Promise:
    """Count a bundle by its parts: a parcel of it may come from several places, as routing lets it.

    Those of its parts that are virtual lie nowhere.
    """
    parts = [(alone[part.sku], part.quantity) for part in product.parts]
    shelved = [(one, each) for one, each in parts if one.sku not in virtual] or parts
    free = min(one.free // each for one, each in parts)
    shared = min(one.shared // each for one, each in parts)
    places = [place for place in shelved[0][0].by_location if all(place in one.by_location for one, _ in shelved)]
    own = [one for one in quotas if one.shop == shop]
    free, named = limited(max(0, free - _apart(quotas, shop)), max(0, shared - _apart(quotas, "")), own)
    return Promise(
        sku=product.sku,
        free=free,
        shared=shared,
        quota=named,
        by_location={place: min(one.by_location[place] // each for one, each in shelved) for place in places},
        backorder=max(0, free - min((one.free - one.backorder) // each for one, each in parts)),
        incoming=min(one.incoming // each for one, each in shelved),
        bundle=True,
    )


def by_sku(quotas: Sequence[Quota]) -> Mapping[str, Sequence[Quota]]:
    grouped: defaultdict[str, list[Quota]] = defaultdict(list)
    for one in quotas:
        grouped[one.sku].append(one)
    return grouped
