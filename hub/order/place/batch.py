"""Place orders: normalise → hold → split → route → reserve, a whole batch in one transaction.

One bad order never fails its neighbours: it comes back with its error, and nothing of it is written.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from hub.audit import record_all
from hub.database import attempt, copy, keyring_of
from hub.errors import Rejected
from hub.fulfilment.keep import keep_back
from hub.gift.count import write_decisions
from hub.inventory.bound import bind_held
from hub.inventory.ledger import Shortage
from hub.inventory.quota import count_sold
from hub.inventory.reserve import reserve
from hub.inventory.soft import take_held
from hub.keyring import SubjectKey
from hub.order.model import ShopOrder
from hub.order.number import Numbered, claim_numbers
from hub.order.place.allocate import write_sourced
from hub.order.place.arrival import part_by_arrival
from hub.order.place.ask_rules import Held, ask_of_planned, ask_rules
from hub.order.place.brand_policy import Own, own_policies
from hub.order.place.deposits import write_deposits
from hub.order.place.flash import hold_beyond_sale
from hub.order.place.gift_stock import GiftsLacking, lacking
from hub.order.place.gifts import Gifted, add_gifts, with_less
from hub.order.place.hold_deliveries import delivery_of
from hub.order.place.mates import with_windows
from hub.order.place.need import Need, part_by_holds
from hub.order.place.normalised import Normal, normalised
from hub.order.place.plan import Sourced, plan
from hub.order.place.presold import hold_beyond_presale
from hub.order.place.record import (
    LINE_COLUMNS,
    SHARE_COLUMNS,
    line_records,
    order_record,
    share_records,
    wants_of,
)
from hub.order.place.twins import ask_twins, with_mates, written_twins
from hub.order.place.unmet import open_stock_cases, unmet_holds
from hub.order.place.virtual import hand_over
from hub.order.place.write_holds import call_people, write_holds
from hub.order.rules.hold import Evidence, Hold, blocked, holds_of, virtual_lines, with_gifts
from hub.order.rules.normalise import NormalOrder
from hub.order.rules.policy import POLICY, Policy
from hub.order.status import Event, Lifecycle, move
from hub.review.standing import rules_in_force
from hub.review.verdict import Act, Scope
from hub.sourcing.day_count import DayFull, take_days
from hub.sourcing.open_count import LocationFull, take_open
from hub.subject import hold_subjects, known_subjects

ACCEPTED: Final = move(Lifecycle.RECEIVED, Event.ACCEPT)
ROUTED: Final = move(ACCEPTED, Event.SOURCE)
"""In which state an order is written: with a source for some piece of it, or without."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of one order: its id, and whether it had been placed before; if not, what was written with it."""

    order_id: int
    existing: bool = False
    booked: "Booked | None" = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """Orders that are placed together: whose they are by subject, and their rows but for the lifecycle.

    `here` is the moment `at` in the business zone, whose day it is that lots expire by; `gifts` lie in `new` already.
    """

    new: Mapping[int, Normal]
    subjects: Mapping[int, int]
    rows_of: Mapping[int, Mapping[str, Any]]
    policy: Policy
    at: datetime
    here: datetime
    gifts: Gifted


class Booked(NamedTuple):
    """A batch as it was written, for whoever answers without reading it again."""

    batch: Batch
    holds: Mapping[int, Sequence[Hold]]
    sourced: Sourced


class Overtaken(Exception):
    """Another batch has placed a twin of an order of this one meanwhile."""


def place(
    session: Session, orders: Sequence[ShopOrder], at: datetime, zone: ZoneInfo, policy: Policy = POLICY
) -> list[Placed | Rejected]:
    """Place a batch; the answers stand in the order of the batch.

    The same order again gives the first result. Errors that are returned, not raised: Malformed (totals, unknown_sku),
    Conflict (order_conflict: the number exists with other contents).
    """
    normal = normalised(session, orders)
    hashes = {i: one.digest for i, one in enumerate(normal) if isinstance(one, Normal)}
    keyed = claim_numbers(session, orders, hashes, at)
    new = {
        known.order_id: one
        for i, known in keyed.items()
        if isinstance(known, Numbered) and known.is_new and isinstance(one := normal[i], Normal)
    }
    booked = _place_new(session, new, at, zone, policy) if new else None
    return [_answer(normal[i], keyed.get(i), booked) for i in range(len(orders))]


def _place_new(session: Session, new: Mapping[int, Normal], at: datetime, zone: ZoneInfo, policy: Policy) -> Booked:
    """Hold, source and write orders that are new.

    The first try locks nothing but what it writes, and that last. If somebody else took the pieces meanwhile, or
    placed a twin, all is done again with the buyers and the counters held still, so that it cannot fail. Gifts that
    have no source after all are settled and the rest is done again; each time there are fewer.
    """
    subjects = _subjects(session, new, at)
    people, here = {order_id: subject_id for order_id, (subject_id, _) in subjects.items()}, at.astimezone(zone)
    gifts = add_gifts(session, {no: one.order for no, one in new.items()}, people, here)
    ring = keyring_of(session)

    def made(gifts: Gifted) -> Batch:
        given = {no: Normal(gifts.orders.get(no, one.order), one.digest) for no, one in new.items()}
        rows_of = {
            no: order_record(no, one.order, one.digest, subjects[no], ring, at, zone) for no, one in given.items()
        }
        return Batch(given, people, rows_of, policy, at, here, gifts)

    batch, holds, sourced = _book(session, made(gifts), made)
    new, gifts = batch.new, batch.gifts
    call_people(session, {no: one.order.shop_order.brand for no, one in new.items()}, holds, at)
    if handed := [no for no, one in new.items() if virtual_lines(one.order, holds[no])]:
        hand_over(session, handed, at)
    if gifts.decided:
        write_decisions(session, gifts.decided)
    open_stock_cases(session, sourced.plans, at)
    still = {no: [hold.type for hold in of_order if not hold.released_by] for no, of_order in holds.items()}
    told = [(f"order:{order_id}", {"holds": still[order_id]}) for order_id in new]
    record_all(session, at, "system", "order.place", told)
    return Booked(batch, holds, sourced)


def _book(session: Session, batch: Batch, made: Callable[[Gifted], Batch]) -> tuple[Batch, Held, Sourced]:
    """Write a batch, with the gifts that there are goods for; its buyers and counters are held still if need be."""
    still = False
    while True:
        try:
            with attempt(session):
                return batch, *_try(session, batch, still=still)
        except GiftsLacking as told:
            batch = made(with_less(session, batch.gifts, told.lacking))
        except (Shortage, Overtaken, DayFull, LocationFull):
            if still:
                raise
            still = True


def _try(session: Session, batch: Batch, *, still: bool) -> tuple[Held, Sourced]:
    """Write a batch, each row as it stays; counters come last, for others wait for them.

    Raises: Shortage; Overtaken; DayFull; LocationFull; GiftsLacking before anything but carts is written.
    """
    new, policy = batch.new, batch.policy
    if still:
        hold_subjects(session, set(batch.subjects.values()))
    asked = ask_twins(new, batch.subjects, batch.at)
    written = written_twins(session, asked)
    twins = with_mates(new, batch.subjects, written)
    edition = rules_in_force(session)
    holds: Held = {
        no: holds_of(one.order, Evidence(twins.get(no), batch.here), policy.holds, policy.line_holds)
        for no, one in new.items()
    }
    holds = hold_beyond_sale(session, batch, ask_rules(session, edition, batch, twins, holds))
    holds = hold_beyond_presale(session, batch, holds)
    holds = {no: with_gifts(of_order, new[no].order.lines) for no, of_order in holds.items()}
    own = own_policies(session, policy, {one.order.shop_order.brand for one in new.values()})
    needs, holds = _needs(batch, holds, own)
    returned = take_held(session, _carts(new, [need.order_id for need in needs]), batch.at)
    if waiting := _carts(new, [no for no in new if blocked(holds[no])]):
        bind_held(session, waiting)
    sourced = plan(session, needs, policy, {}, batch.here, returned, own, lock=still)
    if short := lacking(sourced.plans, batch.gifts.decided):
        raise GiftsLacking(short)
    sourced = with_windows(session, new, sourced, batch.at)
    if Scope.FULFILMENT in edition.scopes:
        kept = ask_of_planned(session, edition, batch, twins, [delivery_of(one) for one in sourced.opened])
        holds = {no: [*of_order, *kept.get(no, ())] for no, of_order in holds.items()}
    _write(session, batch, holds, sourced)
    if not still:
        hold_subjects(session, set(batch.subjects.values()))
        if written_twins(session, asked) != written:
            raise Overtaken
    reserve(session, list(sourced.claims()), batch.here, fresh=True, along=returned)
    take_days(session, sourced.days, sourced.most)
    if not still:  # else they were counted with nobody beside
        take_open(session, sourced.most_open)
    count_sold(session, _sold(new), returned)
    return holds, sourced


def _needs(batch: Batch, holds: Held, own: Mapping[str, Own]) -> tuple[list[Need], Held]:
    """Give what of the orders needs a source now, and their holds with those of what can only be sent later."""
    day, built_in = batch.here.date(), Own(batch.policy)
    parted: list[tuple[Need, list[Hold]]] = []
    for no, one in batch.new.items():
        if not blocked(holds[no]):
            brand = one.order.shop_order.brand
            need = need_of(no, one.order, day, valued=own.get(brand, built_in).valued)
            parted.append(part_by_arrival(part_by_holds(need, holds[no]), batch.here))
    if waits := {need.order_id: of_order for need, of_order in parted if of_order}:
        holds = {no: [*of_order, *waits.get(no, ())] for no, of_order in holds.items()}
    return [need for need, _ in parted], holds


def _carts(new: Mapping[int, Normal], order_ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Give the reservation (shop, ref) of each of these orders that is the first of all to name it."""
    first: dict[tuple[str, str], int] = {}
    for order_id, (one, _) in new.items():
        if one.order.reservation is not None:
            first.setdefault((one.shop_order.shop, one.order.reservation), order_id)
    named = {order_id: cart for cart, order_id in first.items()}
    return {order_id: named[order_id] for order_id in order_ids if order_id in named}


def _sold(new: Mapping[int, Normal]) -> Counter[tuple[str, str]]:
    sold: Counter[tuple[str, str]] = Counter()
    for one, _ in new.values():
        for line in one.lines:
            sold[one.shop_order.shop, line.product.sku] += line.ordered
    return sold


def _write(session: Session, batch: Batch, holds: Mapping[int, Sequence[Hold]], sourced: Sourced) -> None:
    pieces = sourced.pieces()
    moved = {order_id for order_id, _ in pieces}
    columns = [*next(iter(batch.rows_of.values())), "lifecycle"]
    heads = [(*one.values(), ROUTED if order_id in moved else ACCEPTED) for order_id, one in batch.rows_of.items()]
    copy(session, "sales_order", columns, heads)
    lines = [line for order_id, one in batch.new.items() for line in line_records(order_id, one.order.lines, pieces)]
    copy(session, "order_line", LINE_COLUMNS, lines)
    shares = [share for order_id, one in batch.new.items() for share in share_records(order_id, one.order.shares)]
    if shares:
        copy(session, "price_adjustment", SHARE_COLUMNS, shares)
    write_deposits(session, {order_id: one.order for order_id, one in batch.new.items()}, batch.at)
    unmet = unmet_holds(sourced.plans)
    every = {order_id: [*holds[order_id], *unmet.get(order_id, ())] for order_id in batch.new}
    write_holds(session, every, batch.policy.version, batch.at, fresh=True)
    write_sourced(session, sourced, {}, batch.at)
    if kept := [no for no, of_order in holds.items() if any(hold.stops(Act.RELEASE) for hold in of_order)]:
        keep_back(session, kept)


def need_of(order_id: int, one: NormalOrder, day: date, *, valued: bool) -> Need:
    wants = tuple(wants_of(one.lines, day, valued=valued))
    return Need(order_id, one.shop_order.brand, one.place.code, wants)


def _subjects(session: Session, new: Mapping[int, Normal], at: datetime) -> dict[int, tuple[int, SubjectKey]]:
    """Find or make the people of the orders; their rows stay locked, brand by brand."""
    found: dict[str, Mapping[str, tuple[int, SubjectKey]]] = {}
    for brand in sorted({one.order.shop_order.brand for one in new.values()}):
        refs = {one.order.order.buyer.ref for one in new.values() if one.order.shop_order.brand == brand}
        found[brand] = known_subjects(session, brand, refs, at)
    return {order_id: found[one.order.shop_order.brand][one.order.order.buyer.ref] for order_id, one in new.items()}


def _answer(one: Normal | Rejected, keyed: Numbered | Rejected | None, booked: Booked | None) -> Placed | Rejected:
    if isinstance(one, Rejected):
        return one
    if keyed is None:
        raise RuntimeError("an order that was normalised has no key")
    if isinstance(keyed, Rejected):
        return keyed
    return Placed(keyed.order_id, existing=not keyed.is_new, booked=booked if keyed.is_new else None)
