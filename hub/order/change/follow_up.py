"""Place orders that follow from another: goods in exchange for what was shipped, or sent once more, free of charge."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from hub.audit import plain, record
from hub.database import copy, rows
from hub.errors import Conflict, Malformed, Rejected
from hub.order.change.revision import Author
from hub.order.lock import lock_order
from hub.order.model import Order, OrderLine, OrderType, ShopOrder
from hub.order.place.batch import place
from hub.order.reread import reread
from hub.order.rules.policy import POLICY, Policy

KINDS = frozenset({OrderType.EXCHANGE, OrderType.RESHIP})


@dataclass(frozen=True, slots=True)
class Again:
    """Pieces of a shipped line to be sent: of the same goods, or of others in exchange (`channel_sku`)."""

    line_id: str
    pieces: int
    channel_sku: str = ""


def follow_up(
    session: Session,
    origin_id: int,
    kind: OrderType,
    wanted: Sequence[Again],
    author: Author,
    at: datetime,
    zone: ZoneInfo,
    policy: Policy = POLICY,
    *,
    return_no: int | None = None,
) -> int:
    """Place an exchange or a reship order to the receiver of the first, for a return of it or not, and give its id.

    Together such orders may not be of more pieces of a line than were shipped of it. Raises: NotFound; Malformed for an
    unknown line or SKU; Conflict with code not_shipped, with several_goods where a line was shipped as several and none
    of them is named; NeedsOperator when the buyer was erased.
    """
    if kind not in KINDS or not wanted:
        raise Malformed("an order follows another as exchange or reship, with some lines", code="follow_up")
    order = lock_order(session, origin_id)
    earlier = _earlier(session, origin_id)
    shipped = _shipped(session, origin_id)
    _check(session, origin_id, wanted, shipped)
    before = reread(session, origin_id)
    named = [_named(one, shipped[one.line_id]) for one in wanted]
    made = _made(before.order, f"R{earlier + 1}-{origin_id}", kind, named, at)
    shop_order = ShopOrder(
        brand=order.brand, shop=order.shop, channel=order.channel, platform=before.shop_order.platform, order=made
    )
    [placed] = place(session, [shop_order], at, zone, policy)
    if isinstance(placed, Rejected):
        raise placed
    columns = ("brand", "version", "created_at", "updated_at", "order_id", "origin_order_id", "return_no", "actor")
    link = (order.brand, 1, at, at, placed.order_id, origin_id, return_no, author.name, plain(author.reason))
    copy(session, "order_link", (*columns, "reason"), [link])
    told = {"order": str(placed.order_id), "type": kind, "reason": plain(author.reason)}
    told |= {"return": return_no} if return_no else {}
    record(session, at, author.name, "order.follow_up", f"order:{origin_id}", **told)
    return placed.order_id


def _named(one: Again, shipped: Mapping[str, int]) -> Again:
    """Say which goods are sent: those that the line was shipped as, unless others are named.

    Raises: Conflict.
    """
    if one.channel_sku:
        return one
    codes = sorted(code for code, n in shipped.items() if n)
    if len(codes) > 1:
        told = f"line {one.line_id} was shipped as {', '.join(codes)}: name the goods that are sent, as in exchange"
        zh = f"订单行 {one.line_id} 发出过多种商品（{'、'.join(codes)}）：请如换货一样填写所发商品的编码"
        raise Conflict(told, code="several_goods", field="lines", zh=zh)
    return replace(one, channel_sku=codes[0])


def _made(first: Order, external_id: str, kind: OrderType, wanted: Sequence[Again], at: datetime) -> Order:
    """Make the order that follows another, free of charge, to the same receiver."""
    titles = {(line.external_line_id, line.channel_sku): line.title for line in first.lines}
    lines = tuple(
        OrderLine(
            external_line_id=one.line_id,
            channel_sku=one.channel_sku,
            title=titles.get((one.line_id, one.channel_sku), ""),
            quantity=one.pieces,
            unit_price=Decimal(0),
        )
        for one in wanted
    )
    return Order.model_construct(
        external_id=external_id,
        source_revision=1,
        type=kind,
        placed_at=at,
        placed_at_raw=at.isoformat(),
        paid_at=at,
        currency=first.currency,
        buyer=first.buyer,
        receiver=first.receiver,
        lines=lines,
        total=0,
    )


def follows(session: Session, order_id: int) -> bool:
    """Say whether an order follows from another: its channel knows nothing of it."""
    return bool(rows(session, "select 1 from order_link where order_id = :id", id=order_id))


def _earlier(session: Session, origin_id: int) -> int:
    return rows(session, "select count(*) as n from order_link where origin_order_id = :id", id=origin_id)[0].n


def _check(session: Session, origin_id: int, wanted: Sequence[Again], shipped: Mapping[str, Mapping[str, int]]) -> None:
    """Make sure that no more is sent again than was shipped.

    Raises: Malformed; Conflict.
    """
    pieces = Counter[str]()
    for one in wanted:
        pieces[one.line_id] += one.pieces
    if len(pieces) < len(wanted):
        raise Malformed("a line is named twice", code="follow_up", field="lines")
    if strangers := sorted(pieces.keys() - shipped.keys()):
        raise Malformed(f"the order has no line {', '.join(strangers)}", code="unknown_line", field="lines")
    sent = rows(
        session,
        """select line.external_line_id as id, sum(line.ordered - line.cancelled)::bigint as n
           from order_link l join order_line line on line.order_id = l.order_id and line.kind in ('item', 'bundle')
           where l.origin_order_id = :id group by 1""",
        id=origin_id,
    )
    for one in sent:
        if one.id in pieces:
            pieces[one.id] += one.n
    if more := sorted(no for no, n in pieces.items() if n > sum(shipped[no].values())):
        raise Conflict(f"line {', '.join(more)}: no more can be sent again than was shipped", code="not_shipped")


def _shipped(session: Session, order_id: int) -> Mapping[str, Mapping[str, int]]:
    """Give the pieces that have left, by the shop's line and the code of its goods, which a change may have replaced.

    Of a bundle it is as many as its parts make whole.
    """
    found = rows(
        session,
        """select sold.external_line_id as id, sold.channel_sku as code,
                  coalesce(min(part.shipped * sold.ordered / part.ordered), sold.shipped)::bigint as n
           from order_line sold
           left join order_line part on part.order_id = sold.order_id and part.parent_no = sold.line_no
           where sold.order_id = :id and sold.parent_no is null and sold.kind in ('item', 'bundle')
           group by sold.line_no, sold.external_line_id, sold.channel_sku, sold.shipped""",
        id=order_id,
    )
    shipped = defaultdict[str, Counter[str]](Counter)
    for one in found:
        shipped[one.id][one.code] += one.n
    return shipped
