"""The personal part of an order that a change replaces: put over the order as it stands, and taken from it."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from hub.address.match import match
from hub.order.change.revision import Contents
from hub.order.rules.normalise import NormalOrder


def changed(one: NormalOrder, contents: Contents) -> NormalOrder:
    """Give an order with another receiver or remark."""
    updates: dict[str, Any] = {}
    if contents.receiver is not None:
        updates["receiver"] = contents.receiver
    if contents.remark is not None:
        updates["remark"] = contents.remark
    order = one.order.model_copy(update=updates)
    to = order.receiver
    place = match(to.province, to.city, to.county, to.street)
    return NormalOrder(replace(one.shop_order, order=order), one.lines, one.shares, place)


def contents_of(one: NormalOrder, kinds: Sequence[str]) -> Contents:
    """Give the personal part of an order that kinds of change replace."""
    order = one.order
    return Contents.model_construct(
        receiver=order.receiver if "address" in kinds else None, remark=order.remark if "remark" in kinds else None
    )
