"""The policy that a brand's orders are sourced by: its own where one is in force, else the built-in one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy.orm import Session

from hub.order.policy import BONDED_FEN, PARCEL_CM3, PARCEL_GRAMS, Policy
from hub.order.split import Link, Splitter, by_bonded_value, by_parcel, by_pieces
from hub.sourcing.policies import policies_in_force
from hub.sourcing.policy import Elimination, Limits, SourcingPolicy


class Own(NamedTuple):
    """A brand's own policy: the built-in rules with its costs and limits, and whom it leaves out."""

    policy: Policy
    eliminate: Elimination


def own_policies(session: Session, policy: Policy) -> Mapping[str, Own]:
    """Give what differs from a policy, by brand; mostly nothing does."""
    return {brand: under(policy, one) for brand, one in policies_in_force(session).items()}


def under(policy: Policy, own: SourcingPolicy) -> Own:
    """Give a policy as a brand's own one changes it."""
    chain = tuple(_limited(policy.splitters, own.split))
    return Own(replace(policy, version=own.version, splitters=chain, costs=own.costs.costs()), own.eliminate)


def _limited(chain: Sequence[Link], limits: Limits) -> Iterator[Link]:
    """Give the chain with the brand's own limits; their place in it stays."""
    own = {
        "parcel": by_parcel(limits.parcel_grams or PARCEL_GRAMS, limits.parcel_cm3 or PARCEL_CM3),
        "bonded_value": by_bonded_value(limits.bonded_fen or BONDED_FEN),
    }
    yield from (own.get(link.name, link) if isinstance(link, Splitter) else link for link in chain)
    if limits.parcel_pieces:
        yield by_pieces(limits.parcel_pieces)
