"""What orders that wait for goods should say that they are missing: a model line by line, without the hub's queries."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.orm import Session

from hub.database import rows

WAITING: Final = """
    select o.id,
           (select coalesce(jsonb_object_agg(sku, pieces), '{}') from (
                select one.key as sku, sum(one.value::bigint) as pieces from order_hold h
                cross join lateral jsonb_each_text(h.evidence -> 'missing') one
                where h.order_id = o.id and h.released_at is null group by 1) told) as told,
           exists (select 1 from case_file c where c.order_id = o.id and c.cause = 'stock' and c.state = 'open') as case
    from sales_order o
    where o.lifecycle in ('accepted', 'in_fulfilment')
    and not exists (select 1 from order_revision r where r.order_id = o.id and r.state = 'waiting')
    and not exists (select 1 from order_hold h where h.order_id = o.id and h.released_at is null
                    and h.rule <> 'no_source')
    order by o.id"""
"""Orders that wait for nothing but goods, with what their holds say, and whether a person was called."""

LINES: Final = """
    select line_no, parent_no, sku, gift, allocated + shipped as met, ordered - allocated - shipped - cancelled as open
    from order_line where order_id = :id and kind <> 'bundle' and storage <> 'none'
    order by coalesce(parent_no, line_no), line_no"""

DECIDED: Final = """
    select (pair ->> 'line_no')::bigint as gift, (pair ->> 'main_no')::bigint as main
    from gift_decision d cross join lateral jsonb_array_elements(d.lines) pair
    where d.order_id = :id and pair ->> 'main_no' <> '0'"""

EXCHANGED: Final = """
    select one -> 'parts' as parts, (one ->> 'line_no')::bigint as by
    from order_revision r cross join lateral jsonb_array_elements(r.added) one where r.order_id = :id order by r.no"""


def mistold(session: Session) -> list[int]:
    """Give the orders that wait for goods alone, and of which the holds or the case say something else."""
    found: list[int] = []
    for one in rows(session, WAITING):
        truth = _missing(session, one.id)
        if one.told != truth or one.case != bool(truth):
            found.append(one.id)
    return found


def _missing(session: Session, order_id: int) -> Mapping[str, int]:
    lines = rows(session, LINES, id=order_id)
    by_no, mains = {line.line_no: line for line in lines}, _mains(session, order_id, lines)
    missing = Counter[str]()
    for line in lines:
        main = by_no.get(mains.get(line.line_no, 0)) if line.gift else None
        waits = main is not None and not main.met and main.open  # it may be there, and waits for that
        missing[line.sku] += 0 if waits else line.open
    return dict(+missing)


def _mains(session: Session, order_id: int, lines: Sequence[Any]) -> Mapping[int, int]:
    mains: dict[int, int] = {}
    last = 0
    for line in lines:
        mains[line.line_no] = last
        last = last if line.gift else line.line_no
    mains |= {one.gift: one.main for one in rows(session, DECIDED, id=order_id)}
    met = {line.line_no: line.met for line in lines}
    for one in rows(session, EXCHANGED, id=order_id):
        came = [line.line_no for line in lines if one.by in (line.line_no, line.parent_no)]
        for gift, main in mains.items():
            if came and str(main) in one.parts and not met[main]:
                mains[gift] = min(came)
    return mains
