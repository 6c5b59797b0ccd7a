"""Tell the location that is to receive a return what will come back, and keep its number for it."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.aftersale.model import CODE, Announced, AnnouncedLine, Arrived
from hub.aftersale.status import Fault, ReturnState
from hub.audit import record
from hub.database import row, rows, run
from hub.errors import Malformed, NotFound
from hub.order.ship.outbound import receiver_of
from hub.steps import NewStep, add

ANNOUNCE: Final = "announce_return"

REASONS: Final = {Fault.BUYER: "买家不想要了", Fault.MERCHANT: "商家责任"}
"""What a warehouse is told where nobody gave a reason: its protocol wants one."""


def announce(session: Session, case: Row[Any], at: datetime) -> None:
    """Have a return's location told; one whose partner takes no returns is not: a person says what arrives."""
    step = NewStep(
        flow=ANNOUNCE,
        lane=f"return:{case.code}:{case.connection}",
        connection=case.connection,
        idempotency_key=f"return:{case.code}",
        order_id=case.order_id,
        subject={"order_id": case.order_id, "no": case.no},
    )
    add(session, [step], at)


def parse_code(code: str) -> tuple[int, int]:
    """Read order and number from a return's code.

    Raises: Malformed.
    """
    found = CODE.fullmatch(code)
    if found is None:
        raise Malformed("this is not a number of a return of ours", code="unknown_document")
    return int(found[1]), int(found[2])


def check_return(session: Session, code: str, connection: str) -> tuple[int, int]:
    """Give order and number of a return that belongs to the connection that speaks of it: numbers can be guessed.

    Raises: Malformed for what is no number of ours; NotFound for another connection's.
    """
    order_id, no = parse_code(code)
    statement = "select connection from return_case where (order_id, no) = (:id, :no)"
    found = row(session, statement, id=order_id, no=no)
    if found is None or found.connection != connection:
        raise NotFound(f"{connection} has no return {code}", code="unknown_document")
    return order_id, no


def at_known_place(session: Session, arrived: Arrived, connection: str) -> Arrived:
    """Give what arrived where the connection has a location of that name, else where it was to arrive."""
    statement = "select 1 from location where (code, connection) = (:code, :connection)"
    known = row(session, statement, code=arrived.location, connection=connection)
    return arrived if known else arrived.model_copy(update={"location": ""})


def read_announced(session: Session, order_id: int, no: int) -> Announced | None:
    """Gather what a location is told; None once nothing is to come any more.

    Raises: NotFound; NeedsOperator when the buyer was erased.
    """
    case = row(
        session,
        """select c.code, c.state, c.location, c.owner, c.courier, c.tracking_no, c.reason, c.fault,
                  c.created_at as asked_at, o.*
           from return_case c join sales_order o on o.id = c.order_id where c.order_id = :id and c.no = :no""",
        id=order_id,
        no=no,
    )
    if case is None:
        raise NotFound(f"order {order_id} has no return {no}", code="unknown_return")
    if case.state not in {ReturnState.APPROVED, ReturnState.SENT}:
        return None
    delivery = _delivery(session, order_id, no, case.location)
    return Announced(
        code=case.code,
        warehouse_code=case.location,
        owner_code=case.owner,
        delivery_code=delivery.code,
        delivery_partner_id=delivery.partner_id,
        courier_code=case.courier,
        tracking_no=case.tracking_no,
        reason=case.reason or REASONS[Fault(case.fault)],
        payer=Fault(case.fault),
        created_at=case.asked_at,
        shop_name=case.shop,
        platform_code=case.platform,
        sender=receiver_of(session, case),
        lines=_lines(session, order_id, no, case.external_id),
    )


def mark_announced(session: Session, order_id: int, no: int, connection: str, partner_id: str, at: datetime) -> None:
    """Keep the location's own number of a return; without one its partner takes no returns, which the trace says."""
    if partner_id:
        run(
            session,
            """update return_case set partner_id = :partner_id, version = version + 1, updated_at = :at
               where (order_id, no) = (:id, :no)""",
            partner_id=partner_id,
            at=at,
            id=order_id,
            no=no,
        )
    told = "return.announce" if partner_id else "return.not_tellable"
    record(session, at, connection, told, f"order:{order_id}", no=no)


def _delivery(session: Session, order_id: int, no: int, location: str) -> Row[Any]:
    """Give the document that goods of a return were shipped by: of its own location where it shipped some."""
    [found] = rows(
        session,
        """select f.code, f.partner_id
           from return_line back
           join fulfilment_line l on (l.order_id, l.line_no) = (back.order_id, back.line_no) and l.shipped > 0
           join fulfilment_order f on (f.order_id, f.no) = (l.order_id, l.no)
           where back.order_id = :id and l.order_id = :id and f.order_id = :id and back.no = :no
           order by f.location = :location desc, f.no desc limit 1""",
        id=order_id,
        no=no,
        location=location,
    )
    return found


def _lines(session: Session, order_id: int, no: int, external_id: str) -> tuple[AnnouncedLine, ...]:
    found = rows(
        session,
        """select back.line_no, line.sku, back.asked
           from return_line back join order_line line using (order_id, line_no)
           where back.order_id = :id and back.no = :no and back.asked > 0 order by back.line_no""",
        id=order_id,
        no=no,
    )
    return tuple(
        AnnouncedLine(ref=str(one.line_no), source_order_code=external_id, sku=one.sku, quantity=one.asked)
        for one in found
    )
