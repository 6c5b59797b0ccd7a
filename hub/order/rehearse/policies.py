"""Decide the questions of the last days again, by the policy in force and by a draft, and compare what comes."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date, datetime
from math import inf
from time import monotonic
from typing import TypeAlias

from sqlalchemy.orm import Session

from hub.database import run
from hub.document import Document
from hub.order.place.brand_policy import Own, own_policies, sold_of, under
from hub.order.place.need import Need
from hub.order.place.plan import at_once, in_turn
from hub.order.rehearse.allowance import Allowance
from hub.order.rehearse.asked import Asked, asked_since, with_values
from hub.order.rehearse.batch import BatchSum, in_batches, steps_of
from hub.order.rehearse.carry import NOTHING, Carried
from hub.order.rehearse.tally import Side, Sum, add, side_of
from hub.order.rules.keepers import Keepers, keepers_of
from hub.order.rules.policy import Policy
from hub.order.rules.route import Shelf
from hub.roles import Actor
from hub.sourcing.asking import Asking
from hub.sourcing.day_count import LocationDay
from hub.sourcing.greedy import cost_of
from hub.sourcing.location import find_places
from hub.sourcing.model import Choice, Decision, Question, Site
from hub.sourcing.policy import SourcingPolicy
from hub.sourcing.rerun import stored_decisions
from hub.sourcing.terms import Grounds, terms_of
from hub.trials import TrialView

Plans: TypeAlias = Sequence[tuple[Question, Decision]]
"""What was decided for one order, part by part."""


class Comparison(Document):
    """Both policies over the same questions; `moved` counts the orders that would ship otherwise.

    `more` says that later ones than `reached` were left for want of time.
    """

    brand: str
    orders: int
    moved: int
    more: bool
    reached: datetime | None
    in_force: Side
    draft: Side

    def seen(self, actor: Actor, days: int, at: datetime) -> TrialView:
        """Give what is kept of it: that it was made, by whom, and over how much."""
        return TrialView(days=days, looked=self.orders, whole=not self.more, tried_at=at, tried_by=actor.name)


def compare_policies(
    session: Session,
    draft: SourcingPolicy,
    policy: Policy,
    since: datetime,
    longest_s: float = inf,
    clock: Callable[[], float] = monotonic,
) -> Comparison:
    """Compare a draft with what its brand is sourced by, over what was asked since then; nothing can be written.

    Each policy has its own running stock and counts its own documents of a day, beginning with `since`, which is in the
    business zone, whose days the series has. After `longest_s`, or when a statement is cancelled, it
    tells of what was decided until then: it belongs into `on_trial`.
    """
    run(session, "set transaction read only")
    now = own_policies(session, policy, {draft.brand}).get(draft.brand, Own(policy))
    then = under(session, policy, draft)
    keepers = keepers_of([one for one in find_places(session).values() if one.brand == draft.brand])
    sides = [Rehearsed(session, own, keepers) for own in (now, then)]
    orders, moved, reached, allowance = 0, 0, None, Allowance(longest_s, clock)
    every = asked_since(stored_decisions(session, since=since, brand=draft.brand), since)
    every = with_values(session, every) if now.valued or then.valued else every
    batches = in_batches(every) if any(side.together for side in sides) else ([one] for one in every)
    for batch, planned in allowance.of((batch, [side.plan_batch(batch) for side in sides]) for batch in batches):
        for asked, *plans in zip(batch, *planned, strict=True):
            for side, plan in zip(sides, plans, strict=True):
                add(side.sums[asked.here.date()], plan, Prices(sides[0].own, asked))
            orders, reached = orders + 1, asked.here
            moved += _takes(plans[0]) != _takes(plans[1])
    told = [side.told() for side in sides]
    return Comparison(
        brand=draft.brand,
        orders=orders,
        moved=moved,
        more=allowance.out,
        reached=reached,
        in_force=told[0],
        draft=told[1],
    )


class Rehearsed:
    """One policy as it is rehearsed: its own stock, documents of days, paces of sales, and what it came to."""

    def __init__(self, session: Session, own: Own, keepers: Keepers | None) -> None:
        self._keepers = keepers
        self._session, self._sold = session, dict[tuple[str, str], int]()
        self._known = set[str]()
        self._weighs = bool(own.said and own.said.weights.supply)
        self._carried = Carried()
        limited = own.said and any(one.most_a_day is not None for one in own.said.locations.values())
        made = Counter[LocationDay]() if limited else None  # how many were open then is not known
        self.own = own._replace(open_at=None, made_for=made, booked=None, sold=self._sold)
        self.sums: defaultdict[date, Sum] = defaultdict(Sum)
        self.together = own.said.together if own.said else None
        self._batches = BatchSum()

    def plan_batch(self, batch: Sequence[Asked]) -> Sequence[Plans]:
        """Decide what came at once: together where the policy does so and it is better, else each on what is left."""
        plans: Sequence[Plans] = ()
        if self.together and len(batch) >= self.together.orders:
            plans = self._plan_together(batch, steps_of(self.together))
            self._batches.add(plans)
        return plans or [self.plan(asked) for asked in batch]

    def _plan_together(self, batch: Sequence[Asked], steps: int) -> Sequence[Plans]:
        """Decide a batch on what was there before its first order, as `decide_together`; nothing is taken if none."""
        from hub.sourcing.together import decide_together  # noqa: PLC0415 # scipy is loaded only where a policy asks

        self._know({sku for asked in batch for sku in asked.skus}, batch[0].here)
        carried = self._carried.copy()
        seen: list[Asked] = []
        for asked in batch:
            seen.append(asked._replace(sites=carried.see(asked.sites, asked.skus, asked.batch)))
            carried.take(asked.taken, (), asked.batch)
        shelf = shelf_of([site for asked in seen for site in asked.sites])
        put = [at_once(need_of(one), one.sites, shelf, self.own, one.here, self._keepers) for one in seen]
        plans = decide_together(put, room=self.own.room(batch[0].here), iterations=steps)
        for plan in plans:
            self.own.book(plan, batch[0].here)
            carried.take(NOTHING, plan)
        self._carried = carried if plans else self._carried
        return plans

    def _know(self, skus: Collection[str], here: datetime) -> None:
        if self._weighs and (new := set(skus) - self._known):
            self._known |= new
            self._sold |= sold_of(self._session, new, here)

    def plan(self, asked: Asked) -> Plans:
        """Decide what an order needed on what this policy has left; the first order of a SKU sets its pace of sale."""
        self._know(asked.skus, asked.here)
        sites = self._carried.see(asked.sites, asked.skus, asked.batch)
        plan = list(plan_again(asked._replace(sites=sites), self.own, self._keepers))
        self._carried.take(asked.taken, plan, asked.batch)
        return plan

    def told(self) -> Side:
        """Give what it came to."""
        said, made = self.own.said, self.own.made_for or {}
        full = Counter([code for (code, _), n in made.items() if said and n >= (said.locations[code].most_a_day or 0)])
        batches = self._batches.told() if self.together else None
        used_up = self._carried.emptied()
        return side_of(self.own.policy.version, self.sums, used_up, dict(sorted(full.items())), batches)


def plan_again(asked: Asked, own: Own, keepers: Keepers | None = None) -> Iterator[tuple[Question, Decision]]:
    """Decide what an order needed by a policy, as placing it would."""
    return in_turn(need_of(asked), asked.sites, shelf_of(asked.sites), own, asked.here, keepers)


def need_of(asked: Asked) -> Need:
    return Need(0, "", asked.to, tuple(asked.wants))


def shelf_of(sites: Iterable[Site]) -> Shelf:
    """Put what is free at locations on one shelf."""
    return Shelf({(site.code, sku): pieces for site in sites for sku, pieces in site.free.items()})


class Prices:
    """What parcels of one order cost by the policy in force, whoever has planned them."""

    def __init__(self, own: Own, asked: Asked) -> None:
        """Prepare; what the policy leaves out has its prices too, for who is compared may have asked it."""
        self._costs, self._terms = own.policy.costs, None
        if own.said:
            on = Grounds(own.said, own.card, own.calendar, own.sold)
            self._terms = terms_of(on, asked.sites, asked.to, asked.here, asked.skus)

    def price(self, question: Question, choice: Choice) -> int:
        """Price one parcel; by the tariff where the card in force does not go."""
        site = next(one for one in question.sites if one.code == choice.code)
        taken = {take.line_no: take.quantity for take in choice.takes}
        given = tuple([taken.get(want.line_no, 0) for want in question.wants])
        if self._terms and site.code in self._terms.lanes:
            asking = Asking(question, self._terms)
            return min(cost for cost, _, _ in asking.prices(asking.stand(site), given))
        grams = sum(pieces * want.grams for want, pieces in zip(question.wants, given, strict=True))
        return cost_of(site, grams, self._costs)


def _takes(plan: Plans) -> list[tuple[str, int, int]]:
    chosen = [choice for _, decision in plan for choice in decision.choices]
    return sorted((choice.code, take.line_no, take.quantity) for choice in chosen for take in choice.takes)
