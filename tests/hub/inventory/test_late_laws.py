"""However late counts and changes come, the books end as the shelf is: a warehouse is simulated beside them."""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.inventory.count import take_report
from hub.inventory.counted import CountReport, LotLine, ReportLine
from hub.inventory.reconcile import check_books
from hub.order.ship.progress import record_confirm
from tests.hub.inventory.counting import WMS, after, cases, level
from tests.hub.inventory.lotted import DAYS, of, on_hand, tell
from tests.hub.making import confirm, order, placed, stock
from tests.scale import count

FULL = {"A": 1, "B": 1}
PEARS = 20


class Act(NamedTuple):
    """Something that happens at the warehouse, with pieces of lots A and B, and how many minutes later we hear of it.

    A change brings goods. Of an order as many pieces stay behind as are `kept`; a confirm says when goods left if it is
    `dated`.
    """

    kind: str
    a: int
    b: int
    delays: tuple[int, int]
    kept: int = 0
    dated: bool = True


PIECES, DELAYS = st.integers(0, 4), st.sampled_from([0, 0, 1, 3, 9])
ACTS = st.lists(
    st.builds(
        Act,
        st.sampled_from(["count", "change", "ship", "ship"]),
        PIECES,
        PIECES,
        st.tuples(DELAYS, DELAYS),
        st.integers(0, 2),
        st.booleans(),
    ),
    min_size=2,
    max_size=12,
)


class House:
    """A warehouse whose shelf is known, and its messages by the minute at which they come; its counts may be `full`."""

    def __init__(self, session: Session, *, full: bool) -> None:
        self.session, self.full = session, full
        self.lots, self.pears, self.allocated = Counter(FULL), PEARS, 0
        self.coming: list[tuple[int, Callable[[], object]]] = []

    def act(self, one: Act, minute: int) -> None:
        if one.kind == "count":
            for page, delay in enumerate(one.delays, 1):
                told = self._count(minute, page)
                self._send(minute + delay, told)
                self._send(minute + 2 * delay, told)  # once more, for it was not heard to be taken
        elif one.kind == "change":
            moved = Counter(A=one.a, B=one.b)
            self.lots.update(moved)
            self._send(minute + one.delays[0], self._report(minute, 1, "change", moved))
        elif one.a + one.b and self._has(one):
            self._ship(one, minute)

    def hear(self, minute: int) -> None:
        """Take what comes at a minute."""
        for when, told in self.coming:
            if when == minute:
                told()

    def _has(self, one: Act) -> bool:
        """Say whether the books have, by what was heard so far, what is to leave."""
        there, lots = level(self.session, "apple"), on_hand(self.session)
        free = there[0] - there[1]
        return free >= one.a + one.b + one.kept and lots.get("A", 0) >= one.a and lots.get("B", 0) >= one.b

    def _send(self, minute: int, told: CountReport | Callable[[], object]) -> None:
        take = told if callable(told) else lambda: take_report(self.session, WMS, told, after(minute))
        self.coming.append((minute, take))

    def _count(self, minute: int, page: int) -> CountReport:
        if page == 1:
            return self._report(minute, page, "count", self.lots)
        line = ReportLine(no=1, sku="pear", kind="count", pieces=self.pears)
        return self._report(minute, page, "count", Counter()).model_copy(update={"lines": (line,)})

    def _report(self, minute: int, page: int, kind: str, lots: Counter[str]) -> CountReport:
        parts = [LotLine(lot=lot, pieces=n, expires_on=DAYS[lot]) for lot, n in lots.items()]
        line = {"no": 1, "sku": "apple", "kind": kind, "pieces": lots.total(), "lots": parts}
        pages = 2 if kind == "count" else 1
        values = {"report": f"R{minute}", "location": "sh", "counted_at": after(minute), "page": page, "pages": pages}
        return CountReport.model_validate(values | {"full": self.full and kind == "count", "lines": [line]})

    def _ship(self, one: Act, minute: int) -> None:
        """Have apples and pears leave in one parcel, and hear of it at once."""
        lots = {lot: pieces for lot, pieces in (("A", one.a), ("B", one.b)) if pieces}
        pieces = sum(lots.values())
        order_id = placed(self.session, order({"apple": pieces + one.kept, "pear": 1}, f"T{minute}"))
        self.lots.subtract(lots)
        self.pears -= 1
        self.allocated += one.kept
        left = (of("apple", pieces, **lots), of("pear", 1))
        dated = after(minute) if one.dated else None
        told = confirm(order_id, 1, {}, f"c{minute}", lines=left, confirmed_at=dated, final=not one.kept)
        self._send(minute, lambda: record_confirm(self.session, told, after(minute)))


@settings(max_examples=count(40, 500, 10), suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(acts=[Act("count", 0, 0, (9, 9)), Act("change", 4, 4, (0, 0)), Act("ship", 4, 3, (0, 0))], scope="some")
@given(acts=ACTS, scope=st.sampled_from(["full", "some"]))
def test_what_was_counted_earlier_and_heard_later_ends_as_the_shelf_is(
    session: Session, acts: list[Act], scope: str
) -> None:
    with session.begin_nested() as moment:
        stock(session, {"sh": {"apple": 2, "pear": PEARS}})
        tell(session, "count", FULL)
        house = House(session, full=scope == "full")
        for minute, one in enumerate(acts, 1):
            house.act(one, minute)
            house.hear(minute)
        for minute in range(len(acts) + 1, len(acts) + 20):
            house.hear(minute)
        apples = (house.lots.total(), house.allocated, 0, 0)
        assert (level(session, "apple"), on_hand(session)) == (apples, {lot: n for lot, n in house.lots.items() if n})
        assert (level(session, "pear"), cases(session)) == ((house.pears, 0, 0, 0), [])
        assert check_books(session) == []
        moment.rollback()
