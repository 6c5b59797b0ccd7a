"""Gifts that ran out while their order waited: left out, replaced or given less often, as when it was placed.

Only what is still whole is settled: gifts that a location was given a part of are goods like any other, and so are
those with a value of their own, whose share of the order's money was told of.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.audit import record
from hub.catalogue.find import find_products
from hub.catalogue.model import Product
from hub.database import rows, run
from hub.gift.count import Record, Wish, give_less, hold_gifts
from hub.gift.model import GIVEN, Give, Rule, Strategy, Verdict
from hub.inventory.ledger import Movement
from hub.order.place.allocate import numbers_and_holds
from hub.order.place.gift_stock import WAITS, lacking, settle_all
from hub.order.place.need import Need, part_by_holds
from hub.order.place.plan import plan
from hub.order.rules.policy import Policy
from hub.sourcing.model import Want

WAITING: Final = """select d.no, d.strategy_no, d.seen, d.times, d.lines, s.body, o.subject_id
    from gift_decision d join gift_strategy s on (s.brand, s.name, s.no) = (d.brand, d.strategy, d.strategy_no)
    join sales_order o on o.id = d.order_id
    where d.order_id = :id and d.verdict = 'given' and d.given_back_at is null and s.body ->> 'if_out' <> :waits
    order by d.no"""


class Settled(NamedTuple):
    """What is still needed of an order, and the pieces that its shop has sold less of (or more, of what stands in)."""

    need: Need
    sold: Mapping[str, int]


class _Gift(NamedTuple):
    """What an order got by one strategy, with the number of its decision."""

    no: int
    wish: Wish
    lines: Sequence[tuple[int, int]]

    @property
    def record(self) -> Record:
        return Record(self.wish, self.lines)

    def pieces(self) -> dict[int, tuple[str, int]]:
        """Give SKU and pieces of each line."""
        paired = zip(self.wish.strategy.gives, self.lines, strict=True)
        return {
            line_no: (self.wish.sku_of(give), give.pieces * self.wish.verdict.times) for give, (line_no, _) in paired
        }


def settle_waiting(session: Session, need: Need, policy: Policy, at: datetime, carts: Sequence[Movement]) -> Settled:
    """Settle the gifts of an order that finds too few of them now; what was counted of them is given back.

    `carts` is what the order's cart held; `at` is in the business zone. Nothing is asked where every
    piece was sold for something. The counters of gifts are locked, so no stock may be before, unless they are already.
    """
    if all(want.fen for want in need.wants):
        return Settled(need, {})
    _, held = numbers_and_holds(session, [need.order_id])
    need = part_by_holds(need, held.get(need.order_id, ()))  # what waits behind a hold of its own may still come
    before = _waiting(session, need)
    if not before:
        return Settled(need, {})
    products = find_products(
        session, {sku for one in before for give in one.wish.strategy.gives for sku in _skus(give)}
    )
    after, now = before, need
    while short := lacking(
        plan(session, [now], policy, {}, at, carts).plans, {need.order_id: [one.record for one in after]}
    ).get(need.order_id):
        wishes = settle_all([one.wish for one in after], short)
        after = [one._replace(wish=wish) for one, wish in zip(after, wishes, strict=True)]
        now = _less(need, after, products, at)
    changed = [(was, one) for was, one in zip(before, after, strict=True) if was.wish is not one.wish]
    if changed:
        hold_gifts(session, [need.order_id])
        give_less(session, [(was.wish, one.wish) for was, one in changed])
        _write(session, need.order_id, [one for _, one in changed], products, at)
    return Settled(now, _sold(changed))


def _skus(give: Give) -> set[str]:
    return {give.sku, give.instead or give.sku}


def _waiting(session: Session, need: Need) -> list[_Gift]:
    """Give what an order got by strategies that do not wait, where all of it is still needed."""
    wants = {want.line_no: want for want in need.wants}
    found: list[_Gift] = []
    for one in rows(session, WAITING, id=need.order_id, waits=WAITS):
        strategy = Strategy.model_validate(one.body)
        lines = [(line["line_no"], line["main_no"]) for line in one.lines]
        mine = [wants.get(line_no) for line_no, _ in lines]
        if len(mine) < len(strategy.gives) or any(give.value_fen for give in strategy.gives):
            continue
        paired = list(zip(strategy.gives, mine, strict=True))
        if any(want is None or want.quantity != give.pieces * one.times for give, want in paired):
            continue
        replaced = frozenset([give.sku for give, want in paired if want and want.sku != give.sku])
        verdict = Verdict(Rule(strategy, one.strategy_no), GIVEN, one.seen, one.times)
        found.append(_Gift(one.no, Wish(need.order_id, one.subject_id, verdict, replaced), lines))
    return found


def _less(need: Need, gifts: Sequence[_Gift], products: Mapping[str, Product], at: datetime) -> Need:
    """Give a need with its gifts as they are settled."""
    pieces = {line_no: given for one in gifts for line_no, given in one.pieces().items()}
    wants: list[Want] = []
    for want in need.wants:
        sku, n = pieces.get(want.line_no, (want.sku, want.quantity))
        if n and sku == want.sku:
            wants.append(replace(want, quantity=n))
        elif n:
            product = products[sku]
            traits = product.traits and product.traits.on(at.date())
            wants.append(
                replace(want, sku=sku, quantity=n, storage=product.storage, grams=product.grams, traits=traits)
            )
    return replace(need, wants=tuple(wants))


def _sold(changed: Sequence[tuple[_Gift, _Gift]]) -> dict[str, int]:
    sold: defaultdict[str, int] = defaultdict(int)
    for was, one in changed:
        for sku, n in was.pieces().values():
            sold[sku] -= n
        for sku, n in one.pieces().values():
            sold[sku] += n
    return dict(sold)


def _write(
    session: Session, order_id: int, gifts: Sequence[_Gift], products: Mapping[str, Product], at: datetime
) -> None:
    for one in gifts:
        verdict = one.wish.verdict
        run(
            session,
            """update gift_decision set verdict = :verdict, seen = cast(:seen as jsonb), times = :times,
                                        pieces = :pieces, counted = :counted
               where (order_id, no) = (:id, :no)""",
            id=order_id,
            no=one.no,
            verdict=verdict.code,
            seen=msgspec.json.encode(verdict.seen).decode(),
            times=verdict.times,
            pieces=verdict.pieces,
            counted=one.wish.counted,
        )
        detail = {"strategy": one.wish.strategy.name, "verdict": verdict.code, "times": verdict.times}
        record(session, at, "system", "order.gift_settled", f"order:{order_id}", **detail)
    lines = {line_no: given for one in gifts for line_no, given in one.pieces().items()}
    told = [products[sku] for sku, _ in lines.values()]
    run(
        session,
        """update order_line line set sku = new.sku, channel_sku = new.sku, title = new.title, storage = new.storage,
                                      grams = new.grams, cancelled = line.ordered - new.pieces
           from unnest(cast(:lines as bigint[]), cast(:skus as text[]), cast(:titles as text[]),
                       cast(:storages as text[]), cast(:grams as bigint[]), cast(:pieces as bigint[]))
                as new (line_no, sku, title, storage, grams, pieces)
           where line.order_id = :id and line.line_no = new.line_no""",
        id=order_id,
        lines=list(lines),
        skus=[sku for sku, _ in lines.values()],
        titles=[one.title for one in told],
        storages=[one.storage for one in told],
        grams=[one.grams for one in told],
        pieces=[pieces for _, pieces in lines.values()],
    )
