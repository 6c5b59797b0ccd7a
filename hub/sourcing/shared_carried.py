"""Make the decision of a question with terms that was asked together with others, its couriers by its own lanes."""

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from hub.sourcing.asking import Asking, Stop
from hub.sourcing.freight import choice_of, decide_freight
from hub.sourcing.model import Decision, Option, Question, Share
from hub.sourcing.shared import KEPT, told
from hub.sourcing.tell_carried import less, takes_of

CARRIED: Final = "columns-2"


def decide_carried(question: Question) -> Decision:
    """Give the decision that a question's share leads to, told against what would have been decided alone.

    Raises: ValueError for a question without a share, or without terms.
    """
    if question.share is None or question.terms is None:
        raise ValueError("this solver decides shares of questions with terms alone")
    alone = decide_freight(replace(question, share=None))
    asking = Asking(question, question.terms)
    stops = list(_stops(asking, question.share))
    left = asking.wanted
    for stop in stops:
        left = less(left, stop.given)
    choices = tuple([choice_of(stop, question) for stop in stops])
    cost = sum([choice.cost for choice in choices])
    chosen = frozenset([choice.code for choice in choices])
    total = asking.plan(stops).cost
    options = () if alone.options is UNSET else alone.options
    sent = {(choice.code, choice.courier) for choice in choices}
    return Decision(
        choices=choices,
        unmet=tuple(takes_of(question.wants, left)),
        candidates=tuple([told(one, chosen, total) for one in alone.candidates]),
        cost=cost,
        bound=min([stand.least for stand in asking.able]) if choices else 0,
        solver=CARRIED,
        options=tuple([_told(one, (one.code, one.courier) in sent, total) for one in options]),
    )


def _stops(asking: Asking, share: Share) -> Iterator[Stop]:
    """Price what the share takes from each location, by code, by the courier that is cheapest."""
    stands = {stand.site.code: stand for stand in asking.able}
    for no, (code, pieces) in enumerate(sorted(share.given.items())):
        of_line = dict(pieces)
        given = tuple([of_line.get(want.line_no, 0) for want in asking.wants])
        yield asking.parcel(stands[code], given, further=no > 0)


def _told(one: Option, sent: bool, total: int) -> Option:  # noqa: FBT001 # what became of it
    if sent:
        return replace(one, verdict="chosen", lost_by=0)
    if one.verdict == "dearer" and one.cost > total:
        return replace(one, lost_by=one.cost - total)
    return replace(one, verdict=KEPT, lost_by=0) if one.verdict in {"chosen", "dearer"} else one
