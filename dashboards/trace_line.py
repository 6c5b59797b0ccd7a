"""The line of time of an order's page: what a reader wants of it, in groups that can be looked at alone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from dashboards.words import Tone, state_of
from hub.order.trace.timeline import Happening

MERGING: Final = frozenset({"merge window", "merge", "unmerge"})

BEGUN: Final = frozenset({"inbox", "placed", "follows", "gift"})

MONEY: Final = frozenset({"amount due", "refund"})

GROUPS: Final[Mapping[str, frozenset[str]]] = {
    "order": frozenset({*BEGUN, "hold", "hold released", "split", "case", "case resolved"}) | MONEY,
    "routing": frozenset({"route", "split", "fulfilment", *MERGING}),
    "messages": frozenset({"inbox", "step", "call"}),
    "goods": frozenset({"fulfilment", *MERGING, "shipment", "handover", "parcel", "sale posted", "goods issue"}),
    "people": frozenset({"audit", "hold released", "case resolved"}),
}
"""What each filter shows."""

TOLD_BETTER: Final = frozenset({"order.place", "order.release", "order.ship", "order.merge"})
"""Audited acts that their own happenings tell: an order placed, a released hold, a shipment, a merge."""

MARKS: Final[Mapping[str, tuple[str, Tone]]] = {
    "inbox": ("message", Tone.RUNNING),
    "placed": ("shopping-bag", Tone.GOOD),
    "follows": ("package", Tone.PLAIN),
    "gift": ("package", Tone.PLAIN),
    "hold": ("hand-stop", Tone.WAITING),
    "hold released": ("player-play", Tone.GOOD),
    "split": ("adjustments", Tone.PLAIN),
    "route": ("route", Tone.GOOD),
    "fulfilment": ("package", Tone.RUNNING),
    "merge window": ("clock", Tone.WAITING),
    "merge": ("package", Tone.GOOD),
    "unmerge": ("package", Tone.PLAIN),
    "step": ("clock", Tone.WAITING),
    "call": ("external-link", Tone.FAILED),
    "shipment": ("truck", Tone.GOOD),
    "handover": ("circle-check", Tone.GOOD),
    "parcel": ("map-pin", Tone.RUNNING),
    "sale posted": ("receipt", Tone.GOOD),
    "goods issue": ("receipt", Tone.GOOD),
    "amount due": ("receipt", Tone.WAITING),
    "refund": ("receipt", Tone.RUNNING),
    "case": ("alert-triangle", Tone.FAILED),
    "case resolved": ("circle-check", Tone.GOOD),
    "audit": ("user", Tone.PLAIN),
}
"""The icon and the tone of each kind; a state that says more is in SAID_BY."""

SAID_BY: Final = {
    "inbox": ("inbox", "state"),
    "fulfilment": ("negotiation", "negotiation"),
    "step": ("step", "state"),
    "call": ("step", "outcome"),
    "parcel": ("courier", "status"),
}
"""The axis whose state colours a happening, and where its detail names it."""

FADED: Final = frozenset({Tone.PLAIN, Tone.ENDED})


def line_of(happenings: Sequence[Happening], group: str = "") -> list[Happening]:
    """Leave out what another happening tells better, and what is not in the group."""
    wanted = GROUPS.get(group)
    return [one for one in _told_once(happenings) if wanted is None or one.what in wanted]


def marked(happenings: Sequence[Happening]) -> list[tuple[Happening, str, Tone]]:
    """Give each happening with its icon and tone."""
    return [(one, MARKS[one.what][0], _tone(one)) for one in happenings]


def counts_of(happenings: Sequence[Happening]) -> Mapping[str, int]:
    """Say how much each filter would show."""
    told = list(_told_once(happenings))
    return {group: sum(one.what in whats for one in told) for group, whats in GROUPS.items()}


def _told_once(happenings: Sequence[Happening]) -> Iterator[Happening]:
    called = {one.detail["step"] for one in happenings if one.what == "call"}
    for one in happenings:
        calls_tell = one.what == "step" and one.detail["id"] in called and one.detail["state"] == "done"
        if not calls_tell and not (one.what == "audit" and one.told in TOLD_BETTER):
            yield one


def _tone(one: Happening) -> Tone:
    if one.what not in SAID_BY:
        return MARKS[one.what][1]
    axis, name = SAID_BY[one.what]
    said = state_of(axis, one.detail[name]).tone
    return MARKS[one.what][1] if said in FADED else said
