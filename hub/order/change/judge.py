"""Judge an order again after it was changed, by the same rules that judge one that is placed."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from hub.cases import resolve
from hub.database import rows, run
from hub.fulfilment.keep import keep_back, let_out
from hub.order.lock import Locked
from hub.order.place.ask_rules import ask_of_planned, ask_rules
from hub.order.place.part_facts import Delivery
from hub.order.place.told_back import deliveries_of
from hub.order.place.write_holds import call_people, write_holds
from hub.order.reread import record_of
from hub.order.reviews import close_reviews
from hub.order.rules.hold import Evidence, Hold, HoldType, held_lines, holds_of, with_gifts
from hub.order.rules.normalise import NormalOrder, without
from hub.order.rules.policy import Policy
from hub.review.judge import FAILED
from hub.review.standing import rules_in_force
from hub.review.verdict import Act, Scope

Key = tuple[str, str, str, int, int]
"""What tells holds of an order apart: type, rule, of one that stands for a rule that failed that rule, the line and the
fulfilment order (0 for none).
"""

RENEWED: Final = (HoldType.ADDRESS, HoldType.REMARK)
"""Types of holds that another address or remark does away with."""

NONE_CUT: Final[Mapping[int, int]] = {}


@dataclass(frozen=True, slots=True)
class Again:
    """An order as it is read back."""

    order: NormalOrder


@dataclass(frozen=True, slots=True)
class Judged:
    """One order that the rules are asked about, in the shape of a batch."""

    new: Mapping[int, Again]
    subjects: Mapping[int, int]
    rows_of: Mapping[int, Mapping[str, Any]]
    at: datetime
    here: datetime


def judge_again(
    session: Session,
    order: Locked,
    before: NormalOrder,
    after: NormalOrder,
    policy: Policy,
    at: datetime,
    *,
    anew: Collection[HoldType] = RENEWED,
    cut: Mapping[int, int] = NONE_CUT,
) -> frozenset[int]:
    """Hold what the rules hold now and did not before, and let go what they do not hold any more.

    Open holds of the types `anew` go, whatever the old order would be judged by today; others stay as somebody has
    judged them. What they say of both is left as it is: a person may have let it go on. What has a source already and
    no location knows of is kept here, too, whichever acts a rule blocks. Gives the lines that are held from now on by
    holds of their own. Cancelled pieces are none of the order any more, nor are those of `cut`, by line, of the new:
    they are cancelled after this. `at` is in the business zone.
    """
    opened, gone = deliveries_of(session, [order.id], unheard=True), _cancelled(session, order.id)
    before, after = without(before, gone), without(after, gone + Counter(cut))
    was = _holds(session, order.id, before, opened, policy, at)
    now = _holds(session, order.id, after, opened, policy, at)
    over = {*was, *_open_holds(session, order.id, anew)} - now.keys()
    _let_go(session, order.id, sorted(over), at)
    there = _parts_held(session, order.id)
    fresh = [_kept_here(one) for key, one in now.items() if was.get(key) != one]
    fresh = [one for one in fresh if (one.rule, one.version or policy.version, *_part(one)) not in there]
    write_holds(session, {order.id: fresh}, policy.version, at)
    keep_back(session, [order.id])
    let_out(session, [order.id], at)
    call_people(session, {order.id: order.brand}, {order.id: fresh}, at)
    _close_cases(session, order.id, at)
    return held_lines(fresh, Act.ROUTE)


def _cancelled(session: Session, order_id: int) -> Counter[int]:
    statement = "select line_no, cancelled from order_line where order_id = :id and kind <> 'bundle' and cancelled > 0"
    return Counter({one.line_no: one.cancelled for one in rows(session, statement, id=order_id)})


def _holds(
    session: Session, order_id: int, one: NormalOrder, opened: Sequence[Delivery], policy: Policy, at: datetime
) -> dict[Key, Hold]:
    subject_id, record = record_of(session, order_id, one, at)
    batch = Judged({order_id: Again(one)}, {order_id: subject_id}, {order_id: record}, at, at)
    edition = rules_in_force(session)
    held = {order_id: holds_of(one, Evidence(None, at), policy.holds, policy.line_holds)}
    after = with_gifts(ask_rules(session, edition, batch, {}, held)[order_id], one.lines)
    if opened and Scope.FULFILMENT in edition.scopes:
        after = [*after, *ask_of_planned(session, edition, batch, {}, opened).get(order_id, ())]
    return {_key(one): one for one in after if not one.released_by}


def _let_go(session: Session, order_id: int, over: Sequence[Key], at: datetime) -> None:
    run(
        session,
        """update order_hold h set released_at = :at, released_by = 'system', reason = 'changed'
           from unnest(cast(:types as text[]), cast(:rules as text[]), cast(:failing as text[]),
                       cast(:lines as bigint[]), cast(:fulfilments as bigint[]))
                as gone (type, rule, failing, line_no, fulfilment_no)
           where h.order_id = :id and h.released_at is null and (h.type, h.rule) = (gone.type, gone.rule)
             and (coalesce(h.line_no, 0), coalesce(h.fulfilment_no, 0)) = (gone.line_no, gone.fulfilment_no)
             and (h.rule <> :failed or h.evidence ->> 'rule' = gone.failing)""",
        at=at,
        id=order_id,
        types=[key[0] for key in over],
        rules=[key[1] for key in over],
        failing=[key[2] for key in over],
        lines=[key[3] for key in over],
        fulfilments=[key[4] for key in over],
        failed=FAILED,
    )


def _parts_held(session: Session, order_id: int) -> set[tuple[str, str, int, int]]:
    """Give the live holds of lines and fulfilment orders by rule and version: each holds its part once."""
    found = rows(
        session,
        """select rule, rule_version, coalesce(line_no, 0) as line_no, coalesce(fulfilment_no, 0) as fulfilment_no
           from order_hold where order_id = :id and released_at is null
             and (line_no is not null or fulfilment_no is not null)""",
        id=order_id,
    )
    return {(one.rule, one.rule_version, one.line_no, one.fulfilment_no) for one in found}


def _part(one: Hold) -> tuple[int, int]:
    return one.line_no or 0, one.fulfilment_no or 0


def _kept_here(one: Hold) -> Hold:
    """Give a hold that blocks the release, too: one that blocks the route alone comes too late for a routed order."""
    return replace(one, blocks=tuple(dict.fromkeys((*one.blocks, Act.RELEASE.value))))


def _key(one: Hold) -> Key:
    return one.type, one.rule, str(one.evidence["rule"]) if one.rule == FAILED else "", *_part(one)


def _open_holds(session: Session, order_id: int, types: Collection[HoldType]) -> set[Key]:
    """Give the open holds of some types that are of the whole order."""
    found = rows(
        session,
        """select type, rule from order_hold
           where order_id = :id and released_at is null and type = any(:types)
             and line_no is null and fulfilment_no is null""",
        id=order_id,
        types=[one.value for one in types],
    )
    return {(HoldType(one.type), one.rule, "", 0, 0) for one in found}


def _close_cases(session: Session, order_id: int, at: datetime) -> None:
    """Close the cases of holds that are gone; while one of their kind is open, its case is."""
    statement = "select 1 from order_hold where order_id = :id and released_at is null and type = :type limit 1"
    if not rows(session, statement, id=order_id, type=HoldType.ADDRESS.value):
        resolve(session, f"order:{order_id}", at, "system", "changed", "address")
    close_reviews(session, [order_id], at, "system", "changed")
