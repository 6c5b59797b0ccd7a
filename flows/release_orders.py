"""Fulfilment orders to their locations: release each, or ask to stop it."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from flows.effect import Claimed, OfFulfilment
from hub.errors import HubError, NeedsOperator, Rejected
from hub.fulfilment.lots import name_lots
from hub.fulfilment.model import Accepted, CancelAnswer, CancelWish, Delivery
from hub.fulfilment.release import CANCEL, RELEASE, has_ended, mark_submitted
from hub.inventory.lot_named import let_go
from hub.merge.group import read_group
from hub.order.ship.merged import mark_all_submitted, open_group, read_merged
from hub.order.ship.outbound import read_cancel_wish, read_delivery
from hub.order.ship.together import book_cancel_answer
from hub.ports import DeliverySink
from hub.settings import Settings


class ReleaseFulfilment:
    """Sends one delivery to its location; where the connection's option name_lots is "yes", with the lots to take."""

    flow: str = RELEASE
    subject: type = OfFulfilment
    alone: bool = False

    def __init__(self, settings: Settings) -> None:
        self._zone = ZoneInfo(settings.business_zone)
        self._naming = {name for name, one in settings.connections.items() if one.options.get("name_lots") == "yes"}

    def prepare(self, session: Session, step: Claimed, at: datetime) -> Delivery | None:
        """Gather the delivery, unless the location has refused it or the order was cancelled meanwhile.

        Lots are chosen anew as long as no call can have arrived: after that, the same must be sent again.
        """
        if "group" in step.subject:
            return self._prepare_group(session, step, at)
        order_id, no = step.subject["order_id"], step.subject["no"]
        if has_ended(session, order_id, no):
            return None
        if step.connection in self._naming and not step.doubt:
            name_lots(session, order_id, no, at.astimezone(self._zone))
        return read_delivery(session, order_id, no, at)

    def call(self, partner: object, request: Delivery) -> Accepted:
        return _sink(partner).send_delivery(request)

    def ask(self, partner: object, request: Delivery) -> Any | None:  # noqa: ANN401 # the port's answer
        """No warehouse of ours lacks idempotency; one that does must bring its own question first."""
        raise NeedsOperator(f"{type(partner).__name__} cannot be asked for {request.code}", code="cannot_ask")

    def settle(self, session: Session, step: Claimed, answer: Accepted, at: datetime) -> None:
        if "group" in step.subject:
            mark_all_submitted(session, step.subject["group"], answer.partner_id, at)
            return
        mark_submitted(session, step.subject["order_id"], step.subject["no"], answer.partner_id, at)

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:  # noqa: ARG002 # the port's shape
        """The engine's case says what to do; the goods stay reserved here until a person decides.

        What was surely refused names no lots any more: if it is sent again, others may be named, or none.
        """
        if isinstance(error, Rejected) and not step.doubt:
            for order_id, no in _of(session, step):
                let_go(session, order_id, no)

    def _prepare_group(self, session: Session, step: Claimed, at: datetime) -> Delivery | None:
        group = open_group(session, step.subject["group"])
        if group is None:
            return None
        if step.connection in self._naming and not step.doubt:
            for one in group.members:
                name_lots(session, one.order_id, one.no, at.astimezone(self._zone))
        return read_merged(session, group, at)


class CancelFulfilment:
    """Asks a location to stop a delivery."""

    flow: str = CANCEL
    subject: type = OfFulfilment
    alone: bool = True  # what is stopped gives its stock back

    def __init__(self, settings: Settings) -> None:
        self._zone = ZoneInfo(settings.business_zone)

    def prepare(self, session: Session, step: Claimed, at: datetime) -> CancelWish:  # noqa: ARG002 # the port's shape
        return read_cancel_wish(session, step.subject["order_id"], step.subject["no"])

    def call(self, partner: object, request: CancelWish) -> CancelAnswer:
        return _sink(partner).send_cancel(request)

    def ask(self, partner: object, request: CancelWish) -> Any | None:  # noqa: ANN401 # as above
        """Asking to stop what has been stopped is harmless: ask again."""
        return self.call(partner, request)

    def settle(self, session: Session, step: Claimed, answer: CancelAnswer, at: datetime) -> None:
        here = at.astimezone(self._zone)  # the day is its own by which lots of a new source expire
        book_cancel_answer(session, step.subject["order_id"], step.subject["no"], answer, here)

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:
        """The location never said yes: for the order that is a refusal."""
        self.settle(session, step, CancelAnswer(stopped=False, reason=error.message), at)


def _of(session: Session, step: Claimed) -> list[tuple[int, int]]:
    """Give the fulfilment orders that a step releases."""
    if "group" not in step.subject:
        return [(step.subject["order_id"], step.subject["no"])]
    return [(one.order_id, one.no) for one in read_group(session, step.subject["group"]).members]


def _sink(partner: object) -> DeliverySink:
    if not isinstance(partner, DeliverySink):
        raise NeedsOperator(f"{type(partner).__name__} does not take deliveries", code="wrong_kind")
    return partner
