"""Sales to the ERP: what a fulfilment order has shipped is booked as sold, and then as having left the stock."""

from datetime import datetime

from sqlalchemy.orm import Session

from flows.effect import Claimed, OfFulfilment
from hub.audit import record
from hub.errors import HubError, NeedsOperator
from hub.fulfilment.model import Accepted
from hub.fulfilment.sale import GoodsIssue, Sale
from hub.order.posting.handover import SALE as HANDOVER
from hub.order.posting.handover import mark_handover_sold, read_handover_sale
from hub.order.posting.sale import ISSUE, SALE, mark_issued, mark_sold, read_goods_issue, read_sale
from hub.ports import SaleBook


class PostSale:
    """Books one sale."""

    flow: str = SALE
    subject: type = OfFulfilment
    alone: bool = False

    def prepare(self, session: Session, step: Claimed, at: datetime) -> Sale:  # noqa: ARG002 # the port's shape
        return read_sale(session, step.subject["order_id"], step.subject["no"])

    def call(self, partner: object, request: Sale) -> Accepted:
        return _book(partner).send_sale(request)

    def ask(self, partner: object, request: Sale) -> Accepted | None:
        return _book(partner).find_sale(request)

    def settle(self, session: Session, step: Claimed, answer: Accepted, at: datetime) -> None:
        mark_sold(session, step.subject["order_id"], step.subject["no"], answer.partner_id, at)
        _record(session, step, "erp.sold", answer, at)

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:
        """The engine's case says what to do; the goods issue waits behind it in the lane."""


class PostHandover:
    """Books the sale of virtual goods that were handed over; no goods issue follows."""

    flow: str = HANDOVER
    subject: type = OfFulfilment
    alone: bool = False

    def prepare(self, session: Session, step: Claimed, at: datetime) -> Sale:  # noqa: ARG002 # the port's shape
        return read_handover_sale(session, step.subject["order_id"], step.subject["no"])

    def call(self, partner: object, request: Sale) -> Accepted:
        return _book(partner).send_sale(request)

    def ask(self, partner: object, request: Sale) -> Accepted | None:
        return _book(partner).find_sale(request)

    def settle(self, session: Session, step: Claimed, answer: Accepted, at: datetime) -> None:
        mark_handover_sold(session, step.subject["order_id"], step.subject["no"], answer.partner_id, at)
        _record(session, step, "erp.sold", answer, at)

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:
        """The engine's case says what to do; the goods were handed over all the same."""


class PostGoodsIssue:
    """Books one goods issue, behind its sale in the same lane."""

    flow: str = ISSUE
    subject: type = OfFulfilment
    alone: bool = False

    def prepare(self, session: Session, step: Claimed, at: datetime) -> GoodsIssue:  # noqa: ARG002 # the port's shape
        return read_goods_issue(session, step.subject["order_id"], step.subject["no"])

    def call(self, partner: object, request: GoodsIssue) -> Accepted:
        return _book(partner).send_goods_issue(request)

    def ask(self, partner: object, request: GoodsIssue) -> Accepted | None:
        return _book(partner).find_goods_issue(request)

    def settle(self, session: Session, step: Claimed, answer: Accepted, at: datetime) -> None:
        mark_issued(session, step.subject["order_id"], step.subject["no"], answer.partner_id, at)
        _record(session, step, "erp.issued", answer, at)

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:
        """The engine's case says what to do; the goods have left all the same."""


def _book(partner: object) -> SaleBook:
    if not isinstance(partner, SaleBook):
        raise NeedsOperator(f"{type(partner).__name__} books no sales", code="wrong_kind")
    return partner


def _record(session: Session, step: Claimed, act: str, answer: Accepted, at: datetime) -> None:
    key, number = step.idempotency_key, answer.partner_id
    record(session, at, step.connection, act, f"order:{step.order_id}", key=key, document=number)
