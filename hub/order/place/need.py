"""What an order needs a source for, and what was decided for it."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from hub.order.rules.hold import held_lines
from hub.order.rules.ride import lead
from hub.order.rules.split import Lines, Link, split
from hub.review.verdict import Act, Hold
from hub.sourcing.model import Decision, Question, Take, Want


class Need(msgspec.Struct, frozen=True):
    """Pieces of one order that need a source; `barred` says by location why it may not have them.

    Lines that stand `apart` share a fulfilment order with no other, because they alone are kept from leaving. Of those
    that are `met` other pieces have a source already. `led` are gifts that have a piece of their main item come along
    with them, group by group in a part of its own; those `beside` it shared a part with it before.
    """

    order_id: int
    brand: str
    division: str
    wants: tuple[Want, ...]
    attempt: int = 1
    replaces_no: int | None = None
    barred: Mapping[str, str] = {}  # msgspec gives each its own
    apart: frozenset[int] = frozenset()
    met: frozenset[int] = frozenset()
    led: tuple[frozenset[int], ...] = ()
    beside: frozenset[int] = frozenset()

    @property
    def skus(self) -> set[str]:
        return {want.sku for want in self.wants}

    def parts(self, splitters: Sequence[Link]) -> list[Lines]:
        """Cut what is needed into what may travel together."""
        if not self.apart:
            parts = split(self.wants, splitters)
        else:
            alone = [(want,) for want in self.wants if want.line_no in self.apart]
            rest = tuple([want for want in self.wants if want.line_no not in self.apart])
            parts = [part for wants in (rest, *alone) if wants for part in split(wants, splitters)]
        return [led for part in parts for led in lead(part, self.led)] if self.led else parts


def part_by_holds(need: Need, holds: Sequence[Hold]) -> Need:
    """Leave out of a need the lines that holds of their own keep from being routed.

    What may be routed and must stay here stands apart from what may leave.
    """
    if all(hold.line_no is None for hold in holds):
        return need
    waits = held_lines(holds, Act.ROUTE)
    wants = tuple([want for want in need.wants if want.line_no not in waits])
    return replace(need, wants=wants, apart=held_lines(holds, Act.RELEASE) - waits)


def gifts_in(question: Question) -> frozenset[int]:
    """Give the lines of a question that lie in it beside what they came with."""
    here = {want.line_no for want in question.wants}
    return frozenset([want.line_no for want in question.wants if want.with_no in here])


class Plan(msgspec.Struct, frozen=True):
    """What was decided for one need, part by part."""

    need: Need
    decisions: tuple[tuple[Question, Decision], ...]

    @property
    def unmet(self) -> list[Take]:
        return [take for _, decision in self.decisions for take in decision.unmet]

    @property
    def lost(self) -> set[int]:
        """Give the lines that were bought and of which no piece has a source."""
        if not (without := self.unmet):
            return set()
        unmet = Counter[int]()
        for take in without:
            unmet[take.line_no] += take.quantity
        bought = [want for want in self.need.wants if not want.with_no and want.line_no not in self.need.met]
        return {want.line_no for want in bought if unmet[want.line_no] == want.quantity}

    @property
    def alone(self) -> list[Take]:
        """Give what would leave with nothing that was bought, although it may travel with its main item."""
        beside, found = self.need.beside, list[Take]()
        for question, decision in self.decisions:
            if len(decision.choices) > 1 or beside:
                gifts = beside | gifts_in(question)
                for choice in decision.choices:
                    if gifts.issuperset([take.line_no for take in choice.takes]):
                        found += choice.takes
        return found

    @property
    def missing(self) -> dict[str, int]:
        """Give the pieces without a source, by SKU; gifts that are left behind are none of what is needed."""
        missing: defaultdict[str, int] = defaultdict(int)
        for take in self.unmet:
            missing[take.sku] += take.quantity
        return dict(missing)
