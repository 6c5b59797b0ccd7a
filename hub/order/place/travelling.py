"""Gifts travel with what they came with: a batch is planned until none waits in vain, or leaves alone without need."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from msgspec.structs import replace

from hub.order.place.need import Need, Plan, gifts_in
from hub.sourcing.model import Question, Site, Want

Score = tuple[int, int]


class Travelling:
    """What is asked of a batch because of its gifts, learnt from one plan after the other.

    A gift whose main item has no source is left with it: others may have what it took. Where that gives a main item its
    source, its gift comes back, for good: who waits for what has left waits for ever. A gift that would leave alone has
    a piece of its main item come along from a place that has both, once, and only if it helps.
    """

    def __init__(self, needs: Sequence[Need]) -> None:
        self._whole, self._asked = needs, list(needs)
        self._out: list[set[int]] = [set() for _ in needs]
        self._back: list[set[int]] = [set() for _ in needs]
        self._before: dict[int, Score] = {}

    def needs(self) -> list[Need]:
        """Give what is to be asked now."""
        return [_without(need, out) if out else need for need, out in zip(self._asked, self._out, strict=True)]

    def settled(self, plans: Sequence[Plan]) -> bool:
        """Learn from the plans of what was asked; say whether they stand, for lack of anything to be asked anew."""
        return not (self._move(plans) or self._lead(plans) or self._unlead(plans))

    def _move(self, plans: Sequence[Plan]) -> bool:
        """Leave gifts with main items without a source, or let those of one order come back whose main item has it."""
        behind = [
            {want.line_no for want in need.wants if want.with_no in lost} - stay if (lost := one.lost) else lost
            for need, one, stay in zip(self._whole, plans, self._back, strict=True)
        ]
        if any(gifts - gone for gifts, gone in zip(behind, self._out, strict=True)):
            self._out = [gifts | gone for gifts, gone in zip(behind, self._out, strict=True)]
            return True
        stray = next((no for no, gone in enumerate(self._out) if gone - behind[no]), None)
        if stray is None:
            return False
        # the first alone: those behind it may lose what it takes now
        self._back[stray] |= self._out[stray] - behind[stray]
        self._out[stray] &= behind[stray]
        return True

    def _lead(self, plans: Sequence[Plan]) -> bool:
        """Have main items come along with gifts that leave alone."""
        fresh = {
            no: gifts for no, plan in enumerate(plans) if no not in self._before and (gifts := tuple(_leadable(plan)))
        }
        for no, gifts in fresh.items():
            beside = frozenset[int]().union(*[gifts_in(question) for question, _ in plans[no].decisions])
            self._asked[no] = replace(self._whole[no], led=gifts, beside=beside)
            self._before[no] = _score(plans[no])
        return bool(fresh)

    def _unlead(self, plans: Sequence[Plan]) -> bool:
        """Ask of an order what was asked before where leading has not helped."""
        vain = [no for no, before in self._before.items() if self._asked[no].led and _score(plans[no]) >= before]
        for no in vain:
            self._asked[no] = self._whole[no]
        return bool(vain)


def _without(need: Need, out: set[int]) -> Need:
    return replace(need, wants=tuple([want for want in need.wants if want.line_no not in out]))


def _leadable(plan: Plan) -> Iterator[frozenset[int]]:
    """Name the gifts that leave alone though some place has them with a piece of their main item, and these items.

    What one place has together is one group, with what else would leave alone and lies there.
    """
    alone = {take.line_no for take in plan.alone}
    for question, _ in plan.decisions if alone else ():
        for group in _groups(question, alone & gifts_in(question)):
            yield frozenset([want.line_no for want in group])


def _groups(question: Question, alone: Collection[int]) -> list[list[Want]]:
    here = {want.line_no: want for want in question.wants}
    gifts = [want for want in question.wants if want.line_no in alone]
    left = {want.line_no: want.quantity for want in question.wants}
    groups: list[list[Want]] = []
    for gift in gifts:
        main, fresh = replace(here[gift.with_no], quantity=1), list[Want]()
        for group in (*groups, fresh):
            more = [] if main in group else [main]
            if len(more) <= left[main.line_no] and _lie_together(question, [*group, *more, gift]):
                group += [*more, gift]
                left[main.line_no] -= len(more)
                break
        groups += [fresh] if fresh else []
    for gift in gifts:
        if not any(gift in group for group in groups):
            group = next((one for one in groups if _lie_together(question, [*one, gift])), list[Want]())
            group.append(gift)
    return groups


def _lie_together(question: Question, wants: Sequence[Want]) -> bool:
    storages, pieces = {want.storage for want in wants}, Counter[str]()
    for want in wants:
        pieces[want.sku] += want.quantity
    return any(_may_send(site, storages, pieces) for site in question.sites)


def _may_send(site: Site, storages: set[str], pieces: Counter[str]) -> bool:
    return (
        not site.barred
        and storages.issubset(site.storages)
        and all(site.free.get(sku, 0) >= n for sku, n in pieces.items())
    )


def _score(plan: Plan) -> Score:
    """Count the pieces that were bought and have no source, then those of gifts without one or without company."""
    bought = {want.line_no for want in plan.need.wants if not want.with_no}
    unmet = sum(take.quantity for take in plan.unmet if take.line_no in bought)
    gifts = sum(take.quantity for take in plan.unmet if take.line_no not in bought)
    return unmet, gifts + sum(take.quantity for take in plan.alone)
