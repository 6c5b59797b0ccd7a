"""Which fulfilment orders share a delivery: first fit, the oldest order first, within the strictest of their limits."""

from collections import defaultdict
from collections.abc import Sequence

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """How much may travel in one delivery. Of one order no more than one parcel does, so orders count parcels too."""

    orders: int
    grams: int


class Part(msgspec.Struct, frozen=True):
    """A fulfilment order that waits. Only those of one `bucket` may travel together; one without any travels alone."""

    order_id: int
    no: int
    bucket: tuple[str, ...]
    due: bool
    grams: int
    limits: Limits


def fit(parts: Sequence[Part]) -> list[list[Part]]:
    """Give the deliveries that are to go now: each holds a part whose window is over, and whoever fits in beside it.

    What was cut out of one order is never put together again. The rest goes on waiting.
    """
    groups: defaultdict[tuple[str, ...], list[list[Part]]] = defaultdict(list)
    alone: list[list[Part]] = []
    for part in sorted(parts, key=lambda one: (one.order_id, one.no)):
        if not part.bucket:
            alone.append([part])
            continue
        open_groups = groups[part.bucket]
        room = next((group for group in open_groups if _takes(group, part)), None)
        if room is None:
            open_groups.append([part])
        else:
            room.append(part)
    every = [*alone, *(group for of_bucket in groups.values() for group in of_bucket)]
    return [group for group in every if any(part.due for part in group)]


def _takes(group: Sequence[Part], part: Part) -> bool:
    together = [*group, part]
    return (
        all(one.order_id != part.order_id for one in group)
        and len(together) <= min(one.limits.orders for one in together)
        and sum(one.grams for one in together) <= min(one.limits.grams for one in together)
    )
