"""What a channel has said of an order last: its lines and its amounts, whatever the hub has changed meanwhile."""

from decimal import Decimal

import msgspec
from sqlalchemy.orm import Session

from hub.database import row, rows
from hub.order.model import Order


class SaidLine(msgspec.Struct, frozen=True):
    """Pieces of a channel's code in a line of the shop's, at a price in major units."""

    channel_sku: str
    pieces: int
    price: Decimal


class Statement(msgspec.Struct, frozen=True):
    """An order's lines by the shop's own ids, and its amounts in minor units.

    `adopted` is the last revision of the hub's whose lines the channel has made its own.
    """

    lines: dict[str, SaidLine]
    total: int
    discount: int
    freight: int
    adopted: int = 0


def statement_of(order: Order, adopted: int = 0) -> Statement:
    """Give what an order says."""
    lines = {one.external_line_id: SaidLine(one.channel_sku, one.quantity, one.unit_price) for one in order.lines}
    return Statement(lines, order.total, order.discount, order.freight, adopted)


def said_of(session: Session, order_id: int) -> Statement:
    """Give what an order's channel has said last; before it has said anything again, that is the order as placed."""
    kept = row(session, "select said from order_key where order_id = :id", id=order_id)
    if kept is not None and kept.said is not None:
        return msgspec.convert(kept.said, Statement, strict=False)
    lines = rows(
        session,
        """select l.external_line_id as id, l.channel_sku, l.ordered, l.unit_price, l.amount, l.discount,
                  exists (select 1 from order_revision r
                          cross join lateral jsonb_to_recordset(r.added) as one (line_no bigint)
                          where r.order_id = l.order_id and one.line_no = l.line_no) as added
           from order_line l where l.order_id = :id and l.kind in ('item', 'bundle') order by l.line_no""",
        id=order_id,
    )
    [head] = rows(session, "select total, freight from sales_order where id = :id", id=order_id)
    total = head.total - sum(one.amount - one.discount for one in lines if one.added)
    placed = [one for one in lines if not one.added]
    return Statement(
        {one.id: SaidLine(one.channel_sku, one.ordered, one.unit_price) for one in placed},
        total,
        sum(one.amount for one in placed) + head.freight - total,  # what gifts are worth is none of the channel's
        head.freight,
    )


def written_statement(order: Order, adopted: int) -> str:
    """Write what an order says as its key keeps it, and how much of the hub's own changes it follows."""
    return msgspec.json.encode(statement_of(order, adopted)).decode()
