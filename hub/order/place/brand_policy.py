"""The policy that a brand's orders are sourced by: its own where one is in force, else the built-in one."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from hub.inventory.cover import MONTH, paces
from hub.order.rules.chain import chain_of
from hub.order.rules.policy import Policy
from hub.order.rules.split import weighs_value
from hub.sourcing.calendars import get_calendar
from hub.sourcing.cards import get_card
from hub.sourcing.day_count import LocationDay, count_days
from hub.sourcing.eligible import NONE, UNKNOWN, Load, eliminate
from hub.sourcing.location import kinds_of
from hub.sourcing.model import Decision, LocationKind, Question, Site, Terms
from hub.sourcing.open_count import count_open
from hub.sourcing.policies import policies_in_force
from hub.sourcing.policy import SourcingPolicy
from hub.sourcing.promise import NO_CALENDAR, Calendar, counts_to
from hub.sourcing.rates import Card
from hub.sourcing.terms import NOTHING, Grounds, terms_of


class Own(NamedTuple):
    """A brand's own policy: the built-in rules with its costs and limits, what it says itself, and its rate card.

    `open_at` counts the documents that are open at the locations that may have only so many, `made_for` those made for
    the days of locations that may have only so many a day, of which `booked` are planned here; `sold` is what four
    weeks sell by (SKU, location). `kinds` are what the locations are, where it asks for that.
    """

    policy: Policy
    said: SourcingPolicy | None = None
    card: Card | None = None
    calendar: Calendar = NO_CALENDAR
    open_at: Counter[str] | None = None
    made_for: Counter[LocationDay] | None = None
    booked: Counter[LocationDay] | None = None
    sold: Mapping[tuple[str, str], int] = NOTHING
    kinds: Mapping[str, LocationKind] = UNKNOWN

    @property
    def valued(self) -> bool:
        """Say whether it asks what ordinary goods are worth."""
        return weighs_value(self.policy.splitters)

    @property
    def most_open(self) -> dict[str, int]:
        """Give how many documents may be open at the locations that may have only so many."""
        said = self.said.locations if self.said else {}
        return {code: one.most_open for code, one in said.items() if one.most_open is not None}

    @property
    def counts(self) -> bool:
        """Whether documents are counted as they are planned."""
        return self.open_at is not None or self.made_for is not None

    def ask(
        self, sites: Sequence[Site], to: str, here: datetime, skus: Collection[str]
    ) -> tuple[Sequence[Site], Terms | None]:
        """Bar the sites that it leaves out, and give the terms for SKUs to a division; `here` in the business zone."""
        if self.said is None:
            return sites, None
        able = eliminate(sites, self.said, here, self.load(here), self.calendar, self.kinds)
        return able, terms_of(Grounds(self.said, self.card, self.calendar, self.sold), able, to, here, skus)

    def load(self, here: datetime) -> Load:
        """Say how many documents the locations have that are limited, with those that are planned."""
        made = self.made_for or {}
        now = {code: made.get((code, day), 0) for code, day in self.days(here).items()} if made else NONE
        return Load(self.open_at or NONE, now)

    def days(self, here: datetime) -> Mapping[str, date]:
        """Give the day that a document made now counts to, of each location that may have only so many a day."""
        said = self.said
        limited = {code: one for code, one in said.locations.items() if one.most_a_day is not None} if said else {}
        days = {code: counts_to(one, said.closed if said else (), here, self.calendar) for code, one in limited.items()}
        return {code: day for code, day in days.items() if day is not None}

    def room(self, here: datetime) -> dict[str, int]:
        """Say how many more documents may be made at the locations that may have only so many."""
        load, standings = self.load(here), self.said.locations if self.said else {}
        limits = [
            *((code, one.most_open, load.open_at.get(code, 0)) for code, one in standings.items()),
            *((code, one.most_a_day, load.made_for.get(code, 0)) for code, one in standings.items()),
        ]
        room: dict[str, int] = {}
        for code, most, there in limits:
            if most is not None:
                room[code] = min(room.get(code, most), max(most - there, 0))
        return room

    def book(self, decisions: Iterable[tuple[Question, Decision]], here: datetime) -> None:
        """Count the documents that decisions open, for those that are planned after them."""
        if not self.counts:
            return
        codes = [choice.code for _, decision in decisions for choice in decision.choices]
        if self.open_at is not None:
            self.open_at.update(codes)
        if self.made_for is not None:
            days = self.days(here)
            made = [(code, days[code]) for code in codes if code in days]
            self.made_for.update(made)
            if self.booked is not None:
                self.booked.update(made)

    def most(self) -> Mapping[LocationDay, int]:
        """Give how many documents the days may have that some are planned for."""
        said = self.said.locations if self.said else {}
        return {day: said[day[0]].most_a_day or 0 for day in self.booked or ()}


def own_policies(session: Session, policy: Policy, brands: Collection[str]) -> Mapping[str, Own]:
    """Give what differs from a policy, by those brands that it does for; mostly nothing does."""
    return {brand: under(session, policy, one) for brand, one in policies_in_force(session, brands).items()}


def with_counts(
    session: Session, own: Mapping[str, Own], skus: Collection[str], at: datetime, *, lock: bool = False
) -> Mapping[str, Own]:
    """Give policies with what they count, as it stands now: sales of SKUs, documents; only what one asks for is read.

    `at` is in the business zone; with `lock` limited days are held still behind stock, limited locations behind them.
    """
    weighing = any(one.said and one.said.weights.supply for one in own.values())
    sold = sold_of(session, skus, at) if weighing else NOTHING
    made, there = _documents(session, own, at, lock=lock)
    return {brand: _counted(one, made, there, at)._replace(sold=sold) for brand, one in own.items()}


def hold_limits(session: Session, policy: Policy, brands: Collection[str], at: datetime) -> None:
    """Hold limited locations of brands still, before a transaction that sources more than once, and behind its stock.

    Else it would ask for a location's day while it holds the turn of another one, or quotas. `at` is in the business
    zone.
    """
    _documents(session, own_policies(session, policy, brands), at, lock=True)


def _documents(
    session: Session, own: Mapping[str, Own], at: datetime, *, lock: bool
) -> tuple[Mapping[LocationDay, int], Counter[str]]:
    """Count documents of limited days and of limited locations, the days first."""
    days = {(code, day) for one in own.values() for code, day in one.days(at).items()}
    made = count_days(session, days, lock=lock)
    return made, count_open(session, {code for one in own.values() for code in one.most_open}, lock=lock)


def sold_of(session: Session, skus: Collection[str], at: datetime) -> Mapping[tuple[str, str], int]:
    """Give how many pieces go in four weeks by (SKU, location), at the faster pace of last week's and last month's."""
    found = paces(session, skus, at).items()
    return {key: round(pace.pieces_per_day * MONTH.days) for key, pace in found if key[1]}


def _counted(own: Own, made: Mapping[LocationDay, int], there: Counter[str], at: datetime) -> Own:
    days = own.days(at)
    counted = Counter({(code, day): made.get((code, day), 0) for code, day in days.items()}) if days else None
    open_at = Counter({code: there[code] for code in own.most_open}) if own.most_open else None
    return own._replace(open_at=open_at, made_for=counted, booked=Counter() if days else None)


def under(session: Session, policy: Policy, own: SourcingPolicy) -> Own:
    """Give a policy as a brand's own one changes it, with the rate card and the calendar that this one names.

    Raises: NotFound for a rate card or a calendar that is not there.
    """
    card = get_card(session, own.brand, own.freight.rates) if own.freight else None
    calendar = get_calendar(session, own.calendar) if own.calendar else NO_CALENDAR
    kinds = kinds_of(session, own.brand) if own.asks_kinds else UNKNOWN
    return with_card(policy, own.told_by_location(kinds), card)._replace(calendar=calendar, kinds=kinds)


def with_card(policy: Policy, own: SourcingPolicy, card: Card | None) -> Own:
    """Give a policy as a brand's own one changes it."""
    chain = chain_of(policy.splitters, own.split)
    changed = replace(policy, version=own.version, splitters=chain, costs=own.costs.costs())
    return Own(changed, own, card)
