"""What each shop may hold of what is free, piece by piece: the rules of a promise, but for safety stock.

Carts and flash sales choose from one reading of counters and quotas, and lock nothing meanwhile. What they chose is
settled when their counters are locked: then those of whoever shares a SKU take turns, and what a shop may hold is
reckoned once more, with nobody in between.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from sqlalchemy.orm import Session

from hub.asks import told_at_once
from hub.catalogue.model import Product
from hub.inventory.free import Free, ask_free, ask_good
from hub.inventory.ledger import Shortage, StockKey
from hub.inventory.promise import EMPTY, PLENTY, Promise, Shelf, bundle_of, by_sku, promise_of, to_come
from hub.inventory.quota import Quota, ask_quotas, count, lock_quotas
from hub.inventory.reservation_table import EVERYWHERE
from hub.inventory.reserve import Claim
from hub.inventory.table import Authority
from hub.turns import take_turns

SPACE: Final = 7021
"""The advisory locks of SKUs with quotas, for those who hold pieces of them."""


class Shares:
    """Free pieces, where the hub's own number counts, and the quotas of their SKUs, as shops take their pieces.

    Places stand as they were found, that with most there first: as few as possible are needed. What may be back-ordered
    comes behind what is there anywhere: nobody is kept waiting for goods who could have some.
    """

    def __init__(self, found: Iterable[Free], quotas: Sequence[Quota]) -> None:
        self._free: defaultdict[str, dict[StockKey, int]] = defaultdict(dict)
        self._limits: dict[StockKey, int] = {}
        for one in sorted(found, key=lambda one: (-one.there, -one.pieces, one.location)):
            if one.authority == Authority.HUB:
                self._free[one.sku][one.key] = one.pieces
                self._limits[one.key] = one.backorder_limit
        self._quotas = dict(by_sku(quotas))

    def left(self, sku: str) -> int:
        """Give how many pieces are free, whoever may have them."""
        return sum(pieces for pieces in self._free[sku].values() if pieces > 0)

    def rooms(self, shop: str, sku: str) -> tuple[int, Mapping[StockKey, int]]:
        """Give how many pieces a shop may hold of a SKU, and how many of them at which counter."""
        places = {key: pieces for key, pieces in self._free[sku].items() if pieces > 0}
        if sku not in self._quotas:
            return sum(places.values()), places
        shown = self._shown(shop, sku)
        return shown.free, {key: pieces for key in places if (pieces := shown.by_location[key.location])}

    def pick(self, wanted: int, rooms: Mapping[StockKey, int]) -> dict[StockKey, int]:
        """Choose so many pieces of these rooms, or all: place by place what is there, then what may be back-ordered."""
        picked: dict[StockKey, int] = {}
        for places in (self._there(rooms), rooms):
            for key, room in places.items():
                if more := min(wanted, room - picked.get(key, 0)):
                    picked[key] = picked.get(key, 0) + more
                    wanted -= more
        return picked

    def pick_whole(self, wanted: int, rooms: Mapping[StockKey, int]) -> dict[StockKey, int]:
        """Choose as `pick`, but from one place that has them all if one has; back-orders only if too few are there."""
        there = self._there(rooms)
        places = there if sum(there.values()) >= wanted else rooms
        whole = next((key for key, room in places.items() if room >= wanted), None)
        return {whole: wanted} if whole else self.pick(wanted, rooms)

    def _there(self, rooms: Mapping[StockKey, int]) -> dict[StockKey, int]:
        left = {key: min(room, self._free[key.sku][key] - self._limits[key]) for key, room in rooms.items()}
        return {key: pieces for key, pieces in left.items() if pieces > 0}

    def bundles(self, shop: str, product: Product) -> int | None:
        """Give how many of a bundle a shop may hold by the bundle's own quotas; None where there are none.

        What has no parts lies on no shelf: so it is with virtual goods.
        """
        if product.sku not in self._quotas:
            return None
        if not product.parts:
            return to_come(self._shown(shop, product.sku), PLENTY, self._quotas[product.sku], shop).free
        alone = {part.sku: self._shown(shop, part.sku) for part in product.parts}
        return bundle_of(product, alone, self._quotas[product.sku], shop).free

    def take(self, shop: str, claims: Iterable[Claim]) -> None:
        """Let a shop have pieces."""
        for one in claims:
            self._free[one.key.sku][one.key] -= one.quantity
            if one.key.sku in self._quotas:
                self._quotas[one.key.sku] = [
                    quota.model_copy(update={"used": quota.used + one.quantity})
                    if quota.shop == shop and quota.location in {EVERYWHERE, one.key.location}
                    else quota
                    for quota in self._quotas[one.key.sku]
                ]

    def give_back(self, claims: Iterable[Claim]) -> None:
        """Undo that pieces are not free; of quotas they are not counted yet."""
        for one in claims:
            if one.key in self._free[one.key.sku]:
                self._free[one.key.sku][one.key] += one.quantity

    def fits(self, shop: str, claims: Sequence[Claim]) -> bool:
        """Say whether a shop may hold these very pieces, all of one SKU."""
        wanted: Counter[StockKey] = Counter()
        for one in claims:
            wanted[one.key] += one.quantity
        most, places = self.rooms(shop, claims[0].key.sku)
        return wanted.total() <= most and all(pieces <= places.get(key, 0) for key, pieces in wanted.items())

    def _shown(self, shop: str, sku: str) -> Promise:
        places = {key.location: max(0, pieces) for key, pieces in self._free[sku].items()}
        shelf = Shelf(places, {}, 0) if places else EMPTY
        return promise_of(sku, shelf, self._quotas.get(sku, ()), shop)


def read_shares(session: Session, brand: str, skus: Collection[str], today: date) -> Shares:
    """Read what is free and who shares it, of SKUs and bundles; nothing is locked."""
    return Shares(*told_at_once(session, ask_free(skus, today, brand=brand), ask_quotas(skus)))


def settle(session: Session, brand: str, held: Sequence[tuple[str, Sequence[Claim]]], today: date) -> None:
    """Make sure that shops may hold what has just been booked for them, in its order, and count it for their quotas.

    The counters are locked by its booking. Raises: Shortage: somebody else was quicker; chosen anew, it may be held.
    """
    keys = {claim.key for _, of_shop in held for claim in of_shop}
    _, quotas = told_at_once(session, ask_good(keys, today), ask_quotas({one.sku for one in keys}))
    settle_quotas(session, brand, held, today, quotas)


def settle_quotas(
    session: Session,
    brand: str,
    held: Sequence[tuple[str, Sequence[Claim]]],
    today: date,
    quotas: Iterable[Quota],
) -> None:
    """Do of `settle` what concerns the quotas of the SKUs, which were read when the counters were locked."""
    shared = {one.sku for one in quotas}
    if not shared:
        return
    take_turns(session, SPACE, shared)
    pieces: Counter[tuple[str, str, str]] = Counter()
    by_shop = [(shop, of_sku) for shop, of_shop in held for of_sku in _by_sku(of_shop) if of_sku[0].key.sku in shared]
    for shop, of_sku in by_shop:
        for one in of_sku:
            pieces[shop, one.key.sku, one.key.location] += one.quantity
            pieces[shop, one.key.sku, EVERYWHERE] += one.quantity
    lock_quotas(session, pieces)
    shares = read_shares(session, brand, shared, today)
    for _, of_sku in by_shop:
        shares.give_back(of_sku)
    for shop, of_sku in by_shop:
        if not shares.fits(shop, of_sku):
            raise Shortage({one.key for one in of_sku})
        shares.take(shop, of_sku)
    count(session, pieces)


def _by_sku(claims: Iterable[Claim]) -> Iterable[Sequence[Claim]]:
    grouped: defaultdict[str, list[Claim]] = defaultdict(list)
    for one in claims:
        grouped[one.key.sku].append(one)
    return grouped.values()
