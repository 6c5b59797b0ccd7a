"""Keep fulfilment orders here while a hold blocks their release: stock stays reserved, and the location is not told."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.database import ring_after, rows, run
from hub.fulfilment.release import RELEASE

LATER: Final = datetime.fromisoformat("2099-01-01T00:00:00+00:00")
"""When a step would run that waits for a hold to end: its end brings that forward."""


def concerning(no: str) -> str:
    """Write the condition that a hold `h` is of a fulfilment order of its order, which `no` names.

    It is where it holds the whole order, that fulfilment order, or a line of which some pieces are open in it.
    """
    return f"""(h.line_no is null and h.fulfilment_no is null or h.fulfilment_no = {no} or exists (
                   select 1 from fulfilment_line held
                   where (held.order_id, held.no, held.line_no) = (h.order_id, {no}, h.line_no)
                     and held.shipped + held.released < held.quantity))"""


KEPT: Final = f"""order_id = any(:ids) and {{these}} (
    exists (select 1 from order_hold h where h.order_id = step.order_id and h.released_at is null
            and 'release' = any(h.blocks) and {concerning("(step.subject ->> 'no')::bigint")})
    or exists (select 1 from merge_member m join order_hold h using (order_id)
               where m.group_id = (step.subject ->> 'group')::bigint and m.left_at is null
                 and h.released_at is null and 'release' = any(h.blocks) and {concerning("m.no")}))"""
"""Steps that wait: for a hold of what they release, or of what travels with it in the same delivery."""

HEADS: Final = """
    select distinct head.order_id from merge_member own join merge_member head using (group_id)
    where own.order_id = any(:ids) and own.left_at is null and head.place = 1 and head.left_at is null"""


def keep_back(session: Session, order_ids: Collection[int]) -> None:
    """Have the release of these orders wait where a hold blocks it; whoever adds such steps asks this after it."""
    run(
        session,
        f"""update step set run_at = :later
            where flow = :flow and state = 'pending' and {KEPT.format(these="")}""",
        later=LATER,
        flow=RELEASE,
        ids=_asked_under(session, order_ids),
    )


def let_out(session: Session, order_ids: Collection[int], at: datetime) -> int:
    """Release now what was kept back and nothing blocks any more; give how many."""
    gone = run(
        session,
        f"""update step set run_at = :at
            where flow = :flow and state = 'pending' and run_at = :later and {KEPT.format(these="not")}""",
        at=at,
        later=LATER,
        flow=RELEASE,
        ids=_asked_under(session, order_ids),
    )
    if gone:
        ring_after(session)
    return gone


def _asked_under(session: Session, order_ids: Collection[int]) -> list[int]:
    """Give the orders under whose numbers locations hear of these: a delivery of several bears that of the first."""
    if not order_ids:
        return []
    return sorted({*order_ids, *(one.order_id for one in rows(session, HEADS, ids=sorted(order_ids)))})
