"""Ask the review rules in force about a batch that is being placed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.orm import Session

from hub.database import keyring_of
from hub.order.place.facts import facts_of, told_of
from hub.order.place.facts_gather import gather
from hub.order.place.twins import Fresh
from hub.order.rules.hold import Hold
from hub.review.judge import holds_after
from hub.review.standing import rules_in_force


class Asking(Protocol):
    """A batch about to be written."""

    @property
    def new(self) -> Mapping[int, Fresh]: ...
    @property
    def subjects(self) -> Mapping[int, int]: ...
    @property
    def rows_of(self) -> Mapping[int, Mapping[str, Any]]: ...
    @property
    def at(self) -> datetime: ...
    @property
    def here(self) -> datetime: ...


Held = Mapping[int, Sequence[Hold]]


def ask_rules(session: Session, batch: Asking, twins: Mapping[int, int], held: Held) -> Held:
    """Give the holds of a batch with what its shops' rules add and let go.

    Shops without rules cost one look-up a batch.
    """
    edition = rules_in_force(session)
    if edition.is_empty:
        return held
    shops = {no: one.order.shop_order for no, one in batch.new.items()}
    asked = {no: rules for no, at in shops.items() if (rules := edition.of(at.brand, at.shop))}
    if not asked:
        return held
    names = frozenset[str]().union(*(rules.facts for rules in asked.values()))
    ring = keyring_of(session)
    told = [
        told_of(no, batch.new[no].order, batch.rows_of[no], batch.subjects[no], ring, names) for no in sorted(asked)
    ]
    gathered = gather(session, told, names, twins, batch.here)
    after = dict(held)
    for one in told:
        facts = facts_of(one, gathered, asked[one.id].facts)
        after[one.id] = holds_after(asked[one.id].judge(facts), held[one.id], facts, batch.at)
    return after
