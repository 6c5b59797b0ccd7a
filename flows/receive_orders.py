"""Orders from the inbox: read by their channel's connector, placed in batches, and a case for each that cannot be."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from connectors.registry import Registry
from hub.inbox import Message
from hub.order.change.channel import Precedence
from hub.order.model import ShopOrder
from hub.order.receive import ORDER, receive


class ReceiveOrders:
    """Takes inbox messages of kind order."""

    kinds: Sequence[str] = (ORDER,)
    alone: bool = False

    def __init__(
        self,
        connectors: Registry,
        zone: ZoneInfo,
        batch: int,
        precedence: Mapping[str, Precedence] | None = None,
        *,
        keep_deposit: bool = False,
    ) -> None:
        self._connectors = connectors
        self._zone = zone
        self._precedence = precedence or {}
        self._keep_deposit = keep_deposit
        self.batch = batch

    def handle(self, session: Session, messages: Sequence[Message], at: datetime) -> None:
        """Place a batch; the transaction is the caller's."""
        receive(
            *(session, messages, self._read, at, self._zone, self._brand_of, self._precedence),
            keep_deposit=self._keep_deposit,
        )

    def _read(self, message: Message) -> ShopOrder:
        return self._connectors.read_order(message.connection, message.body)

    def _brand_of(self, message: Message) -> str:
        return self._connectors.brand_of(message.connection)
