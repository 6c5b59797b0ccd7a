"""What tests of stopping parcels need: parcels that have left, a courier that can be asked, and its answers."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.aftersale.intercepted import book_intercept, take_tracks
from hub.aftersale.wish import Terms
from hub.audience import COURIERS, STOPS, set_audience
from hub.database import rows
from hub.fulfilment.courier import CourierStatus, InterceptAnswer, Track, TrackEvent
from hub.fulfilment.model import ConfirmedParcel, ConfirmLine
from hub.order.ship.intercept import Asked, ask_intercept
from hub.order.ship.progress import record_confirm
from hub.order.ship.track import Parcel
from tests.hub.making import AT, BRAND, confirm, order, placed, stock

WHO: Final = "operator-1"
SF: Final = "sf"
TRACKER: Final = "kdniao"
YES: Final = InterceptAnswer(accepted=True, instruction="CUS1")
NO: Final = InterceptAnswer(accepted=False, words="运单已签收 (20011)")


def served(session: Session) -> None:
    """Let one connection stop SF's parcels, and another follow all."""
    set_audience(session, {(BRAND, COURIERS): TRACKER, (BRAND, f"{STOPS}SF"): SF})


def packed(number: str, pieces: Mapping[str, int], courier: str = "SF") -> ConfirmedParcel:
    lines = tuple(ConfirmLine(sku=sku, quantity=n) for sku, n in pieces.items())
    return ConfirmedParcel(courier_code=courier, tracking_no=number, lines=lines)


def left(session: Session, *parcels: ConfirmedParcel, external_id: str = "T1") -> int:
    """Ship an order of three apples in parcels: SF-1 with two of them and SF-2 with one, unless others are named."""
    stock(session, {"sh": {"apple": 9}}, f"ASN-{external_id}")
    order_id = placed(session, order({"apple": 3}, external_id))
    parts = parcels or (packed("SF-1", {"apple": 2}), packed("SF-2", {"apple": 1}))
    record_confirm(session, confirm(order_id, 1, {"apple": 3}, parcels=parts), AT)
    return order_id


def asked(session: Session, order_id: int) -> Asked:
    return ask_intercept(session, order_id, WHO, "wrong house", AT)


def answered(session: Session, order_id: int, answer: InterceptAnswer, no: int = 1) -> None:
    book_intercept(session, Parcel(order_id, 1, no), SF, answer, Terms(), AT)


def tracked(session: Session, number: str, status: CourierStatus, hours: int = 0) -> None:
    events = (TrackEvent(at=AT + timedelta(hours=hours), status=status),)
    news = [Track(courier="SF", tracking_no=number, status=status, events=events)]
    take_tracks(session, TRACKER, news, Terms(), AT)


def intercepts(session: Session, order_id: int) -> list[Row[Any]]:
    return list(rows(session, "select * from parcel_intercept where order_id = :id order by parcel_no", id=order_id))


def states(session: Session, order_id: int) -> list[str]:
    return [one.state for one in intercepts(session, order_id)]
