"""Have the ERP book what a fulfilment order has shipped, once it has ended: a sale, then the goods issue of it.

Whatever ends one posts it at once. A sweep posts what that missed: a brand may have been given its ERP only later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.audience import ERP, audience_of
from hub.database import row, rows, run
from hub.errors import NotFound
from hub.fulfilment.reject import Standing
from hub.fulfilment.release import code_of, lane_of
from hub.fulfilment.sale import GoodsIssue, IssuedLine, Sale, SaleLine
from hub.fulfilment.status import ENDED
from hub.fulfilment.table import Posting
from hub.ids import first_id_of, month_before
from hub.money import share_of_first
from hub.order.freight import FREIGHT
from hub.order.lock import Locked, lock_order
from hub.steps import NewStep, add

SALE: Final = "post_sale"
ISSUE: Final = "post_goods_issue"

LATE: Final = timedelta(days=31)
"""How long after its end a fulfilment order may still be posted by the sweep: older books are closed."""

MONTHS_BACK: Final = 3
"""The sweep looks at orders of this month and so many before; the id of an order carries its month."""

Place = tuple[int, int]
"""A fulfilment order by its order and its number there."""

START: Final[Place] = (0, 0)

STRETCH: Final = """
    select order_id, no from (
        select order_id, no from fulfilment_order
        where order_id >= :order_id and (order_id, no) > (:order_id, :no) order by order_id, no limit :looked) stretch
    order by order_id desc, no desc limit 1"""
"""The last of the next so many; the first condition, which says no more, spares the months before."""

MISSED: Final = """
    select f.order_id, f.no from fulfilment_order f
    where f.order_id between :order_id and :last_order and (f.order_id, f.no) > (:order_id, :no)
      and (f.order_id, f.no) <= (:last_order, :last_no)
      and f.execution = any(:ended) and f.updated_at >= :since
      and exists (select 1 from brand_audience a where a.brand = f.brand and a.family = :erp)
      and exists (select 1 from fulfilment_line l
                  where l.order_id = f.order_id and l.no = f.no and l.shipped > 0
                    and l.order_id between :order_id and :last_order)
      and not exists (select 1 from posting p
                      where p.order_id = f.order_id and p.no = f.no
                        and p.order_id between :order_id and :last_order)
    order by f.order_id, f.no limit :most"""


@dataclass(frozen=True, slots=True)
class Left:
    """Pieces of an order line that left with one fulfilment order, and how many had left with others before."""

    line_no: int
    sku: str
    pieces: int
    before: int
    ordered: int
    net: int

    @property
    def amount(self) -> int:
        """The part of the line's money that these pieces bear; over all pieces of the line the parts add up to it."""
        upto = share_of_first(self.net, self.ordered, self.before + self.pieces)
        return upto - share_of_first(self.net, self.ordered, self.before)


def post(session: Session, order: Locked, standing: Standing, at: datetime) -> None:
    """Write what the ERP is told of a fulfilment order that has ended, and the steps that tell it.

    Nothing happens where the brand has no ERP, or nothing was shipped. The order's row is locked.
    """
    connection = audience_of(session, order.brand).erp
    if not connection or not standing.ended:
        return
    left = _left(session, order.id, standing.no)
    if not left:
        return
    lines = [{"line_no": one.line_no, "sku": one.sku, "quantity": one.pieces, "amount": one.amount} for one in left]
    shipped_at, freight = _first_shipped(session, order.id, standing.no, at), _freight(session, order.id)
    posting = Posting(
        brand=order.brand,
        created_at=at,
        updated_at=at,
        order_id=order.id,
        no=standing.no,
        connection=connection,
        shipped_at=shipped_at,
        freight=freight,
        lines=lines,
    )
    session.add(posting)
    session.flush()
    add(session, [_step(flow, order.id, standing.no, connection) for flow in (SALE, ISSUE)], at, fresh_lanes=True)


def post_missed(session: Session, at: datetime, after: Place = START, looked: int = 10_000, most: int = 200) -> Place:
    """Post what has ended within the last month and was never posted, though its brand has an ERP now.

    Looks at `looked` fulfilment orders behind `after` and posts `most` of them at most; gives where it came to, START
    at the end. A look costs the same however many there are.
    """
    if row(session, "select 1 from brand_audience where family = :erp limit 1", erp=ERP) is None:
        return START
    behind = max(after, (first_id_of(month_before(at.astimezone(UTC).date(), MONTHS_BACK)), 0))
    here = {"order_id": behind[0], "no": behind[1]}
    last = row(session, STRETCH, **here, looked=looked)
    if last is None:
        return START
    end = {"last_order": last.order_id, "last_no": last.no}
    asked = {"ended": sorted(ENDED), "since": at - LATE, "erp": ERP, "most": most}
    found = rows(session, MISSED, **here, **end, **asked)
    for one in found:
        _post_unless_posted(session, one.order_id, one.no, at)
    reached = found[-1] if len(found) == most else last
    return reached.order_id, reached.no


def read_sale(session: Session, order_id: int, no: int) -> Sale:
    """Gather what the ERP books as sold; nothing in it is personal.

    Raises: NotFound.
    """
    found = _posting(session, order_id, no)
    return sale_of(session, order_id, SALE, code_of(order_id, no), found)


def sale_of(session: Session, order_id: int, flow: str, code: str, found: Row[Any]) -> Sale:
    """Make what the ERP books of a document named `code`, told by a flow; `found` is what was written of it."""
    told = rows(session, "select line_no, title from order_line where order_id = :id", id=order_id)
    titles = {one.line_no: one.title for one in told}
    return Sale(
        key=f"{flow}:{code}",
        code=code,
        order_id=str(order_id),
        external_id=found.external_id,
        brand=found.brand,
        shop=found.shop,
        order_type=found.type,
        currency=found.currency,
        placed_at=found.placed_at,
        shipped_at=found.shipped_at,
        location=found.location,
        freight=found.freight,
        lines=tuple(SaleLine(title=titles[line["line_no"]], **line) for line in found.lines),
    )


def read_goods_issue(session: Session, order_id: int, no: int) -> GoodsIssue:
    """Gather what the ERP books as having left its stock.

    Raises: NotFound.
    """
    found = _posting(session, order_id, no)
    parcels = rows(
        session,
        """select p.tracking_no from parcel p join shipment s on (s.order_id, s.no) = (p.order_id, p.shipment_no)
           where s.order_id = :order_id and s.fulfilment_no = :no and p.tracking_no <> ''
           order by p.shipment_no, p.no""",
        order_id=order_id,
        no=no,
    )
    return GoodsIssue(
        key=_key(ISSUE, order_id, no),
        code=code_of(order_id, no),
        sale_id=found.sale_id,
        location=found.location,
        shipped_at=found.shipped_at,
        tracking_nos=tuple(parcel.tracking_no for parcel in parcels),
        lines=tuple(
            IssuedLine(line_no=line["line_no"], sku=line["sku"], quantity=line["quantity"]) for line in found.lines
        ),
    )


def mark_sold(session: Session, order_id: int, no: int, partner_id: str, at: datetime) -> None:
    """Keep the ERP's number of a sale."""
    _mark(session, "sale_id = :partner_id, sale_at = :at", order_id, no, partner_id, at)


def mark_issued(session: Session, order_id: int, no: int, partner_id: str, at: datetime) -> None:
    """Keep the ERP's number of a goods issue."""
    _mark(session, "issue_id = :partner_id, issue_at = :at", order_id, no, partner_id, at)


def _post_unless_posted(session: Session, order_id: int, no: int, at: datetime) -> None:
    """Post one under its order's lock: whoever ended it may have posted it since it was found."""
    order = lock_order(session, order_id)
    posted = "select 1 from posting where order_id = :order_id and no = :no"
    if row(session, posted, order_id=order_id, no=no) is None:
        post(session, order, Standing(session, order_id, no), at)


def _mark(session: Session, change: str, order_id: int, no: int, partner_id: str, at: datetime) -> None:
    run(
        session,
        f"""update posting set {change}, version = version + 1, updated_at = :at
            where order_id = :order_id and no = :no""",
        partner_id=partner_id,
        at=at,
        order_id=order_id,
        no=no,
    )


def _posting(session: Session, order_id: int, no: int) -> Row[Any]:
    found = row(
        session,
        """select p.brand, p.shipped_at, p.freight, p.lines, p.sale_id, f.location, o.external_id, o.shop, o.type,
                  o.currency, o.placed_at
           from posting p join fulfilment_order f using (order_id, no) join sales_order o on o.id = p.order_id
           where p.order_id = :order_id and p.no = :no""",
        order_id=order_id,
        no=no,
    )
    if found is None:
        raise NotFound(f"nothing is posted of {code_of(order_id, no)}", code="unknown_document")
    return found


def _left(session: Session, order_id: int, no: int) -> Sequence[Left]:
    """Say what left with a fulfilment order, behind what earlier postings of the order have told already."""
    told: dict[int, int] = {}
    for posting in rows(session, "select lines from posting where order_id = :id", id=order_id):
        for line in posting.lines:
            told[line["line_no"]] = told.get(line["line_no"], 0) + line["quantity"]
    found = rows(
        session,
        """select f.line_no, f.sku, f.shipped, l.ordered, l.amount - l.discount as net
           from fulfilment_line f join order_line l using (order_id, line_no)
           where f.order_id = :order_id and f.no = :no and f.shipped > 0 order by f.line_no""",
        order_id=order_id,
        no=no,
    )
    return [Left(one.line_no, one.sku, one.shipped, told.get(one.line_no, 0), one.ordered, one.net) for one in found]


def _first_shipped(session: Session, order_id: int, no: int, at: datetime) -> datetime:
    statement = "select min(shipped_at) as at from shipment where order_id = :order_id and fulfilment_no = :no"
    found = row(session, statement, order_id=order_id, no=no)
    return found.at if found and found.at else at


def _freight(session: Session, order_id: int) -> int:
    """Give the order's freight, unless it went back, to the first of its postings, and nothing to the others.

    A handover has borne it where all that was bought then was virtual.
    """
    statement = f"""select {FREIGHT} - coalesce((select sum(freight) from refund_due where order_id = :id), 0)::bigint
                          as freight
                    from sales_order o where id = :id and not exists (select 1 from posting where order_id = :id)
                      and not exists (select 1 from handover where order_id = :id and freight > 0)"""
    found = row(session, statement, id=order_id)
    return found.freight if found else 0


def _step(flow: str, order_id: int, no: int, connection: str) -> NewStep:
    subject: Mapping[str, int] = {"order_id": order_id, "no": no}
    lane = lane_of(code_of(order_id, no), connection)
    return NewStep(flow, lane, connection, _key(flow, order_id, no), order_id, subject)


def _key(flow: str, order_id: int, no: int) -> str:
    return f"{flow}:{code_of(order_id, no)}"
