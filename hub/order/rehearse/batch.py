"""Batches of a trial: which orders were placed at once, and what it came to where they were decided together."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Final

from hub.document import Document
from hub.order.rehearse.asked import Asked
from hub.sourcing.model import Decision, Question, gap_of
from hub.sourcing.policy import Together

SLACK: Final = timedelta(minutes=1)
"""By so much the numbers of orders may be out of the order in which their transactions began."""

STEP_MS: Final = 250
"""What one step of the optimiser takes about: a trial counts steps, not time, so that it always says the same."""


class Batches(Document):
    """What a policy that decides batches together came to: of `came` with enough orders it decided `together` so many.

    These held `orders` and cost so much, minor units, in turn `greedy_cost`; no answer costs less than `bound`, and
    `gap` is (cost - bound) / cost. The others had enough of everything, or in turn was as good.
    """

    came: int
    together: int
    orders: int
    cost: int
    greedy_cost: int
    bound: int
    gap: float


@dataclass(slots=True)
class BatchSum:
    """The sums of `Batches`, as they grow."""

    came: int = 0
    together: int = 0
    orders: int = 0
    cost: int = 0
    greedy_cost: int = 0
    bound: int = 0

    def add(self, plans: Sequence[Sequence[tuple[Question, Decision]]]) -> None:
        """Count a batch with enough orders; no plans where it was not decided together."""
        self.came += 1
        share = next((question.share for plan in plans for question, _ in plan if question.share), None)
        if share:
            self.together, self.orders = self.together + 1, self.orders + len(plans)
            self.cost, self.bound = self.cost + share.cost, self.bound + share.bound
            self.greedy_cost += share.greedy_cost

    def told(self) -> Batches:
        return Batches(
            came=self.came,
            together=self.together,
            orders=self.orders,
            cost=self.cost,
            greedy_cost=self.greedy_cost,
            bound=self.bound,
            gap=round(gap_of(self.cost, self.bound), 4),
        )


def steps_of(rule: Together) -> int:
    """Give how many steps of the optimiser the time of a policy is worth."""
    return max(rule.most_ms // STEP_MS, 1)


def in_batches(every: Iterable[Asked]) -> Iterator[list[Asked]]:
    """Give what was asked in the order of its time, that of one transaction at once, which has one time.

    It comes in the order of the orders' numbers, and what was asked again later stands by its order: it waits here
    until orders of its time come.
    """
    waiting: list[tuple[datetime, int, Asked]] = []
    until = datetime.min.replace(tzinfo=UTC)
    for no, asked in enumerate(every):
        heappush(waiting, (asked.here, no, asked))
        until = until if asked.again else asked.here - SLACK
        while waiting and waiting[0][0] < until:
            yield _first_batch(waiting)
    while waiting:
        yield _first_batch(waiting)


def _first_batch(waiting: list[tuple[datetime, int, Asked]]) -> list[Asked]:
    here = waiting[0][0]
    batch: list[Asked] = []
    while waiting and waiting[0][0] == here:
        batch.append(heappop(waiting)[2])
    return batch
