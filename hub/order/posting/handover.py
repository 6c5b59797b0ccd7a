"""Virtual goods that were handed over: what their channel is told, and what the ERP books as sold."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.audience import audience_of
from hub.database import copy, row, rows, run
from hub.errors import NotFound
from hub.fulfilment.model import HandoverNotice, ShippedLine
from hub.fulfilment.release import lane_of
from hub.fulfilment.sale import Sale
from hub.order.freight import FREIGHT
from hub.order.posting.sale import Left, sale_of
from hub.order.posting.sold import RIDES, SoldLine, sold_pieces
from hub.steps import NewStep, add

NOTIFY: Final = "notify_handover"
SALE: Final = "post_handover"
COLUMNS: Final = (
    *("brand", "version", "created_at", "updated_at", "order_id", "no", "handed_at", "connection", "freight", "lines"),
    *("sale_id", "sale_at"),
)


def write_handovers(session: Session, lines: Mapping[int, Sequence[int]], at: datetime) -> None:
    """Write what was handed over of orders, by their lines, and the steps that tell of it.

    The channel is told unless the order follows from another, whose channel knows nothing of it, or what was handed
    over is gifts of ours, or parts of bundles that parcels tell of; the ERP where the brand has one. The orders' rows
    are locked, or new.
    """
    heads = rows(
        session,
        f"""select o.id, o.brand, o.channel, {FREIGHT} as freight,
                  o.type in ('exchange', 'reship') as follows,  -- the link is written after they are placed
                  exists (select 1 from order_line l where l.order_id = o.id and l.storage <> 'none'
                          and l.kind <> 'bundle') as ships,
                  coalesce((select max(no) from handover h where h.order_id = o.id), 0) + 1 as no
           from sales_order o where o.id = any(:ids) order by o.id""",
        ids=sorted(lines),
    )
    left = _left(session, lines)
    erps = {brand: audience_of(session, brand).erp for brand in sorted({one.brand for one in heads})}
    records: list[tuple[Any, ...]] = []
    steps: list[NewStep] = []
    for one in heads:
        handed, erp = left[one.id], erps[one.brand]
        told = [{"line_no": o.line_no, "sku": o.sku, "quantity": o.pieces, "amount": o.amount} for o, _ in handed]
        freight = 0 if one.ships or one.no > 1 else one.freight
        document = msgspec.json.encode(told).decode()
        records.append((one.brand, 1, at, at, one.id, one.no, at, erp, freight, document, "", None))
        if not one.follows and not all(untold for _, untold in handed):
            steps.append(_step(NOTIFY, f"order:{one.id}:{one.channel}", one.channel, one.id, one.no))
        if erp:
            steps.append(_step(SALE, lane_of(code_of(one.id, one.no), erp), erp, one.id, one.no))
    copy(session, "handover", COLUMNS, records)
    add(session, steps, at)


def code_of(order_id: int, no: int) -> str:
    """Name a handover as the ERP keeps it; no document of a location is named so."""
    return f"{order_id}-v{no}"


def read_handover(session: Session, order_id: int, no: int) -> HandoverNotice:
    """Gather what a channel is told, in its own line ids and codes; `whole` if nothing of the order is sent besides.

    Raises: NotFound.
    """
    head = _handover(session, order_id, no)
    found = rows(
        session,
        """select line_no, external_line_id, channel_sku, parent_no, ordered - cancelled as ordered from order_line
           where order_id = :id and kind <> 'gift' and ordered > cancelled order by line_no""",
        id=order_id,
    )
    sold = [SoldLine(*one) for one in found]
    before = rows(
        session, "select lines from handover where order_id = :id and no <= :no order by no", id=order_id, no=no
    )
    contents = [{line["line_no"]: line["quantity"] for line in one.lines} for one in before]
    pieces = sold_pieces(contents, sold)
    every = {line.line_no: sum(one.get(line.line_no, 0) for one in pieces) for line in sold if line.parent_no is None}
    by_no = {line.line_no: line for line in sold}
    return HandoverNotice(
        key=f"handover:{code_of(order_id, no)}",
        order_id=str(order_id),
        external_id=head.external_id,
        handed_at=head.shipped_at,
        whole=all(by_no[line_no].ordered == quantity for line_no, quantity in every.items()),
        lines=tuple(
            ShippedLine(
                external_line_id=by_no[line_no].external_line_id,
                channel_sku=by_no[line_no].channel_sku,
                quantity=quantity,
            )
            for line_no, quantity in pieces[-1].items()
        ),
    )


def read_handover_sale(session: Session, order_id: int, no: int) -> Sale:
    """Gather what the ERP books as sold; it left no location.

    Raises: NotFound.
    """
    found = _handover(session, order_id, no)
    return sale_of(session, order_id, SALE, code_of(order_id, no), found)


def mark_handover_sold(session: Session, order_id: int, no: int, partner_id: str, at: datetime) -> None:
    """Keep the ERP's number of a sale."""
    run(
        session,
        """update handover set sale_id = :partner_id, sale_at = :at, version = version + 1, updated_at = :at
           where (order_id, no) = (:order_id, :no)""",
        partner_id=partner_id,
        at=at,
        order_id=order_id,
        no=no,
    )


def _left(session: Session, lines: Mapping[int, Sequence[int]]) -> Mapping[int, Sequence[tuple[Left, bool]]]:
    """Say which pieces were handed over now, behind what was before, and which of them its channel is not told of."""
    found = rows(
        session,
        f"""select line.order_id, line.line_no, line.sku, line.shipped, line.ordered,
                  line.amount - line.discount as net, line.kind = 'gift' or ({RIDES}) as untold,
                  coalesce((select sum(told.quantity)
                            from handover h cross join lateral jsonb_to_recordset(h.lines)
                                 as told (line_no bigint, quantity bigint)
                            where h.order_id = line.order_id and told.line_no = line.line_no), 0)::bigint as before
           from order_line line
           join unnest(cast(:orders as bigint[]), cast(:lines as bigint[])) as asked (order_id, line_no)
             using (order_id, line_no)
           order by 1, 2""",
        orders=[order_id for order_id, of_order in lines.items() for _ in of_order],
        lines=[line_no for of_order in lines.values() for line_no in of_order],
    )
    left: defaultdict[int, list[tuple[Left, bool]]] = defaultdict(list)
    for one in found:
        pieces = Left(one.line_no, one.sku, one.shipped - one.before, one.before, one.ordered, one.net)
        left[one.order_id].append((pieces, one.untold))
    return left


def _handover(session: Session, order_id: int, no: int) -> Row[Any]:
    found = row(
        session,
        """select h.handed_at as shipped_at, '' as location, h.freight, h.lines, o.brand, o.external_id, o.shop, o.type,
                  o.currency, o.placed_at
           from handover h join sales_order o on o.id = h.order_id where (h.order_id, h.no) = (:order_id, :no)""",
        order_id=order_id,
        no=no,
    )
    if found is None:
        raise NotFound(f"nothing was handed over as {code_of(order_id, no)}", code="unknown_document")
    return found


def _step(flow: str, lane: str, connection: str, order_id: int, no: int) -> NewStep:
    return NewStep(
        flow, lane, connection, f"{flow}:{code_of(order_id, no)}", order_id, {"order_id": order_id, "no": no}
    )
