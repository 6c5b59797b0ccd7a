"""Close windows: what waited goes to its location, together with others of its recipient where it may."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.audit import record_all
from hub.database import copy, rows, run
from hub.fulfilment.keep import concerning, keep_back
from hub.fulfilment.release import RELEASE, code_of, lane_of, release_step
from hub.ids import new_ids
from hub.merge.fit import Limits, Part, fit
from hub.merge.policy import ShopPolicy, policies_of
from hub.merge.spread import PER_PLACE
from hub.steps import NewStep, add

AT_ONCE: Final = 500
"""Windows that are closed in one transaction: the rows of their orders stay locked until its end."""

TRADE: Final = frozenset({"normal", "presale", "gift"})
"""Types of orders that are one type of document to a location."""

WAITING: Final = f"""
    select w.order_id, w.no, w.key, w.until <= :at as due, f.brand, f.location, f.connection, f.owner, f.courier,
           f.method, f.attempt, f.execution = 'scheduled' and f.negotiation = 'unsubmitted' as waits,
           o.shop, o.type, o.division, o.currency, o.lifecycle, goods.storages, goods.grams, goods.last_line,
           goods.special,
           exists (select 1 from order_hold h where h.order_id = o.id and h.released_at is null
                   and {concerning("w.no")}) as held
    from merge_wait w join fulfilment_order f using (order_id, no) join sales_order o on o.id = w.order_id
    cross join lateral (
        select array_agg(distinct l.storage) as storages, max(line_no) as last_line,
               sum((p.quantity - p.shipped - p.released) * l.grams)::bigint as grams,
               bool_or(s.hazard <> '' or s.oversize or s.supplier <> '' or s.bonded
                       or coalesce(s.available_from > cast(:at as date), false)) as special
        from fulfilment_line p join order_line l using (order_id, line_no) join sku s on s.code = l.sku
        where (p.order_id, p.no) = (w.order_id, w.no)) goods
    where w.order_id = any(:ids) order by w.order_id, w.no"""


def close_windows(session: Session, at: datetime, most: int = AT_ONCE) -> int:
    """Release what waited long enough, and what goes with it; give how many fulfilment orders.

    Recipients of whom somebody works on an order are left for the next time: their windows close together.
    """
    found = rows(session, WAITING, ids=_hold(session, at, most), at=at)
    policies = policies_of(session)
    stale = [one for one in found if not one.waits]  # a location has spoken of it without having been told
    parts = {(one.order_id, one.no): one for one in found if one.waits}
    groups = fit([_part(one, policies) for one in parts.values()])
    chosen = [[parts[part.order_id, part.no] for part in group] for group in groups]
    together = [group for group in chosen if len(group) > 1]
    _open(session, [*stale, *(one for group in chosen for one in group)], at)
    steps = [_alone(group[0]) for group in chosen if len(group) == 1]
    steps += _write_groups(session, together, at)
    add(session, steps, at)
    keep_back(session, {step.order_id for step in steps if step.order_id})
    return sum(map(len, chosen))


def _hold(session: Session, at: datetime, most: int) -> list[int]:
    """Lock the orders of recipients who have a window that is over, but of those of whom somebody works on one."""
    found = rows(
        session,
        """select key, array_agg(distinct order_id) as orders from merge_wait
           where key in (select key from merge_wait where until <= :at order by until limit :most) group by key""",
        at=at,
        most=most,
    )
    ids = sorted({order_id for one in found for order_id in one.orders})
    free = "select id from sales_order where id = any(:ids) order by id for update skip locked"
    held = {one.id for one in rows(session, free, ids=ids)}
    return sorted({order_id for one in found if held.issuperset(one.orders) for order_id in one.orders})


def _part(one: Row[Any], policies: Mapping[str, ShopPolicy]) -> Part:
    policy = policies.get(one.shop)
    # What a rule of splitting set apart by its traits is not put together with anything again.
    apart = one.held or one.special or len(one.storages) != 1 or one.last_line >= PER_PLACE
    if policy is None or apart or one.type in policy.never:
        return Part(one.order_id, one.no, (), one.due, one.grams, Limits(1, one.grams))
    kind = "trade" if one.type in TRADE else one.type
    place = (one.location, one.connection, one.owner, one.courier, one.method, one.storages[0])
    whom = (bytes(one.key).hex(), policy.together, one.division, one.currency, kind)
    return Part(one.order_id, one.no, (*whom, *place), one.due, one.grams, policy.limits)


def _open(session: Session, going: Sequence[Row[Any]], at: datetime) -> None:
    """Let fulfilment orders wait no more."""
    keys = {"orders": [one.order_id for one in going], "numbers": [one.no for one in going]}
    these = "select * from unnest(cast(:orders as bigint[]), cast(:numbers as bigint[]))"
    run(session, f"delete from merge_wait where (order_id, no) in ({these})", **keys)
    run(
        session,
        f"""update fulfilment_order set execution = 'open', version = version + 1, updated_at = :at
            where (order_id, no) in ({these}) and execution = 'scheduled' and negotiation = 'unsubmitted'""",
        at=at,
        **keys,
    )


def _alone(one: Row[Any]) -> NewStep:
    return release_step(one.order_id, one.no, one.connection, one.attempt)


def _write_groups(session: Session, groups: Sequence[Sequence[Row[Any]]], at: datetime) -> list[NewStep]:
    """Write groups with their members, and give the steps that release them."""
    ids = new_ids(session, len(groups), at) if groups else []
    numbered = list(zip(ids, groups, strict=True))
    columns = ["id", "brand", "version", "created_at", "updated_at", "location", "connection", "code", "ending"]
    heads = [
        (group_id, head.brand, 1, at, at, head.location, head.connection, code_of(head.order_id, head.no), "")
        for group_id, (head, *_) in numbered
    ]
    copy(session, "merge_group", columns, heads)
    members = [
        (one.order_id, one.no, group_id, place) for group_id, group in numbered for place, one in enumerate(group, 1)
    ]
    copy(session, "merge_member", ["order_id", "no", "group_id", "place"], members)
    told = [(f"order:{order_id}", {"group": str(group_id), "place": place}) for order_id, _, group_id, place in members]
    record_all(session, at, "system", "order.merge", told)
    return [_together(group_id, head) for group_id, (head, *_) in numbered]


def _together(group_id: int, head: Row[Any]) -> NewStep:
    return NewStep(
        flow=RELEASE,
        lane=lane_of(code_of(head.order_id, head.no), head.connection),
        connection=head.connection,
        idempotency_key=f"merge:{group_id}",
        order_id=head.order_id,
        subject={"order_id": head.order_id, "no": head.no, "group": group_id},
    )
