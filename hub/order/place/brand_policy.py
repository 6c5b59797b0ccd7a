"""The policy that a brand's orders are sourced by: its own where one is in force, else the built-in one."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from hub.database import rows
from hub.order.rules.chain import chain_of
from hub.order.rules.policy import Policy
from hub.order.rules.split import weighs_value
from hub.sourcing.cards import get_card
from hub.sourcing.eligible import NONE, eliminate
from hub.sourcing.model import Decision, Question, Site, Terms
from hub.sourcing.policies import policies_in_force
from hub.sourcing.policy import SourcingPolicy
from hub.sourcing.rates import Card
from hub.sourcing.terms import terms_of


class Own(NamedTuple):
    """A brand's own policy: the built-in rules with its costs and limits, what it says itself, and its rate card.

    `open_at` counts the documents that are open at the locations that may have only so many, as they are planned.
    """

    policy: Policy
    said: SourcingPolicy | None = None
    card: Card | None = None
    open_at: Counter[str] | None = None

    @property
    def valued(self) -> bool:
        """Say whether it asks what ordinary goods are worth."""
        return weighs_value(self.policy.splitters)

    def ask(self, sites: Sequence[Site], to: str, here: datetime) -> tuple[Sequence[Site], Terms | None]:
        """Bar the sites that it leaves out, and give the terms to a division; `here` is in the business zone."""
        if self.said is None:
            return sites, None
        able = eliminate(sites, self.said, here, self.open_at or NONE)
        if self.said.freight is None or self.card is None:
            return able, None
        return able, terms_of(self.said, self.said.freight, self.card, able, to, here)

    def room(self) -> dict[str, int]:
        """Say how many more documents may be opened at the locations that may have only so many."""
        standings = self.said.locations if self.said else {}
        limits = {code: one.most_open for code, one in standings.items() if one.most_open is not None}
        return {code: max(most - (self.open_at or NONE).get(code, 0), 0) for code, most in limits.items()}

    def book(self, decisions: Iterable[tuple[Question, Decision]]) -> None:
        """Count the documents that decisions open, for those that are planned after them."""
        if self.open_at is not None:
            self.open_at.update([choice.code for _, decision in decisions for choice in decision.choices])


def own_policies(session: Session, policy: Policy, brands: Collection[str]) -> Mapping[str, Own]:
    """Give what differs from a policy, by those brands that it does for; mostly nothing does."""
    own = {brand: under(session, policy, one) for brand, one in policies_in_force(session, brands).items()}
    return {brand: one._replace(open_at=_open_at(session, one)) for brand, one in own.items()}


def _open_at(session: Session, own: Own) -> Counter[str] | None:
    """Count what is open at the locations that may have only so many; what others plan meanwhile is not in it."""
    said = own.said.locations if own.said else {}
    limited = [code for code, standing in said.items() if standing.most_open is not None]
    if not limited:
        return None
    found = rows(
        session,
        """select location, count(*) as n from fulfilment_order
           where location = any(:codes) and execution in ('open', 'scheduled', 'on_hold', 'in_progress')
           group by location""",
        codes=limited,
    )
    return Counter({one.location: one.n for one in found})


def under(session: Session, policy: Policy, own: SourcingPolicy) -> Own:
    """Give a policy as a brand's own one changes it, with the rate card that this one names.

    Raises: NotFound for a rate card that is not there.
    """
    return with_card(policy, own, get_card(session, own.brand, own.freight.rates) if own.freight else None)


def with_card(policy: Policy, own: SourcingPolicy, card: Card | None) -> Own:
    """Give a policy as a brand's own one changes it."""
    chain = chain_of(policy.splitters, own.split)
    changed = replace(policy, version=own.version, splitters=chain, costs=own.costs.costs())
    return Own(changed, own, card)
