"""Give what a change took back a source again, as little disturbed as can be, and what it added with it."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import rows
from hub.order.change.revision import Wish
from hub.order.lock import TRIES, Locked, open_blockers
from hub.order.place.allocate import allocate
from hub.order.rest import barred, barred_but, leave_to_come, need_for, open_pieces
from hub.order.rules.policy import Policy
from hub.sourcing.eligible import NOT_WISHED, STAYS
from hub.sourcing.location import find_places


@dataclass(frozen=True, slots=True)
class Freed:
    """Fulfilment orders that were taken back, the pieces by line that will be cancelled, and what replaces them.

    What is added in the place of pieces goes with what their document still has, if it was let go of.
    """

    documents: Sequence[Row[Any]]
    cut: Mapping[int, int]
    instead: Mapping[int, Mapping[int, int]]


def replacements(session: Session, order_id: int, revision_no: int) -> dict[int, dict[int, int]]:
    """Give the pieces by line that a revision has added in the place of others, by each line of those."""
    found = rows(
        session,
        """select cast(jsonb_object_keys(one.parts) as bigint) as old, l.line_no, l.ordered
           from order_revision r
           cross join lateral jsonb_to_recordset(r.added) as one (line_no bigint, parts jsonb)
           join order_line l on l.order_id = r.order_id and l.kind <> 'bundle' and l.storage <> 'none'
                             and one.line_no in (l.line_no, l.parent_no)
           where r.order_id = :id and r.no = :no and one.line_no > 0""",
        id=order_id,
        no=revision_no,
    )
    instead: dict[int, dict[int, int]] = {}
    for one in found:
        instead.setdefault(one.old, {})[one.line_no] = one.ordered
    return instead


def source_again(session: Session, order: Locked, wish: Wish, freed: Freed, policy: Policy, at: datetime) -> None:
    """Give what was taken back a source again, document by document; where nothing else changed, where it was."""
    left, cuts = Counter(open_pieces(session, order.id)), Counter(freed.cut)
    for one in freed.documents:
        left -= _pieces(one)
    cuts_of_rest = left & cuts  # what had no source goes first: it disturbs nobody
    cuts -= cuts_of_rest
    left -= cuts_of_rest
    held = [one.rule for one in open_blockers(session, order.id)]
    if any(rule != TRIES for rule in held):
        return
    for one in freed.documents:
        pieces = _pieces(one) & Counter(open_pieces(session, order.id))
        gone = pieces & cuts
        cuts -= gone
        fresh = _fresh(freed.instead, gone) & left
        left -= fresh
        if again := dict(pieces - gone + fresh):
            elsewhere = _barred_for(session, order, wish, one, fixed=not fresh)
            need = need_for(session, order, again, at, elsewhere, one.attempt + 1, one.no)
            allocate(session, [need], policy, at, cut={order.id: freed.cut})
    if left and not held:  # what was added, and what lost its source while the change was under way
        need = need_for(session, order, dict(left), at, barred(session, order.id, short=False))
        need = leave_to_come(session, need, policy, at)
        allocate(session, [need] if need.wants else [], policy, at, cut={order.id: freed.cut})


def _pieces(one: Row[Any]) -> Counter[int]:
    return Counter({int(no): n for no, n in one.pieces.items()})


def _fresh(instead: Mapping[int, Mapping[int, int]], gone: Counter[int]) -> Counter[int]:
    """Give the pieces that come in the place of some that go with a document."""
    fresh = Counter[int]()
    for no in gone:
        fresh |= Counter(instead.get(no, {}))
    return fresh


def _barred_for(session: Session, order: Locked, wish: Wish, one: Row[Any], *, fixed: bool) -> dict[str, str]:
    """Bar the locations that may not have the pieces of a fulfilment order that was taken back.

    They stay where they were (`fixed`), unless they are to move or others come to them.
    """
    places = find_places(session)
    refused = barred(session, order.id)
    stays = fixed and one.location in places and places[one.location].active and one.location not in refused
    if not wish.target and stays and not {"address", "route"} & set(wish.kinds):
        return _barred_but(session, one.location, STAYS, refused)
    return barred_by(session, wish, refused, {one.location} if wish.route else ())


def barred_by(
    session: Session, wish: Wish, refused: Mapping[str, str], unwished: Collection[str] = ()
) -> dict[str, str]:
    """Bar the locations that a wish leaves out, and those that have `refused`; but the one that it names is asked."""
    if wish.target:
        return _barred_but(session, wish.target, NOT_WISHED, refused)
    return dict.fromkeys({*wish.avoid, *unwished}, NOT_WISHED) | dict(refused)


def _barred_but(session: Session, location: str, reason: str, refused: Mapping[str, str]) -> dict[str, str]:
    others = barred_but(session, location, reason)
    return others | {code: why for code, why in refused.items() if code != location}
