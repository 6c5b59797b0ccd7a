"""Judge an order again after it was changed, by the same rules that judge one that is placed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from hub.cases import NewCase, open_cases, resolve
from hub.database import rows, run
from hub.fulfilment.keep import keep_back, let_out
from hub.order.change.reread import record_of
from hub.order.lock import Locked
from hub.order.place.allocate import write_holds
from hub.order.place.ask_rules import ask_rules
from hub.order.rules.hold import Evidence, Hold, HoldType, holds_of
from hub.order.rules.normalise import NormalOrder
from hub.order.rules.policy import Policy
from hub.review.judge import FAILED
from hub.review.verdict import Act

Key = tuple[HoldType, str, str]
"""What tells holds of an order apart: type and rule, and of one that stands for a rule that failed, that rule."""


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
    goods: bool = False,
) -> None:
    """Hold what the rules hold now and did not before, and let go what they do not hold any more.

    Where only `goods` were added, address and remark stay as somebody has judged them.
    What they say of both is left as it is: a person may have let it go on. What has a source already and no location
    knows of is kept here, too, whichever acts a rule blocks. `at` is in the business zone.
    """
    was = _holds(session, order.id, before, policy, at)
    now = _holds(session, order.id, after, policy, at)
    fresh = [_kept_here(one) for key, one in now.items() if was.get(key) != one]
    anew = set[Key]() if goods else _open_holds(session, order.id)
    over = sorted({*was, *anew} - now.keys())
    run(
        session,
        """update order_hold h set released_at = :at, released_by = 'system', reason = 'changed'
           from unnest(cast(:types as text[]), cast(:rules as text[]), cast(:failing as text[]))
                as gone (type, rule, failing)
           where h.order_id = :id and h.released_at is null and (h.type, h.rule) = (gone.type, gone.rule)
             and (h.rule <> :failed or h.evidence ->> 'rule' = gone.failing)""",
        at=at,
        id=order.id,
        types=[kind for kind, _, _ in over],
        rules=[rule for _, rule, _ in over],
        failing=[failing for _, _, failing in over],
        failed=FAILED,
    )
    write_holds(session, {order.id: fresh}, policy.version, at)
    keep_back(session, [order.id])
    let_out(session, [order.id], at)
    _call(session, order, [one for one in fresh if one.calls], at)
    _close_cases(session, order.id, at)


def _holds(session: Session, order_id: int, one: NormalOrder, policy: Policy, at: datetime) -> dict[Key, Hold]:
    subject_id, record = record_of(session, order_id, one, at)
    batch = Judged({order_id: Again(one)}, {order_id: subject_id}, {order_id: record}, at, at)
    held = {order_id: holds_of(one, Evidence(None, at), policy.holds)}
    after = ask_rules(session, batch, {}, held)[order_id]
    return {_key(one): one for one in after if not one.released_by}


def _kept_here(one: Hold) -> Hold:
    """Give a hold that blocks the release, too: one that blocks the route alone comes too late for a routed order."""
    return replace(one, blocks=tuple(dict.fromkeys((*one.blocks, Act.RELEASE.value))))


def _key(one: Hold) -> Key:
    return one.type, one.rule, str(one.evidence["rule"]) if one.rule == FAILED else ""


def _open_holds(session: Session, order_id: int) -> set[Key]:
    """Give the holds that a new address or remark does away with, whatever the old one would be judged by today."""
    found = rows(
        session,
        """select type, rule from order_hold
           where order_id = :id and released_at is null and type in ('address', 'remark')""",
        id=order_id,
    )
    return {(HoldType(one.type), one.rule, "") for one in found}


def _call(session: Session, order: Locked, holds: list[Hold], at: datetime) -> None:
    cases = [
        NewCase(
            "address" if one.type is HoldType.ADDRESS else "review",
            f"order:{order.id}",
            order.brand,
            f"{one.type}: {one.rule}",
            order.id,
        )
        for one in holds
    ]
    open_cases(session, cases, at)


def _close_cases(session: Session, order_id: int, at: datetime) -> None:
    """Close the cases of holds that are gone; while one of their kind is open, its case is."""
    left = rows(session, "select type from order_hold where order_id = :id and released_at is null", id=order_id)
    types = {one.type for one in left}
    if HoldType.ADDRESS not in types:
        resolve(session, f"order:{order_id}", at, "system", "changed", "address")
    if not types - {HoldType.ADDRESS, HoldType.STOCK, HoldType.FINANCE}:
        resolve(session, f"order:{order_id}", at, "system", "changed", "review")
