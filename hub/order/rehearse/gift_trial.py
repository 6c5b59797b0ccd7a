"""Try a gift strategy on orders that are placed already: who would have had it, and what it costs."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from hub.database import rows
from hub.document import Document
from hub.errors import Malformed
from hub.gift.choose import judge
from hub.gift.model import EXHAUSTED, HAD, Basket, Rule, Strategy
from hub.ids import first_id_of
from hub.order.place.gifts import NEVER
from hub.order.rehearse.gift import baskets_of
from hub.roles import Actor, Permission
from hub.trials import TrialView

LONGEST_DAYS: Final = 90
MOST: Final = 5_000
"""Orders that are looked at, the newest."""

AT_ONCE: Final = 500
SHOWN: Final = 20
LONGEST_S: Final = 20.0


class GiftTried(Document):
    """What a strategy would have given of `looked` orders of the last `days`, its limits counted from nothing.

    `fen` is what the `pieces` cost: a gift's own value, else what its goods were sold for in these days; `unpriced`
    pieces were never sold and have no value. `refused` counts the other orders by why. `more` says that others were not
    looked at, older ones or for want of time.
    """

    days: int
    looked: int
    orders: int
    pieces: int
    fen: int
    unpriced: int
    refused: Mapping[str, int]
    more: bool
    samples: tuple[str, ...]

    def seen(self, actor: Actor, at: datetime) -> TrialView:
        """Give what is kept of it: that it was made, by whom, and over how much."""
        return TrialView(days=self.days, looked=self.looked, whole=not self.more, tried_at=at, tried_by=actor.name)


class Owned(NamedTuple):
    """An order as strategies see it, and whose it is."""

    order_id: int
    subject_id: int
    basket: Basket


class Given:
    """Counts what a strategy gives, as its limits would."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self._members: set[int] = set()
        self.orders = self.times = 0

    @property
    def pieces(self) -> int:
        return self.times * self._strategy.pieces

    def ask(self, one: Owned) -> str:
        """Say what comes of asking about an order, and count it."""
        verdict = judge(Rule(self._strategy, 0), one.basket)
        if not verdict.given:
            return verdict.code
        if self._strategy.once_per_member and one.subject_id in self._members:
            return HAD
        times = verdict.times
        if self._strategy.most_pieces is not None:
            times = min(times, (self._strategy.most_pieces - self.pieces) // self._strategy.pieces)
        if times <= 0 or self.orders == self._strategy.first_orders:
            return EXHAUSTED
        self._members.add(one.subject_id)
        self.orders, self.times = self.orders + 1, self.times + times
        return verdict.code


def try_strategy(
    session: Session,
    actor: Actor,
    strategy: Strategy,
    at: datetime,
    days: int = 7,
    clock: Callable[[], float] = monotonic,
) -> GiftTried:
    """Ask a strategy, drafted or not, about the newest orders of its brand, the oldest of them first.

    It is asked by itself and as if it had been in force all the time: when it begins and ends is not looked at, nor
    what was in stock. Raises: Unauthorised; Malformed (days).
    """
    actor.require(Permission.CONFIGURE)
    actor.require_scope(strategy.brand, "")
    if not 1 <= days <= LONGEST_DAYS:
        raise Malformed(f"between 1 and {LONGEST_DAYS} days can be looked at", code="days", field="days")
    since, until_s = at - timedelta(days=days), clock() + LONGEST_S
    count = Given(strategy.model_copy(update={"starts_at": None, "ends_at": None}))
    ids = _newest(session, strategy.brand, since, at)
    refused, samples, looked = Counter[str](), list[int](), 0
    for one in _owned(session, ids):
        if clock() >= until_s:
            break
        looked += 1
        code = count.ask(one)
        if code != "given":
            refused[code] += 1
        elif len(samples) < SHOWN:
            samples.append(one.order_id)
    prices = _prices(session, strategy, since)
    each = {give.sku: give.value_fen or prices.get(give.sku, 0) for give in strategy.gives}
    return GiftTried(
        days=days,
        looked=looked,
        orders=count.orders,
        pieces=count.pieces,
        fen=count.times * sum(give.pieces * each[give.sku] for give in strategy.gives),
        unpriced=count.times * sum(give.pieces for give in strategy.gives if not each[give.sku]),
        refused=refused,
        more=looked < len(ids) or len(ids) == MOST,
        samples=tuple(map(str, samples)),
    )


def _newest(session: Session, brand: str, since: datetime, at: datetime) -> Sequence[int]:
    found = rows(
        session,
        """select id from sales_order
           where id >= :first and brand = :brand and created_at >= :since and created_at <= :at
             and not type = any(:never)
           order by id desc limit :most""",
        first=first_id_of(since.astimezone(UTC).date()),
        brand=brand,
        since=since,
        at=at,
        never=sorted(NEVER),
        most=MOST,
    )
    return [one.id for one in reversed(found)]


def _owned(session: Session, ids: Sequence[int]) -> Iterator[Owned]:
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        whose = rows(session, "select id, subject_id from sales_order where id = any(:ids)", ids=some)
        subjects, baskets = {one.id: one.subject_id for one in whose}, baskets_of(session, some)
        yield from (Owned(order_id, subjects[order_id], baskets[order_id]) for order_id in some)


def _prices(session: Session, strategy: Strategy, since: datetime) -> Mapping[str, int]:
    """Give what a piece of the gifts was sold for since then, on average, in minor units."""
    found = rows(
        session,
        """select line.sku, round(sum(line.amount - line.discount) / sum(line.ordered))::bigint as fen
           from order_line line join sales_order o on o.id = line.order_id
           where line.order_id >= :first and o.created_at >= :since and line.sku = any(:skus) and o.brand = :brand
             and line.kind = 'item' and not line.gift
           group by line.sku""",
        first=first_id_of(since.astimezone(UTC).date()),
        since=since,
        skus=[give.sku for give in strategy.gives],
        brand=strategy.brand,
    )
    return {one.sku: one.fen for one in found}
