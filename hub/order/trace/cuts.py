"""Which rules of splitting made each part of an order what it is: asked of the chain anew, never stored."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import groupby

from sqlalchemy.orm import Session

from hub.database import rows
from hub.errors import Malformed
from hub.order.rehearse.asked import whole
from hub.order.rules.chain import chain_of
from hub.order.rules.policy import POLICY
from hub.order.rules.split import Link, split
from hub.order.trace.routing import TracedDecision
from hub.sourcing.policy import read_policy

Chain = Sequence[Link]


def cuts_of(session: Session, order_id: int, decisions: Sequence[TracedDecision]) -> Mapping[int, tuple[str, ...]]:
    """Name the rules that cut each decision's goods off, by its number; "floor" where they were joined again.

    A decision is left out where its policy, cutting again, does not cut as it did: the built-in one of an earlier
    release, two plans of the same moment, or one where a gift had a piece of its main item come along.
    """
    chains = _chains(session, order_id, {one.policy for one in decisions})
    found: dict[int, tuple[str, ...]] = {}
    for (_, policy), group in groupby(decisions, key=lambda one: (one.decided_at, one.policy)):
        parts, told = list(group), list[list[str]]()
        if policy not in chains:
            continue
        cut = split(whole([want for part in parts for want in part.wants]), chains[policy], told)
        if cut == [part.wants for part in parts]:
            found |= {part.no: tuple(names) for part, names in zip(parts, told, strict=True)}
    return found


def _chains(session: Session, order_id: int, versions: set[str]) -> dict[str, Chain]:
    chains: dict[str, Chain] = {POLICY.version: POLICY.splitters}
    if others := versions - chains.keys():
        found = rows(
            session,
            """select p.label, p.content from routing_policy p join sales_order o using (brand)
               where o.id = :id and p.label = any(:labels)""",
            id=order_id,
            labels=sorted(others),
        )
        for one in found:
            with suppress(Malformed):  # an earlier release took more
                chains[one.label] = chain_of(POLICY.splitters, read_policy(one.content).split)
    return chains
