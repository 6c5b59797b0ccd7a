"""Every flow there is, in the order in which an order meets them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from connectors.registry import Registry
from flows.alert_stock import AlertStock
from flows.announce_returns import AnnounceReturn
from flows.effect import Effect
from flows.follow_parcels import AskParcel, ReceiveTracks, SubscribeParcel
from flows.intercept_parcels import InterceptParcel
from flows.notify_changes import AskRefund, NotifyChange
from flows.notify_channels import NotifyShipment
from flows.notify_closures import NotifyClosure
from flows.notify_handovers import NotifyHandover
from flows.post_sales import PostGoodsIssue, PostHandover, PostSale
from flows.push_stock import PushStock
from flows.receive_orders import ReceiveOrders
from flows.receive_returns import ReceiveReturns
from flows.receive_shipments import ReceiveShipments
from flows.receive_stock import ReceiveStock
from flows.release_orders import CancelFulfilment, ReleaseFulfilment
from hub.inbox import Message
from hub.order.rules.policy import POLICY
from hub.settings import Settings


class Taker(Protocol):
    """A flow that begins with inbox messages; `batch` of them are one transaction, and `alone` means one process."""

    kinds: Sequence[str]
    batch: int
    alone: bool

    def handle(self, session: Session, messages: Sequence[Message], at: datetime) -> None: ...


def takers(connectors: Registry, settings: Settings) -> Sequence[Taker]:
    """The flows that begin with what comes in."""
    return (
        ReceiveOrders(
            connectors,
            ZoneInfo(settings.business_zone),
            settings.worker.inbox_batch,
            {name: one.precedence for name, one in settings.connections.items()},
            keep_deposit=settings.orders.deposit == "keep",
        ),
        ReceiveShipments(
            connectors, ZoneInfo(settings.business_zone), replace(POLICY, tries=settings.orders.reroute_tries)
        ),
        ReceiveReturns(connectors, ZoneInfo(settings.business_zone)),
        ReceiveTracks(connectors, settings),
        ReceiveStock(connectors),
    )


def effects(settings: Settings) -> Mapping[str, Effect]:
    """The flows that end with what goes out, by name."""
    every: Sequence[Effect] = (
        *(ReleaseFulfilment(settings), CancelFulfilment(settings), NotifyShipment(), NotifyClosure()),
        *(NotifyChange(), AskRefund(), AnnounceReturn()),
        *(NotifyHandover(), PostHandover()),
        *(SubscribeParcel(), AskParcel(settings), InterceptParcel(settings), PostSale(), PostGoodsIssue()),
        *(PushStock(), AlertStock(settings.stock)),
    )
    return {effect.flow: effect for effect in every}
