"""Stock to channels: look what has moved, work out what shops are told, and tell them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from flows.effect import Claimed
from hub.document import Document
from hub.errors import HubError, NeedsOperator, Rejected
from hub.inventory.alarm import add_alarm_step
from hub.inventory.alert import forget_alerts, raise_alerts
from hub.inventory.look import forget_sales, next_slice, take_look
from hub.inventory.offer import FLOW, add_steps, selling, sweep_offers, weigh
from hub.inventory.push import book_told, read_due, refuse_all, sum_up
from hub.inventory.telling import Telling, Told
from hub.inventory.untold import forget_others
from hub.ports import StockSink
from hub.settings import Settings

BATCH: Final = 100
"""SKUs in one step; a channel that takes fewer at once tells how many it took."""


def look(session: Session, settings: Settings, at: datetime) -> int:
    """Work out what shops and people are told of SKUs that have moved, and give how many SKUs that are."""
    moved = take_look(session, at, settings.business_zone)
    if moved is None:
        return 0
    shops = selling(settings)
    weigh(session, shops, moved, settings.stock, _here(settings, at))
    add_steps(session, shops, at)
    _alert(session, sorted(moved), settings, at)
    return len(moved)


def sweep(session: Session, settings: Settings, at: datetime) -> int:
    """Do the same for the next SKUs of all there are, moved or not, and give how many; old sums are forgotten.

    So are the numbers of shops that are told no more.
    """
    skus = next_slice(session, settings.stock.sweep)
    shops = selling(settings)
    forget_others(session, [shop.connection for shop in shops], at)
    sweep_offers(session, shops, skus, settings.stock, _here(settings, at))
    add_steps(session, shops, at)
    _alert(session, skus, settings, at)
    forget_sales(session, at)
    forget_alerts(session, at)
    return len(skus)


def _here(settings: Settings, at: datetime) -> datetime:
    """Give the moment in the business zone, whose day it is that lots expire by."""
    return at.astimezone(ZoneInfo(settings.business_zone))


def _alert(session: Session, skus: Sequence[str], settings: Settings, at: datetime) -> None:
    raise_alerts(session, skus, settings.stock, _here(settings, at))
    for connection, listener in settings.stock.told_of_alerts().items():
        add_alarm_step(session, connection, listener, at)


class OfBucket(Document):
    """The subject of a step about stock: which of a shop's lanes it is for."""

    bucket: int


class PushStock:
    """Tells a channel the numbers of one lane that are due, whatever they are when the step's turn comes."""

    flow: str = FLOW
    subject: type = OfBucket
    alone: bool = True

    def prepare(self, session: Session, step: Claimed, at: datetime) -> Sequence[Telling] | None:  # noqa: ARG002 # the port's shape
        return read_due(session, step.connection, step.subject["bucket"], BATCH) or None

    def call(self, partner: object, request: Sequence[Telling]) -> Told:
        """Tell the numbers; those that the channel refuses are no failure of the others.

        Raises: the errors of hub.errors, but Rejected.
        """
        if not isinstance(partner, StockSink):
            raise NeedsOperator(f"{type(partner).__name__} is not told of stock", code="wrong_kind")
        try:
            return sum_up(request, partner.send_stock(request))
        except Rejected as error:
            return refuse_all(request, error.code)

    def ask(self, partner: object, request: Sequence[Telling]) -> None:
        """Telling again is harmless: the numbers are absolute."""

    def settle(self, session: Session, step: Claimed, answer: Told, at: datetime) -> None:
        book_told(session, step.connection, step.subject["bucket"], answer, at)

    def give_up(self, session: Session, step: Claimed, error: HubError, at: datetime) -> None:
        """The engine's case says what to do; what is due waits for the step to be tried again."""
