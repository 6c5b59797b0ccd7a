"""The way of an order as stages: how far it has come, and where it stands still."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from dashboards.texts import N_
from hub.fulfilment.release import RELEASE
from hub.order.posting.sale import ISSUE, SALE
from hub.order.trace.goods import TracedFulfilment
from hub.order.trace.head import Head
from hub.order.trace.timeline import Happening

ENDED: Final = frozenset({"cancelled", "closed"})
GONE: Final = frozenset({"cancelled", "rejected", "cancel_accepted"})
"""Fulfilment orders from which nothing will be shipped."""

UNPAID: Final = "unpaid"
"""The rule whose hold the buyer ends: such an order is not stuck, and nobody is to do anything."""

POSTINGS: Final = frozenset({SALE, ISSUE})


class Standing(StrEnum):
    """How a stage stands: passed, passed in part, under way, stuck, not reached, or never to be reached."""

    DONE = "done"
    PART = "part"
    NOW = "now"
    STUCK = "stuck"
    AHEAD = "ahead"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage; `label` is a msgid."""

    key: str
    label: str
    standing: Standing
    at: datetime | None = None


def stages_of(head: Head, goods: Sequence[TracedFulfilment], line: Sequence[Happening]) -> list[Stage]:
    """Say how far an order has come; the first stage that is not passed is the one under way."""
    stages: list[Stage] = []
    off = head.lifecycle in ENDED
    reached = True
    for stage in _stages(head, goods, line):
        standing = stage.standing
        if standing is Standing.AHEAD and off:
            standing = Standing.OFF
        elif standing is Standing.AHEAD and reached:
            standing = Standing.NOW
        reached = reached and standing is Standing.DONE
        stages.append(Stage(stage.key, stage.label, standing, stage.at))
    return stages


def _stages(head: Head, goods: Sequence[TracedFulfilment], line: Sequence[Happening]) -> Iterator[Stage]:
    yield Stage("received", N_("Taken in"), Standing.DONE, head.created_at)
    yield _checked(head)
    if paid := _paid(head):
        yield paid
    yield _routed(head, goods, line)
    yield _released(goods, line)
    yield _shipped(head, goods)
    yield _delivered(head, goods)
    if posted := _posted(goods, line):
        yield posted


def _checked(head: Head) -> Stage:
    whole = [hold for hold in head.holds if hold.line_no is None and hold.fulfilment_no is None]
    blockers = [hold for hold in whole if "route" in hold.blocks and hold.type != "stock" and hold.rule != UNPAID]
    if any(hold.released_at is None for hold in blockers):
        return Stage("checked", N_("Checked"), Standing.STUCK)
    passed = max((hold.released_at for hold in blockers if hold.released_at), default=head.created_at)
    return Stage("checked", N_("Checked"), Standing.DONE, passed)


def _paid(head: Head) -> Stage | None:
    """Say whether an order that waited for its buyer was paid; nothing for others, and for one let go on unpaid."""
    waited = [hold for hold in head.holds if hold.rule == UNPAID]
    if not waited:
        return None
    if head.payment not in {"unpaid", "deposit_paid"}:
        return Stage("paid", N_("Paid"), Standing.DONE, head.paid_at)
    if head.lifecycle in ENDED or any(hold.released_at is None for hold in waited):
        return Stage("paid", N_("Paid"), Standing.AHEAD)
    return None


def _routed(head: Head, goods: Sequence[TracedFulfilment], line: Sequence[Happening]) -> Stage:
    short = any(hold.type == "stock" or (hold.line_no and "route" in hold.blocks) for hold in head.open_holds)
    live = [one for one in goods if one.negotiation not in GONE and one.execution not in GONE]
    at = max((one.at for one in line if one.what == "route"), default=None)
    if live:
        return Stage("routed", N_("Routed"), Standing.PART if short else Standing.DONE, at)
    return Stage("routed", N_("Routed"), Standing.STUCK if short else Standing.AHEAD)


def _released(goods: Sequence[TracedFulfilment], line: Sequence[Happening]) -> Stage:
    live = [one for one in goods if one.negotiation not in GONE and one.execution not in GONE]
    taken = [one for one in live if one.negotiation != "unsubmitted"]
    releases = [one for one in line if one.what == "step" and one.detail["flow"] == RELEASE]
    if any(one.detail["state"] == "dead" for one in releases):
        return Stage("released", N_("Released"), Standing.STUCK)
    if not taken:
        return Stage("released", N_("Released"), Standing.AHEAD)
    told = [one.at for one in line if one.what == "call" and one.detail["flow"] == RELEASE]
    standing = Standing.DONE if len(taken) == len(live) else Standing.PART
    return Stage("released", N_("Released"), standing, max(told, default=None))


def _shipped(head: Head, goods: Sequence[TracedFulfilment]) -> Stage:
    at = max((shipment.shipped_at for one in goods for shipment in one.shipments), default=None)
    standing = {"none": Standing.AHEAD, "partial": Standing.PART}.get(head.fulfilment, Standing.DONE)
    return Stage("shipped", N_("Shipped"), standing, at)


def _delivered(head: Head, goods: Sequence[TracedFulfilment]) -> Stage:
    tracks = [parcel.track for one in goods for shipment in one.shipments for parcel in shipment.parcels]
    arrived = [track.delivered_at for track in tracks if track and track.delivered_at]
    if head.fulfilment == "delivered":
        return Stage("delivered", N_("Delivered"), Standing.DONE, max(arrived, default=None))
    if any(track and track.status == "trouble" for track in tracks):
        return Stage("delivered", N_("Delivered"), Standing.STUCK)
    return Stage("delivered", N_("Delivered"), Standing.PART if arrived else Standing.AHEAD, max(arrived, default=None))


def _posted(goods: Sequence[TracedFulfilment], line: Sequence[Happening]) -> Stage | None:
    """Say how far the ERP's books are; nothing for a brand without one."""
    postings = [one.posting for one in goods if one.posting]
    if not postings:
        return None
    if any(one.what == "step" and one.detail["flow"] in POSTINGS and one.detail["state"] == "dead" for one in line):
        return Stage("posted", N_("In the ERP"), Standing.STUCK)
    booked = [at for one in postings for at in (one.sale_at, one.issue_at) if at]
    whole = len(booked) == 2 * len(postings)
    standing = Standing.DONE if whole else Standing.PART if booked else Standing.AHEAD
    return Stage("posted", N_("In the ERP"), standing, max(booked, default=None))
