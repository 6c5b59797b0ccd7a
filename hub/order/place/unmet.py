"""What an order has no source for: one hold and one case, which say what is missing now, and end when nothing is."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy.orm import Session

from hub.cases import NewCase, open_cases, resolve, resolve_all, reword
from hub.database import rows, run
from hub.order.lock import FOR_STOCK, NO_SOURCE, TRIES
from hub.order.place.arrival import RULE
from hub.order.place.gift_main import GIFT_MAIN
from hub.order.place.need import Plan
from hub.order.place.write_holds import write_holds
from hub.review.verdict import Hold, HoldType

CASE: Final = "stock"

MISSING: Final = f"""
    with missing as (
        select order_id, line_no, parent_no, sku, gift, ordered - allocated - shipped - cancelled as pieces,
               allocated + shipped as met
        from order_line l
        where order_id = any(:ids) and kind <> 'bundle' and storage <> 'none'
          and ordered > allocated + shipped + cancelled
          and not exists (select 1 from order_hold h where h.order_id = l.order_id and h.released_at is null
                          and (h.line_no = l.line_no and 'route' = any(h.blocks)
                               or h.rule = :arrival and h.evidence -> 'lines' @> to_jsonb(l.line_no))))
    select order_id, sku, sum(pieces)::bigint as pieces
    from (select *, case when gift then ({GIFT_MAIN}) end as main_no from missing one) one
    where not exists (select 1 from missing main where (main.order_id, main.line_no) = (one.order_id, one.main_no)
                                                   and not main.gift and main.met = 0)
    group by 1, 2 order by 1, min(line_no)"""
"""Pieces that no location has been given, of lines that nothing of their own keeps from a source.

A gift is not named while what it came with is missing whole: it may be there, and waits for that.
"""


def unmet_holds(plans: Sequence[Plan]) -> dict[int, list[Hold]]:
    """Give a stock hold for each new order that has no source for some of its pieces."""
    return {plan.need.order_id: [_hold(plan.missing)] for plan in plans if plan.unmet}


def open_stock_cases(session: Session, plans: Sequence[Plan], at: datetime) -> None:
    """Call a person for each new order that has no source for some of its pieces."""
    open_cases(session, [_case(plan, plan.missing) for plan in plans if plan.unmet], at)


def tell_unmet(session: Session, plans: Sequence[Plan], version: str, at: datetime) -> None:
    """Say of orders that were sourced again what they are missing now, whatever was said before."""
    told = retell_unmet(session, {plan.need.order_id for plan in plans}, at)
    fresh = {plan.need.order_id: plan for plan in plans if plan.unmet and plan.need.order_id not in told}
    if not fresh:
        return
    missing = {no: plan.missing for no, plan in fresh.items()} | dict(read_missing(session, fresh))
    write_holds(session, {no: [_hold(missing[no])] for no in fresh}, version, at)
    open_cases(session, [_case(plan, missing[no]) for no, plan in fresh.items()], at)


def retell_unmet(session: Session, order_ids: Collection[int], at: datetime) -> set[int]:
    """Rewrite the holds and cases of orders that had no source, and end those of which nothing is missing any more.

    Gives the orders whose hold stays. The orders' rows must be locked.
    """
    found = rows(
        session,
        f"""select order_id, min(no) as no, count(*) as n, (array_agg(evidence -> 'missing' order by no))[1] as missing
            from order_hold h where order_id = any(:ids) and released_at is null and {FOR_STOCK}
            group by 1 order by 1""",
        ids=sorted(order_ids),
    )
    if not found:
        return set()
    missing = read_missing(session, [one.order_id for one in found])
    stays = {one.order_id: one.no for one in found if one.order_id in missing}
    if any(one.n > 1 or one.order_id not in stays for one in found):
        _end(session, {one.order_id: stays.get(one.order_id, 0) for one in found}, at)
    changed = [one.order_id for one in found if one.order_id in stays and one.missing != missing[one.order_id]]
    if changed:
        run(
            session,
            """update order_hold h set evidence = jsonb_build_object('missing', cast(new.missing as jsonb))
               from unnest(cast(:ids as bigint[]), cast(:nos as bigint[]), cast(:missing as text[]))
                    as new (order_id, no, missing)
               where (h.order_id, h.no) = (new.order_id, new.no)""",
            ids=changed,
            nos=[stays[no] for no in changed],
            missing=[msgspec.json.encode(missing[no]).decode() for no in changed],
        )
        reword(session, CASE, {f"order:{no}": _words(missing[no]) for no in changed}, at)
    return set(stays)


def end_refused(session: Session, order_id: int, at: datetime) -> None:
    """End the hold of an order that was refused too often, and its case, once none of its pieces waits for a source."""
    ended = run(
        session,
        """update order_hold h set released_at = :at, released_by = 'system', reason = 'over'
           where order_id = :id and rule = :rule and released_at is null and not exists (
                select 1 from order_line l where l.order_id = :id and l.kind <> 'bundle' and l.storage <> 'none'
                and l.ordered > l.allocated + l.shipped + l.cancelled)""",
        at=at,
        id=order_id,
        rule=TRIES,
    )
    if ended:
        resolve(session, f"order:{order_id}", at, "system", "over", TRIES)


def read_missing(session: Session, order_ids: Collection[int]) -> Mapping[int, Mapping[str, int]]:
    """Give the pieces by SKU that orders are missing, in the order of their lines; orders that miss none are left out.

    What waits behind a hold of its line, or for its day, is not missing.
    """
    missing: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for one in rows(session, MISSING, ids=sorted(order_ids), arrival=RULE):
        missing[one.order_id][one.sku] = one.pieces
    return missing


def _end(session: Session, stays: Mapping[int, int], at: datetime) -> None:
    """End the holds of orders but for the one of each that stays; 0 is none, and its case is closed."""
    run(
        session,
        f"""update order_hold h set released_at = :at, released_by = 'system', reason = 'sourced'
            from unnest(cast(:ids as bigint[]), cast(:nos as bigint[])) as stays (order_id, no)
            where h.order_id = stays.order_id and h.no <> stays.no and h.released_at is null and {FOR_STOCK}""",
        at=at,
        ids=list(stays),
        nos=list(stays.values()),
    )
    over = [f"order:{order_id}" for order_id, no in stays.items() if not no]
    resolve_all(session, over, at, "system", "sourced", CASE)


def _hold(missing: Mapping[str, int]) -> Hold:
    return Hold(HoldType.STOCK, NO_SOURCE, {"missing": missing})


def _case(plan: Plan, missing: Mapping[str, int]) -> NewCase:
    return NewCase(CASE, f"order:{plan.need.order_id}", plan.need.brand, _words(missing), plan.need.order_id)


def _words(missing: Mapping[str, int]) -> str:
    return ", ".join(f"{sku} x {pieces}" for sku, pieces in missing.items())
