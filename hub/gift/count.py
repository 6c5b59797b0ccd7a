"""Count what limited strategies give: the first orders, the pieces, once to each member; and give it back.

Counters are locked in the order of their keys and before any stock, members after counters: nobody waits in a circle.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import copy, rows, run
from hub.gift.model import EXHAUSTED, HAD, Give, Strategy, Verdict

Key = tuple[str, str]
Member = tuple[Key, int]
"""A strategy and who has it."""


class Otherwise(NamedTuple):
    """How often a wish could have been given with only some SKUs replaced, before what lacked was replaced too."""

    times: int
    replaced: frozenset[str]


class Wish(NamedTuple):
    """What a strategy would give an order, and whose order it is; of the SKUs `replaced` what stands in is given.

    Where that gives less than `otherwise`, it is given so; and what it gives then is `final`: nothing more is replaced.
    """

    order_id: int
    subject_id: int
    verdict: Verdict
    replaced: frozenset[str] = frozenset()
    otherwise: Otherwise | None = None
    final: bool = False

    @property
    def strategy(self) -> Strategy:
        return self.verdict.rule.strategy

    @property
    def key(self) -> Key:
        return self.strategy.brand, self.strategy.name

    @property
    def member(self) -> Member:
        return self.key, self.subject_id

    @property
    def counted(self) -> bool:
        return self.verdict.given and self.strategy.limited

    def sku_of(self, give: Give) -> str:
        """Name the goods that a piece is given of."""
        return give.instead if give.instead and give.sku in self.replaced else give.sku

    def seeing(self, times: int, **seen: int | str) -> "Wish":
        """Give it so many times, with what was seen."""
        return self._replace(verdict=replace(self.verdict, times=times, seen=self.verdict.seen | seen))

    def refused(self, code: str, **seen: int | str) -> "Wish":
        return self._replace(verdict=replace(self.verdict, code=code, seen=self.verdict.seen | seen, times=0))


class Left(NamedTuple):
    orders: int
    pieces: int


def claim(session: Session, wishes: Sequence[Wish]) -> list[Wish]:
    """Count what is given, each wish as it may be fulfilled: less often, or not at all, once a limit is reached.

    Who has had a strategy is refused before anything is allotted: they take no place from those who have not.
    """
    spent = _hold(session, {wish.key for wish in wishes if wish.strategy.limited})
    members = _find_members(session, [wish for wish in wishes if wish.strategy.once_per_member])
    allotted = [_allot(wish, spent, members) for wish in wishes]
    had = _join_members(session, [wish for wish in allotted if wish.verdict.given and wish.strategy.once_per_member])
    granted = [wish.refused(HAD) if (wish.key, wish.order_id) in had else wish for wish in allotted]
    _spend(session, granted)
    return granted


def give_less(session: Session, changes: Sequence[tuple[Wish, Wish]]) -> None:
    """Give back what was claimed in this transaction and is not given after all: wishes before and after."""
    back: defaultdict[Key, list[int]] = defaultdict(lambda: [0, 0])
    for was, now in changes:
        if was.counted:
            back[was.key][0] -= not now.verdict.given
            back[was.key][1] -= was.verdict.pieces - now.verdict.pieces
    _add(session, {key: (orders, pieces) for key, (orders, pieces) in back.items()})
    left = [was for was, now in changes if was.strategy.once_per_member and not now.verdict.given]
    if left:
        _leave_members(session, [(wish.key, wish.order_id) for wish in left])


def give_back(session: Session, order_ids: Sequence[int], at: datetime, *, cancelled: bool = False) -> None:
    """Give back what orders got that will not be sent, so that others may have it; only what is `cancelled`, if asked.

    The counters are locked already.
    """
    given = rows(
        session,
        """update gift_decision d set given_back_at = :at
           where order_id = any(:ids) and verdict = 'given' and given_back_at is null
             and not (:cancelled and exists (
                 select 1 from jsonb_to_recordset(d.lines) as gift (line_no bigint)
                 join order_line l on (l.order_id, l.line_no) = (d.order_id, gift.line_no)
                 where l.cancelled < l.ordered))
           returning order_id, brand, strategy, pieces, counted""",
        ids=list(order_ids),
        cancelled=cancelled,
        at=at,
    )
    if not given:
        return
    back: defaultdict[Key, list[int]] = defaultdict(lambda: [0, 0])
    for one in given:
        if not one.counted:
            continue
        back[one.brand, one.strategy][0] -= 1
        back[one.brand, one.strategy][1] -= one.pieces
    _add(session, {key: (orders, pieces) for key, (orders, pieces) in back.items()})
    _leave_members(session, [((one.brand, one.strategy), one.order_id) for one in given])


def hold_gifts(session: Session, order_ids: Sequence[int]) -> None:
    """Lock the counters that giving back will change, before any stock is locked."""
    given = rows(
        session,
        """select distinct brand, strategy from gift_decision
           where order_id = any(:ids) and counted and given_back_at is null""",
        ids=list(order_ids),
    )
    if given:
        _hold(session, {(one.brand, one.strategy) for one in given})


class Record(msgspec.Struct, frozen=True):
    """A wish as it came out, with the lines that were added for it: (gift, main) by their numbers."""

    wish: Wish
    lines: Sequence[tuple[int, int]]


def write_decisions(session: Session, found: Mapping[int, Sequence[Record]]) -> None:
    """Write what orders got, and what they missed by a limit."""
    columns = (
        *(
            "order_id",
            "no",
            "brand",
            "strategy",
            "strategy_no",
            "verdict",
            "seen",
            "times",
            "pieces",
            "counted",
            "lines",
        ),
    )
    records = [
        (
            *(order_id, no, *one.wish.key, one.wish.verdict.rule.no, one.wish.verdict.code),
            *(_json(one.wish.verdict.seen), one.wish.verdict.times, one.wish.verdict.pieces, one.wish.counted),
            _json([{"line_no": gift, "main_no": main} for gift, main in one.lines]),
        )
        for order_id, of_order in found.items()
        for no, one in enumerate(of_order, 1)
    ]
    copy(session, "gift_decision", columns, records)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _hold(session: Session, keys: set[Key]) -> dict[Key, Left]:
    if not keys:
        return {}
    found = rows(
        session,
        """select c.brand, c.name, c.orders, c.pieces from gift_counter c
           join unnest(cast(:brands as text[]), cast(:names as text[])) as asked (brand, name)
             on (asked.brand, asked.name) = (c.brand, c.name)
           order by c.brand, c.name for update of c""",
        **_columns(sorted(keys)),
    )
    return {(one.brand, one.name): Left(one.orders, one.pieces) for one in found}


def _find_members(session: Session, wishes: Sequence[Wish]) -> set[Member]:
    """Give who has had a strategy. Whoever joins a limited one holds its counter, so nobody joins that meanwhile."""
    if not wishes:
        return set()
    asked = sorted({wish.member for wish in wishes})
    found = rows(
        session,
        """select brand, name, subject_id from gift_member
           join unnest(cast(:brands as text[]), cast(:names as text[]), cast(:subjects as bigint[]))
             as asked (brand, name, subject_id) using (brand, name, subject_id)""",
        **_columns([key for key, _ in asked]),
        subjects=[subject_id for _, subject_id in asked],
    )
    return {((one.brand, one.name), one.subject_id) for one in found}


def _allot(wish: Wish, spent: dict[Key, Left], members: set[Member]) -> Wish:
    """Grant a wish out of what is left, and note in both that it is granted."""
    if wish.strategy.once_per_member and wish.member in members:
        return wish.refused(HAD)
    granted = _take(wish, spent) if wish.strategy.limited else wish
    if granted.verdict.given:
        members.add(wish.member)
    return granted


def _take(wish: Wish, spent: dict[Key, Left]) -> Wish:
    """Take from what is left; give fewer times when there is not enough for all."""
    strategy, (orders, pieces) = wish.strategy, spent[wish.key]
    times = wish.verdict.times
    if strategy.most_pieces is not None:
        times = min(times, (strategy.most_pieces - pieces) // strategy.pieces)
    if times <= 0 or (strategy.first_orders is not None and orders >= strategy.first_orders):
        return wish.refused(EXHAUSTED, orders=orders, given=pieces)
    spent[wish.key] = Left(orders + 1, pieces + times * strategy.pieces)
    return wish._replace(verdict=replace(wish.verdict, times=times))


def _join_members(session: Session, wishes: Sequence[Wish]) -> set[tuple[Key, int]]:
    """Note who has a strategy now; give the wishes of those whom another batch has noted meanwhile."""
    if not wishes:
        return set()
    ordered = sorted(wishes, key=lambda wish: (wish.key, wish.subject_id, wish.order_id))
    joined = rows(
        session,
        """insert into gift_member (brand, name, subject_id, order_id)
           select * from unnest(cast(:brands as text[]), cast(:names as text[]), cast(:subjects as bigint[]),
                                cast(:orders as bigint[]))
           on conflict do nothing returning brand, name, order_id""",
        **_columns([wish.key for wish in ordered]),
        subjects=[wish.subject_id for wish in ordered],
        orders=[wish.order_id for wish in ordered],
    )
    new = {((one.brand, one.name), one.order_id) for one in joined}
    return {(wish.key, wish.order_id) for wish in wishes} - new


def _leave_members(session: Session, had: Sequence[tuple[Key, int]]) -> None:
    """Forget who had strategies with these orders."""
    run(
        session,
        """delete from gift_member m
           using unnest(cast(:brands as text[]), cast(:names as text[]), cast(:orders as bigint[]))
                 as new (brand, name, order_id)
           where (m.brand, m.name, m.order_id) = (new.brand, new.name, new.order_id)""",
        **_columns([key for key, _ in had]),
        orders=[order_id for _, order_id in had],
    )


def _spend(session: Session, wishes: Sequence[Wish]) -> None:
    spent: dict[Key, tuple[int, int]] = {}
    for wish in wishes:
        if wish.counted:
            orders, pieces = spent.get(wish.key, (0, 0))
            spent[wish.key] = orders + 1, pieces + wish.verdict.pieces
    _add(session, spent)


def _add(session: Session, changes: Mapping[Key, tuple[int, int]]) -> None:
    """Count up or down; the counters must be locked."""
    if not changes:
        return
    keys = sorted(changes)
    run(
        session,
        """update gift_counter c set orders = c.orders + new.orders, pieces = c.pieces + new.pieces
           from unnest(cast(:brands as text[]), cast(:names as text[]), cast(:orders as bigint[]),
                       cast(:pieces as bigint[])) as new (brand, name, orders, pieces)
           where (c.brand, c.name) = (new.brand, new.name)""",
        **_columns(keys),
        orders=[changes[key][0] for key in keys],
        pieces=[changes[key][1] for key in keys],
    )


def _columns(keys: Sequence[Key]) -> dict[str, list[str]]:
    return {"brands": [brand for brand, _ in keys], "names": [name for _, name in keys]}
