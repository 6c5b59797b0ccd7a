"""The view of orders that were just placed, made of what was written: what reading them again would give."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from hub.fulfilment.release import NewFulfilment, code_of
from hub.fulfilment.status import Negotiation
from hub.order.find import HEAD
from hub.order.place.batch import ACCEPTED, ROUTED, Booked
from hub.order.place.unmet import unmet_holds
from hub.order.place.virtual import standing_of
from hub.order.rules.hold import Hold, virtual_lines
from hub.order.rules.normalise import NormalLine
from hub.order.status import Payment

Json = dict[str, Any]


def placed_views(booked: Booked) -> dict[int, bytes]:
    """Give the orders of a batch by id, each as the JSON of its `OrderView`."""
    batch, pieces = booked.batch, booked.sourced.pieces()
    unmet, routed = unmet_holds(booked.sourced.plans), {order_id for order_id, _ in pieces}
    fulfilments: defaultdict[int, list[Json]] = defaultdict(list)
    for one in booked.sourced.opened:
        fulfilments[one.order_id].append(_fulfilment(one))
    views: dict[int, bytes] = {}
    for order_id, new in batch.new.items():
        row = batch.rows_of[order_id]
        view = {name: row.get(name) for name in HEAD}
        view["id"] = str(order_id)
        view["lifecycle"] = ROUTED if order_id in routed else ACCEPTED
        handed = virtual_lines(new.order, booked.holds[order_id])
        if handed:
            view["lifecycle"], view["fulfilment"] = standing_of(new.order, handed)
        view["placed_at"] = row["placed_at"].astimezone(UTC)
        if row["deposit"] is not None and row["payment"] == Payment.DEPOSIT_PAID:
            view["balance"] = row["total"] - row["deposit"]
        if row["balance_due_at"] is not None:
            view["balance_due_at"] = row["balance_due_at"].astimezone(UTC)
        view["lines"] = [
            _line(line, pieces.get((order_id, line.line_no), 0), line.ordered if line in handed else 0)
            for line in new.order.lines
        ]
        view["holds"] = _holds(order_id, [*booked.holds[order_id], *unmet.get(order_id, ())], batch.at)
        view["fulfilments"] = fulfilments[order_id]
        view["parcels"] = view["changes"] = view["refunds"] = view["dues"] = view["links"] = view["returns"] = ()
        views[order_id] = msgspec.json.encode(view)
    return views


def _line(one: NormalLine, allocated: int, handed: int) -> Json:
    return {
        "line_no": one.line_no,
        "line_id": one.external_line_id,
        "kind": one.kind,
        "channel_sku": one.channel_sku,
        "sku": one.product.sku,
        "title": one.product.title,
        "ordered": one.ordered,
        "allocated": allocated,
        "shipped": handed,
        "delivered": handed,
        "returned": 0,
        "cancelled": 0,
        "amount": one.amount,
        "discount": one.discount,
    }


def _holds(order_id: int, holds: Sequence[Hold], since: datetime) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "type": hold.type,
            "rule": hold.rule,
            "since": since,
            "line_no": hold.line_no,
            "fulfilment": code_of(order_id, hold.fulfilment_no) if hold.fulfilment_no else None,
        }
        for hold in holds
        if not hold.released_by
    ]


def _fulfilment(one: NewFulfilment) -> Json:
    return {
        "code": code_of(one.order_id, one.no),
        "location": one.location,
        "attempt": one.attempt,
        "execution": one.execution,
        "negotiation": Negotiation.UNSUBMITTED,
        "courier": one.courier or None,
        "promised_on": one.promise or None,
    }
