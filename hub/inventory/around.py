"""What stands around a counter: what moved it and holds it, what channels were told, and what partners counted."""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.database import records
from hub.document import Document
from hub.inventory.ledger import StockKey
from hub.roles import Actor

OF_ORDER: Final = re.compile(r"(?:fo|ship):(\d{16})-")


class MovementView(Document):
    """One change of a counter and what caused it."""

    id: int
    at: datetime
    reason: str
    ref: str
    on_hand: int
    allocated: int
    soft: int

    @property
    def order_id(self) -> int | None:
        """The order that caused it, where its cause names one: `fo:2611000000000042-1:1`."""
        found = OF_ORDER.match(self.ref)
        return int(found[1]) if found else None


class HoldView(Document):
    """A soft reservation that holds pieces of a counter, or that held them."""

    id: int
    shop: str
    ref: str
    state: str
    quantity: int
    expires_at: datetime
    created_at: datetime
    order_id: int | None


class OfferView(Document):
    """What a channel shall be told of a SKU, and what it was told last, if ever."""

    connection: str
    sku: str
    shop: str
    offered: int
    told: int | None
    told_at: datetime | None
    due: bool
    asking: bool
    held: bool
    refused: str

    @property
    def drift(self) -> int:
        """How many pieces more the channel believes in than it should; one that was told nothing believes in none."""
        return (self.told or 0) - self.offered

    @property
    def distance(self) -> int:
        return abs(self.drift)

    @property
    def state(self) -> str:
        """How it stands: held back by the guard, refused by the channel, on its way, or told."""
        if self.held:
            return "held"
        if self.refused:
            return "refused"
        return "due" if self.due or self.asking else "told"


class HotView(Document):
    """A SKU in a flash sale."""

    sku: str
    sale: str
    per_buyer: int
    queue_limit: int
    hold_s: int
    ends_at: datetime | None


class CountView(Document):
    """A line of a partner's report about a counter: what it said, what we had, and what was booked."""

    connection: str
    report: str
    kind: str
    said: int
    was: int
    difference: int
    verdict: str
    counted_at: datetime


def offers_of(
    session: Session, skus: Collection[str], connections: Collection[str]
) -> Mapping[str, Sequence[OfferView]]:
    """Give what the named connections were told of some SKUs."""
    found: defaultdict[str, list[OfferView]] = defaultdict(list)
    for one in records(
        session,
        """select connection, sku, shop, offered, told, told_at, due, asking, held, refused from stock_offer
           where connection = any(:connections) and sku = any(:skus) order by sku, connection""",
        skus=sorted(skus),
        connections=sorted(connections),
    ):
        found[one["sku"]].append(OfferView.model_validate(one))
    return found


def hot_of(session: Session, skus: Collection[str], at: datetime) -> Mapping[str, HotView]:
    """Give the flash sales that some SKUs are in."""
    found = records(
        session,
        """select sku, sale, per_buyer, queue_limit, hold_s, ends_at from hot_sku
           where sku = any(:skus) and (ends_at is null or ends_at > :at)""",
        skus=sorted(skus),
        at=at,
    )
    return {one["sku"]: HotView.model_validate(one) for one in found}


def counts_of(session: Session, key: StockKey, limit: int = 10) -> Sequence[CountView]:
    """Give what partners last said of a counter, the newest first."""
    found = records(
        session,
        """select line.connection, line.report, line.kind, line.said, line.was, line.difference, line.verdict,
                  coalesce(line.counted_at, report.counted_at) as counted_at
           from stock_count line join stock_report report using (connection, report, page)
           where line.sku = :sku and line.location = :location and (line.owner, line.condition) = (:owner, :condition)
           order by line.received_at desc, line.no desc limit :limit""",
        **key._asdict(),
        limit=limit,
    )
    return [CountView.model_validate(one) for one in found]


def movements_of(session: Session, key: StockKey, limit: int = 25) -> Sequence[MovementView]:
    """Give the latest movements of a counter, the newest first."""
    found = records(
        session,
        """select l.id, l.at, l.reason, l.ref, l.on_hand, l.allocated, l.soft from stock_movement l
           where l.sku = :sku and l.location = :location and (l.owner, l.condition) = (:owner, :condition)
           order by l.id desc limit :limit""",
        **key._asdict(),
        limit=limit,
    )
    return [MovementView.model_validate(one) for one in found]


def holds_of(session: Session, actor: Actor, key: StockKey, limit: int = 50) -> Sequence[HoldView]:
    """Give the soft reservations that hold pieces of a counter, the first to run out first; a shop sees its own."""
    found = records(
        session,
        """select r.id, r.shop, r.ref, r.state, line.quantity, r.expires_at, r.created_at, r.order_id
           from reservation r join reservation_line line on line.reservation_id = r.id
           where r.state = 'held' and (line.location, line.sku, line.owner, line.condition)
                 = (:location, :sku, :owner, :condition) and (:every_shop or r.shop = any(:shops))
           order by r.expires_at, r.id limit :limit""",
        **key._asdict(),
        every_shop=not actor.shops,
        shops=sorted(actor.shops),
        limit=limit,
    )
    return [HoldView.model_validate(one) for one in found]
