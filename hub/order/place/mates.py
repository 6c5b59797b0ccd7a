"""Orders of shops that merge wait for others of their recipient before anything goes to a location."""

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.merge.policy import policies_of
from hub.merge.recipient import Recipient
from hub.merge.window import Newcomer, await_again, await_mates
from hub.order.place.plan import Sourced
from hub.order.place.record import plain_phone, street_of
from hub.order.place.twins import Fresh
from hub.order.rules.normalise import NormalOrder


def with_windows(session: Session, new: Mapping[int, Fresh], sourced: Sourced, at: datetime) -> Sourced:
    """Have the fulfilment orders of new orders wait where their shops merge; for all others it is one look-up."""
    policies = policies_of(session)
    newcomers = [
        Newcomer(order_id, one.order.shop_order.shop, one.order.order.type, recipient_of(one.order))
        for order_id, one in new.items()
        if one.order.shop_order.shop in policies
    ]
    return replace(sourced, opened=await_mates(session, newcomers, sourced.opened, at)) if newcomers else sourced


def with_windows_again(session: Session, sourced: Sourced, at: datetime) -> Sourced:
    """Have new fulfilment orders of orders that are there already wait where their shops merge."""
    opened = await_again(session, sourced.opened, at)
    return sourced if opened is sourced.opened else replace(sourced, opened=opened)


def recipient_of(one: NormalOrder) -> Recipient:
    to, place = one.order.receiver, one.place
    levels = (place.province, place.city, place.county, place.town)
    return Recipient(
        platform=one.shop_order.platform,
        token=to.token,
        phone=plain_phone(to.phone),
        region=place.code,
        street=street_of(one),
        names=tuple(dict.fromkeys(level.name for level in levels if level is not None)),
    )
