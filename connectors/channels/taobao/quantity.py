"""How many pieces Taobao's listings may offer: found by the merchant's code, told as whole numbers.

A code may stand for several listings, of which each is told. Source: published metadata of taobao.skus.quantity.update
(at most 20 SKUs of one item, type 1 replaces), taobao.item.quantity.update, taobao.skus.custom.get and
taobao.items.custom.get, read 2026-11.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Final, NamedTuple, cast, final

from connectors.transport.top import TopGateway
from hub.errors import OutcomeUnknown, Rejected, TryLater
from hub.inventory.telling import Refusal, Telling, Told

UPDATE_SKUS: Final = "taobao.skus.quantity.update"
UPDATE_ITEM: Final = "taobao.item.quantity.update"
FIND_SKUS: Final = "taobao.skus.custom.get"
FIND_ITEMS: Final = "taobao.items.custom.get"

SKUS_AT_ONCE: Final = 20
MOST_PIECES: Final = 900_000_000
"""More than this no listing can offer."""

REPLACE: Final = "1"
LONGEST_S: Final = 1.5
"""After so long no further call begins: the rest is told by the next step."""

KNOWN_FOR: Final = timedelta(hours=1)
"""How long a code stands for the listings that were found."""

NUMBER: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
UNLISTED: Final = "not_listed"
DIFFERS: Final = "quantity_differs"


class Listing(NamedTuple):
    """A place in the shop that offers a SKU: an item, and which of its SKUs if it has several."""

    num_iid: str
    sku_id: str


@dataclass(frozen=True, slots=True)
class Found:
    """The listings of a code, and when they were asked for; `refused` says why there are none."""

    listings: Sequence[Listing]
    at: datetime
    refused: str = ""


@dataclass(slots=True)
class Tally:
    """What became of each listing of one sending: "" is taken, anything else the code of a refusal."""

    of: dict[Listing, str] = field(default_factory=dict[Listing, str])

    def verdict(self, found: Found) -> str | None:
        """Give "" when each listing took it, the first refusal, or None while some were not told."""
        if found.refused:
            return found.refused
        said = [self.of.get(one) for one in found.listings]
        return next((one for one in said if one), None if None in said else "")


@final
class Listings:
    """Tells the listings of one shop."""

    def __init__(self, top: TopGateway, now: Callable[[], datetime]) -> None:
        self._top = top
        self._now = now
        self._known: dict[str, Found] = {}

    def tell(self, levels: Sequence[Telling]) -> Told:
        """Tell as many numbers as there is time for.

        Raises: as `TopGateway.ask`, but Rejected; TryLater only when nothing was taken before.
        """
        until_s = monotonic() + LONGEST_S
        found: dict[Telling, Found] = {}
        tally = Tally()
        try:
            for level in levels:
                if found and monotonic() > until_s:
                    break
                found[level] = self._find(level.channel_sku)
            self._tell_found(found, tally, until_s)
        except TryLater:
            if not tally.of:
                raise
        verdicts = {level: tally.verdict(one) for level, one in found.items()}
        return Told(
            told=tuple(level for level, said in verdicts.items() if said == ""),
            refused=tuple(Refusal(sku=level.sku, code=said) for level, said in verdicts.items() if said),
        )

    def _tell_found(self, found: Mapping[Telling, Found], tally: Tally, until_s: float) -> None:
        pieces = {one: min(level.pieces, MOST_PIECES) for level, place in found.items() for one in place.listings}
        by_item: defaultdict[str, list[Listing]] = defaultdict(list)
        for listing in pieces:
            by_item[listing.num_iid].append(listing)
        for listings in by_item.values():
            for first in range(0, len(listings), SKUS_AT_ONCE):
                if monotonic() > until_s:  # what was found is known next time
                    return
                self._tell_item({one: pieces[one] for one in listings[first : first + SKUS_AT_ONCE]}, tally, until_s)

    def _tell_item(self, pieces: Mapping[Listing, int], tally: Tally, until_s: float) -> None:
        """Tell some SKUs of one item; where they are refused together, each is told by itself."""
        try:
            tally.of |= self._update(pieces)
        except Rejected as error:
            if error.code.startswith("http_"):  # that is no word of the platform's
                raise
            if len(pieces) == 1:
                tally.of |= dict.fromkeys(pieces, error.code)
                return
            for one, number in pieces.items():
                if tally.of and monotonic() > until_s:
                    return
                self._tell_item({one: number}, tally, until_s)

    def _update(self, pieces: Mapping[Listing, int]) -> dict[Listing, str]:
        (num_iid,) = {one.num_iid for one in pieces}
        fields = {"num_iid": num_iid, "type": REPLACE}
        if alone := next((one for one in pieces if not one.sku_id), None):
            answer = self._top.ask(UPDATE_ITEM, {**fields, "quantity": str(pieces[alone])})
        else:
            told = ";".join(f"{one.sku_id}:{number}" for one, number in pieces.items())
            answer = self._top.ask(UPDATE_SKUS, {**fields, "skuid_quantities": told})
        item = answer.get("item")
        shown = cast("Mapping[str, object]", item) if isinstance(item, dict) else dict[str, object]()
        if str(shown.get("num_iid")) != num_iid:
            raise OutcomeUnknown("the answer is about no item, or another", code="garbled_answer")
        now = {str(one.get("sku_id")): str(one.get("quantity")) for one in _items(shown, "skus", "sku")}
        return {
            one: DIFFERS if one.sku_id and now.get(one.sku_id, str(number)) != str(number) else ""
            for one, number in pieces.items()
        }

    def _find(self, code: str) -> Found:
        """Give the listings of a merchant's code: SKUs that bear it, else items without SKUs."""
        now = self._now()
        known = self._known.get(code)
        if known is None or known.refused or now - known.at > KNOWN_FOR:
            known = self._known[code] = self._ask_for(code, now)
        return known

    def _ask_for(self, code: str, now: datetime) -> Found:
        try:
            asked = {"outer_id": code, "fields": "num_iid,sku_id"}
            rows = _items(self._top.ask(FIND_SKUS, asked), "skus", "sku")
            if not rows:
                asked = {"outer_id": code, "fields": "num_iid"}
                rows = _items(self._top.ask(FIND_ITEMS, asked), "items", "item")
        except Rejected as error:
            if error.code.startswith("http_"):  # as above
                raise
            return Found((), now, error.code)
        listings = tuple(dict.fromkeys(_listing(row) for row in rows))
        return Found(listings, now, "" if listings else UNLISTED)


def _listing(row: Mapping[str, object]) -> Listing:
    """Raises: OutcomeUnknown for a row that names no item."""
    num_iid, sku_id = str(row.get("num_iid")), str(row.get("sku_id") or "")
    if not NUMBER.fullmatch(num_iid) or (sku_id and not NUMBER.fullmatch(sku_id)):
        raise OutcomeUnknown("a listing of the answer has no number", code="garbled_answer")
    return Listing(num_iid, sku_id)


def _items(answer: Mapping[str, object], name: str, each: str) -> list[Mapping[str, object]]:
    """Give the items of a list as TOP writes one; an empty one is left out."""
    around = answer.get(name)
    items = cast("Mapping[str, object]", around).get(each) if isinstance(around, dict) else None
    listed = cast("list[object]", items) if isinstance(items, list) else []
    return [cast("Mapping[str, object]", one) for one in listed if isinstance(one, dict)]
