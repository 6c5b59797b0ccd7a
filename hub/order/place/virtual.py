"""Virtual goods, a voucher or a service: nothing is sent, so they are done as soon as their order may go on."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.order.advance import advance_all
from hub.order.lock import FOR_STOCK
from hub.order.posting.handover import write_handovers
from hub.order.rules.normalise import NormalLine, NormalOrder
from hub.order.status import Fulfilment, Lifecycle


def hand_over(session: Session, order_ids: Sequence[int], at: datetime) -> None:
    """Count the virtual goods of orders as shipped and arrived, and tell of it; their rows are locked, or new.

    Twice does no harm. Handing over is both routing and releasing: while a hold blocks either, or a change waits, they
    stay. A shelf that is empty says nothing of them.
    """
    handed = rows(
        session,
        f"""update order_line line
           set shipped = line.ordered - line.cancelled, delivered = line.ordered - line.cancelled
           from sales_order o
           where line.order_id = any(:ids) and line.storage = 'none' and line.kind <> 'bundle'
             and line.shipped + line.cancelled < line.ordered
             and o.id = line.order_id and o.lifecycle in ('accepted', 'in_fulfilment')
             and not exists (select 1 from order_hold h where h.order_id = o.id and h.released_at is null
                             and h.fulfilment_no is null and (h.line_no is null or h.line_no = line.line_no)
                             and h.blocks && '{{route,release}}' and not {FOR_STOCK})
             and not exists (select 1 from order_revision v where v.order_id = o.id and v.state = 'waiting')
           returning line.order_id, line.line_no""",
        ids=list(order_ids),
    )
    ids = sorted({line.order_id for line in handed})
    if not ids:
        return
    run(
        session,
        "update sales_order set lifecycle = 'in_fulfilment' where id = any(:ids) and lifecycle = 'accepted'",
        ids=ids,
    )
    lines: defaultdict[int, list[int]] = defaultdict(list)
    for line in handed:
        lines[line.order_id].append(line.line_no)
    write_handovers(session, lines, at)
    advance_all(session, ids, at)


def standing_of(one: NormalOrder, handed: Sequence[NormalLine]) -> tuple[Lifecycle, Fulfilment]:
    """Say where an order stands just after these of its virtual goods were handed over."""
    if len(handed) < len(one.virtual_lines) or any(line.ships for line in one.lines):
        return Lifecycle.IN_FULFILMENT, Fulfilment.PARTIAL
    return Lifecycle.CLOSED, Fulfilment.DELIVERED
