"""Make the decision of a question that was asked together with others: its share of the batch says what ships."""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from hub.document import Document
from hub.sourcing.greedy import cost_of, decide
from hub.sourcing.model import Candidate, Choice, Decision, Question, Share, Take, gap_of

SHARED: Final = "columns-1"

KEPT: Final = "kept"
"""The verdict on a location that could have given at least as well, but whose pieces other orders needed more."""


class BatchCost(Document):
    """What the answer for a batch of `parts` of orders costs in minor units, what stays without a source included.

    Asked in turn they would have cost `greedy_cost`, and no answer costs less than `bound`: `gap` is the part
    of the cost that a perfect answer could save at most, (cost - bound) / cost.
    """

    parts: int
    cost: int
    greedy_cost: int
    bound: int
    gap: float


def batch_cost(share: Share) -> BatchCost:
    gap = gap_of(share.cost, share.bound)
    return BatchCost(parts=share.questions, cost=share.cost, greedy_cost=share.greedy_cost, bound=share.bound, gap=gap)


def decide_shared(question: Question) -> Decision:
    """Give the decision that a question's share leads to, told against what the greedy would say of each location.

    Raises: ValueError for a question without a share.
    """
    if question.share is None:
        raise ValueError("this question was asked alone")
    alone = decide(replace(question, share=None))
    choices = tuple(_choices(question, question.share.given))
    cost = sum([choice.cost for choice in choices])
    given = {(choice.code, take.line_no): take.quantity for choice in choices for take in choice.takes}
    unmet = tuple(
        [
            Take(want.line_no, want.sku, left)
            for want in question.wants
            if (left := want.quantity - sum([n for (_, line), n in given.items() if line == want.line_no]))
        ]
    )
    chosen = frozenset([choice.code for choice in choices])
    return Decision(
        choices=choices,
        unmet=unmet,
        candidates=tuple([told(one, chosen, cost) for one in alone.candidates]),
        cost=cost,
        bound=alone.bound if unmet == alone.unmet else _least(question) if choices else 0,
        solver=SHARED,
    )


def _choices(question: Question, given: dict[str, tuple[tuple[int, int], ...]]) -> Iterator[Choice]:
    wants = {want.line_no: want for want in question.wants}
    sites = {site.code: site for site in question.sites}
    for code, pieces in sorted(given.items()):
        takes = tuple([Take(line_no, wants[line_no].sku, quantity) for line_no, quantity in pieces])
        grams = sum([wants[line_no].grams * quantity for line_no, quantity in pieces])
        yield Choice(code, cost_of(sites[code], grams, question.costs), takes)


def told(one: Candidate, chosen: frozenset[str], cost: int) -> Candidate:
    """Say why a location ships or not: one that the greedy would have asked, or that is no dearer, was kept."""
    if one.code in chosen:
        return replace(one, verdict="chosen", lost_by=0, missing={})
    if one.verdict == "dearer" and one.cost > cost:
        return replace(one, lost_by=one.cost - cost)
    return replace(one, verdict=KEPT, lost_by=0) if one.verdict in {"chosen", "dearer"} else one


def _least(question: Question) -> int:
    """Give what the lightest parcel costs: no plan for any pieces undercuts that."""
    return min([cost_of(site, 0, question.costs) for site in question.sites])
