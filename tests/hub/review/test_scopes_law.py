"""Whatever rules hold, every piece has a source or waits behind a live hold that names it, and nothing else waits."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy.orm import Session

from commands.conservation import RULES
from hub.database import rows
from hub.errors import Conflict, Malformed
from hub.fulfilment.keep import LATER
from hub.order.change.begin import change
from hub.order.change.cancel import cancel
from hub.order.change.revision import Contents, Wish
from hub.order.holds.expiry import expire_holds
from hub.order.holds.resume import release_holds, release_part
from hub.order.model import OrderLine, ShopOrder
from hub.order.place.batch import Placed, place
from tests.hub.making import AT, ZONE, order, stock
from tests.hub.order.changing import BY
from tests.hub.review.ruling import ADMIN, enforce, holding, letting, rule
from tests.scale import count

HERE: Final = AT.astimezone(ZONE)

CONDITIONS: Final = {
    "order": ("order.pieces > 4", "order.remark != ''", "100 / (order.pieces - 4) > 1000", "order.refund_requested"),
    "line": (
        *("line.sku == 'pear'", "line.quantity > 1", "line.gift", "100 / (line.quantity - 3) > 1000"),
        *("line.no == 1 && order.remark != ''", "line.refund_requested"),
    ),
    "fulfilment": (
        *("fulfilment.location == 'bj'", "fulfilment.pieces > 2", "'apple' in fulfilment.skus"),
        *("100 / (fulfilment.lines - 2) > 1000", "fulfilment.value > 2000 && order.remark != ''"),
    ),
}

STRANDED: Final = """
    select l.order_id || '/' || l.line_no as what from order_line l join sales_order o on o.id = l.order_id
    where o.lifecycle in ('accepted', 'in_fulfilment') and l.kind <> 'bundle'
      and l.ordered > l.allocated + l.shipped + l.cancelled
      and not exists (select 1 from order_hold h where h.order_id = o.id and h.released_at is null
                      and 'route' = any(h.blocks) and h.fulfilment_no is null
                      and (h.line_no is null or h.line_no = l.line_no))"""

MISJUDGED: Final = """
    select s.order_id, (s.run_at = :later) <> exists (
        select 1 from order_hold h where h.order_id = s.order_id and h.released_at is null and 'release' = any(h.blocks)
        and (h.line_no is null and h.fulfilment_no is null
             or h.fulfilment_no = cast(s.subject ->> 'no' as bigint)
             or h.line_no in (select line_no from fulfilment_line l
                              where (l.order_id, l.no) = (s.order_id, cast(s.subject ->> 'no' as bigint))))) as wrong
    from step s where s.flow = 'release_fulfilment' and s.state = 'pending'"""

NEIGHBOURS: Final = """
    select f.code from fulfilment_order f join fulfilment_line l using (order_id, no)
    cross join lateral (select exists (
        select 1 from order_hold h where (h.order_id, h.line_no) = (f.order_id, l.line_no) and h.released_at is null
        and h.type = 'fraud' and 'release' = any(h.blocks)) as held) line
    where f.negotiation = 'unsubmitted' and f.execution in ('open', 'scheduled')
    group by f.code, f.order_id having bool_or(line.held) and not bool_and(line.held)"""
"""Fulfilment orders in which a line that is held keeps another from leaving."""

LIVE: Final = "select order_id, no, line_no, fulfilment_no from order_hold where released_at is null order by 1, 2"


@st.composite
def rules(draw: st.DrawFn) -> list[Any]:
    """Write up to four rules of any scope; those that hold block the route, the release or both, for good or not."""
    made: list[Any] = []
    for no in range(draw(st.integers(1, 4))):
        scope = draw(st.sampled_from(list(CONDITIONS)))
        blocks = ["release"] if scope == "fulfilment" else draw(st.sampled_from([["route"], ["release"], None]))
        given_blocks = {"blocks": blocks} if blocks else {"blocks": ["route", "release"]}
        expires = {"expires_after_s": 60} if draw(st.booleans()) else {}
        verdict = holding(scope=scope, **given_blocks, **expires)
        if draw(st.integers(0, 5)) == 0:
            verdict = letting("fraud") | {"scope": scope}
        made.append(rule(draw(st.sampled_from(CONDITIONS[scope])), f"rule_{no}", verdict=verdict))
    return made


@st.composite
def orders(draw: st.DrawFn) -> ShopOrder:
    one = order(
        draw(st.dictionaries(st.sampled_from(["apple", "pear", "fig"]), st.integers(1, 3), min_size=1)),
        remark=draw(st.sampled_from(["", "慢点"])),
    )
    lines: list[OrderLine] = []
    for line in one.order.lines:
        asked, gift = draw(st.integers(0, 7)) == 0, bool(lines) and draw(st.integers(0, 4)) == 0
        lines.append(line.model_copy(update={"refund_requested": asked, "gift": gift}))
    return replace(one, order=one.order.model_copy(update={"lines": tuple(lines)}))


class World:
    """Orders that were placed, and what may be done with them."""

    def __init__(self, session: Session, wanted: Sequence[ShopOrder]) -> None:
        self.session, self.now = session, HERE
        numbered = [
            replace(one, order=one.order.model_copy(update={"external_id": f"T{no}"})) for no, one in enumerate(wanted)
        ]
        self.ids = [one.order_id for one in place(session, numbered, AT, ZONE) if isinstance(one, Placed)]
        assert len(self.ids) == len(wanted)

    def act(self, what: str, choice: int) -> None:
        self.now += timedelta(seconds=20)
        order_id = self.ids[choice % len(self.ids)]
        acts: dict[str, Callable[[datetime], object]] = {
            "release": lambda at: self._release_one(choice, at),
            "let_go": lambda at: release_holds(self.session, order_id, ADMIN, "checked", at),
            "expire": lambda at: expire_holds(self.session, at),
            "remark": lambda at: self._change(order_id, Wish(contents=Contents(remark=("", "慢点")[choice % 2])), at),
            "cut": lambda at: self._change(order_id, Wish(pieces={choice % 3 + 1: 1}), at),
            "cancel": lambda at: cancel(self.session, order_id, "pc", "changed my mind", at),
        }
        try:
            with self.session.begin_nested():
                acts[what](self.now)
        except (Conflict, Malformed):
            pass  # there is nothing of the kind: no such line, it has ended, or is under way

    def _change(self, order_id: int, wish: Wish, at: datetime) -> None:
        change(self.session, order_id, wish, BY, at)

    def _release_one(self, choice: int, at: datetime) -> None:
        parts = [one for one in rows(self.session, LIVE) if one.line_no or one.fulfilment_no]
        if parts:
            one = parts[choice % len(parts)]
            release_part(self.session, one.order_id, one.no, ADMIN, "checked", at)

    def check(self) -> None:
        for name in ("a hold ends with its line or fulfilment order", "order lines agree with fulfilment lines"):
            assert rows(self.session, RULES[name]) == []
        assert rows(self.session, RULES["ordered = shipped + open + cancelled"]) == []
        assert (rows(self.session, STRANDED), rows(self.session, NEIGHBOURS)) == ([], [])
        assert not any(one.wrong for one in rows(self.session, MISJUDGED, later=LATER))


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    stock(session, {"sh": {"apple": 500, "pear": 500}, "bj": {"fig": 500, "pear": 500}})


acts = st.lists(
    st.tuples(st.sampled_from(["release", "let_go", "expire", "remark", "cut", "cancel"]), st.integers(0, 20)),
    max_size=6,
)


@pytest.mark.timeout(1_800)
@settings(
    max_examples=count(25, 1_000, quick=5), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(made=rules(), wanted=st.lists(orders(), min_size=1, max_size=3), todo=acts)
def test_every_piece_has_a_source_or_waits_behind_a_hold_that_names_it(
    session: Session, made: list[Any], wanted: list[ShopOrder], todo: list[tuple[str, int]]
) -> None:
    with session.begin_nested() as nested:
        for one in made:
            enforce(session, one)
        world = World(session, wanted)
        world.check()
        for what, choice in todo:
            world.act(what, choice)
            world.check()
        for _ in range(2):  # what is sourced only now is asked about only now
            for no in range(len(world.ids)):
                world.act("let_go", no)
            world.check()
        assert rows(session, LIVE) == []
        nested.rollback()
