"""The table of orders that follow from another: what is sent in exchange, or once more."""

from sqlalchemy import Index

from hub.columns import Entity, number, words


class OrderLink(Entity, table=True):
    """Which order another one follows from; both are of one shop, and what it costs was paid with the first.

    What is sent in exchange for goods that come back names the `return_no` of the first order.
    """

    __table_args__ = (Index("ix_order_link_origin", "origin_order_id", "order_id"),)
    order_id: int = number(primary_key=True)
    origin_order_id: int = number()
    return_no: int | None = number(default=None)
    actor: str = words()
    reason: str = words()
