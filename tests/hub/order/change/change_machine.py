"""A machine of real orders, of scarce goods, that are cut, moved, rerouted, shipped and refused as locations like."""

import itertools
from datetime import datetime, timedelta
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace
from sqlalchemy.orm import Session

from commands.conservation import RULES
from hub.database import KEYRING, Database, rows
from hub.errors import Conflict, Malformed
from hub.fulfilment.model import CancelAnswer
from hub.fulfilment.reject import Standing
from hub.inventory.quota import Quota, set_quota
from hub.inventory.reconcile import check_books
from hub.inventory.reservation_table import QuotaMode
from hub.order.change.begin import REST, change, reroute
from hub.order.change.cancel import cancel
from hub.order.change.lapse import lapse
from hub.order.change.pay import pay
from hub.order.change.revision import Contents, Wish
from hub.order.change.table import Charge
from hub.order.change.wanted import WantedLine, pieces_of, wish_lines
from hub.order.holds.restocked import source_restocked
from hub.order.model import ShopOrder
from hub.order.ship.progress import record_confirm, record_report
from hub.order.ship.together import book_cancel_answer
from tests.conftest import RING
from tests.hub.making import AT, BRAND, RECEIVER, add_sku, confirm, coupon, order, placed, rejection, stock
from tests.hub.order.change.mistold import mistold
from tests.hub.order.changing import BEIJING, BY, send

PLACES: Final = ("bj", "gz", "sh")
PIECES: Final = 5
"""At each place: so few that orders wait for goods while others of theirs are refused, shipped short and changed."""

SCARCE: Final = ("plum", "kiwi")
"""Of the first nobody has any at first, of the second nobody ever."""

LIVE: Final = """
    select order_id, no, negotiation from fulfilment_order
    where order_id = any(:ids) and execution not in ('closed', 'incomplete', 'cancelled') order by order_id, no"""

STRANDED: Final = """
    select o.id from sales_order o where o.lifecycle in ('accepted', 'in_fulfilment')
    and exists (select 1 from order_line l where l.order_id = o.id and l.kind <> 'bundle'
                and l.ordered > l.allocated + l.shipped + l.cancelled
                and not exists (select 1 from order_hold h where h.order_id = o.id and h.released_at is null
                                and h.fulfilment_no is null and (h.line_no is null or h.line_no = l.line_no)))
    and not exists (select 1 from order_revision r where r.order_id = o.id and r.state = 'waiting')"""
"""Orders with pieces that nobody looks after: no source, no hold of theirs, and no change that is under way."""

UNANSWERED: Final = """
    select r.order_id from order_revision r where r.state = 'waiting' and not exists (
        select 1 from fulfilment_order f where f.order_id = r.order_id and f.negotiation = 'cancel_requested'
        and f.execution not in ('closed', 'incomplete', 'cancelled'))"""
"""Changes that wait though every location has answered."""

UNWISHED: Final = """
    select r.order_id from refund_due r where r.reason = 'cancelled' and not exists (
        select 1 from order_hold h where h.order_id = r.order_id and h.type = 'refund_requested')"""
"""Orders of which more was cancelled than any change asked for, though nobody wished to cancel them."""

UNENDED: Final = """
    select h.order_id from order_hold h where h.type = 'refund_requested' and h.released_at is null and not exists (
        select 1 from fulfilment_order f where f.order_id = h.order_id and f.negotiation like 'cancel_re%'
        and f.execution not in ('closed', 'incomplete', 'cancelled'))"""
"""Cancellations that are under way though no location has anything left that it was asked to stop."""

MONEY: Final = """
    select o.id from sales_order o where o.payment = 'paid' and (
        coalesce((select sum(r.amount - r.freight) from refund_due r where r.order_id = o.id), 0)
        <> coalesce((select sum(amount) from refund_line r where r.order_id = o.id), 0)
        or coalesce((select sum(pieces) from refund_line r join order_line l using (order_id, line_no)
                     where r.order_id = o.id and l.kind <> 'bundle'), 0)
        <> (select sum(l.cancelled + coalesce(b.refunded, 0)) from order_line l left join (
                select line_no, sum(refunded) as refunded from return_line back where back.order_id = o.id group by 1) b
                using (line_no)
            where l.order_id = o.id and l.kind <> 'bundle')
        or (o.lifecycle = 'cancelled' and o.total
            <> (select coalesce(sum(amount), 0) from refund_due r where r.order_id = o.id)))"""
"""Paid orders of which not exactly what was cancelled or paid back is to be refunded: all, of one that is cancelled."""

DUES: Final = """
    select o.id from sales_order o where
        coalesce((select sum(d.set_off) from amount_due d where d.order_id = o.id), 0)
        <> coalesce((select sum(r.set_off) from refund_due r where r.order_id = o.id), 0)
        or (o.lifecycle = 'cancelled' and exists (
            select 1 from amount_due d where d.order_id = o.id and d.state = 'open'))
        or exists (select 1 from amount_due d where d.order_id = o.id
                   and (d.state = 'set_off') <> (d.set_off = d.amount))
        or exists (select 1 from order_hold h where h.order_id = o.id and h.rule = 'amount_due'
                   and h.released_at is null)
           and not exists (select 1 from amount_due d where d.order_id = o.id and d.state = 'open')"""
"""Orders of which not the same was set off on both sides, or that wait for what is not due or need not be paid."""

REDUCTIONS: Final = """
    select a.order_id from price_adjustment a join order_line l using (order_id, line_no)
    left join lateral (select coalesce(sum((r.reductions ->> a.no::text)::bigint), 0) as back,
                              coalesce(sum(r.pieces), 0) as pieces from refund_line r
                       where r.order_id = a.order_id and r.line_no = a.line_no) given on true
    where given.back > a.amount or greatest(given.pieces, l.cancelled) = l.ordered and given.back <> a.amount"""
"""Reductions of which more has fallen away than there was, or not all of it where nothing is left of the line."""


def with_gift(one: ShopOrder) -> ShopOrder:
    """Have the last line given by the channel with the ones before it."""
    *bought, last = one.order.lines
    lines = (*bought, last.model_copy(update={"gift": True}))
    return replace(one, order=one.order.model_copy(update={"lines": lines}))


class Changing(RuleBasedStateMachine):
    """Orders are placed, cut, moved, rerouted and cancelled; locations take, ship, refuse and answer."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime = AT
        self.number = 0
        self.orders: list[int] = []
        self.session = Session(self.database.engine, expire_on_commit=False, info={KEYRING: RING})

    @initialize()
    def fill(self) -> None:
        stock(self.session, {place: {"apple": PIECES, "pear": PIECES} for place in PLACES}, "ASN-0")
        add_sku(self.session, "box", parts={"apple": 2, "pear": 1})
        self.share("pc", "apple", "box")
        for sku in SCARCE:
            add_sku(self.session, sku)
        self.place({"apple": 3}, 100)
        self.place(dict.fromkeys(SCARCE, 1), 100, gift=True)
        self.want(1, "L1", 1, SCARCE[1], "", Charge.PAY)

    def share(self, shop: str, *skus: str) -> None:
        """Give a shop quotas, everywhere and of one place, that were there before any order; boxes lie at none."""
        for sku, place in sorted({*itertools.product(skus, ("", PLACES[0]))} - {("box", PLACES[0])}):
            quota = Quota(sku=sku, shop=shop, location=place, mode=QuotaMode.CAP, amount=1)
            set_quota(self.session, "chief", BRAND, quota, AT - timedelta(days=1))

    @rule(
        pieces=st.dictionaries(st.sampled_from(["apple", "pear", "box", "plum"]), st.integers(1, 3), min_size=1),
        off=st.integers(0, 999),
        gift=st.booleans(),
    )
    def place(self, pieces: dict[str, int], off: int, gift: bool = False) -> None:  # noqa: FBT001, FBT002 # hypothesis calls it by name
        self.number += 1
        wish = order(pieces, f"T{self.number}", adjustments=(coupon(off), coupon(off // 7, "L1")), freight=600)
        self.orders.append(placed(self.session, with_gift(wish) if gift else wish))

    @rule(choice=st.integers(0), lines=st.dictionaries(st.sampled_from(["L1", "L2"]), st.integers(1, 2), min_size=1))
    def cut(self, choice: int, lines: dict[str, int]) -> None:
        order_id = self._chosen(choice)
        there = rows(self.session, "select external_line_id as id from order_line where order_id = :id", id=order_id)
        wanted = {no: n for no, n in lines.items() if no in {one.id for one in there}} or {"L1": 1}
        self._try(
            lambda: change(
                self.session, order_id, Wish(pieces=pieces_of(self.session, order_id, wanted)), BY, self._tick()
            )
        )

    @rule(
        choice=st.integers(0),
        line=st.sampled_from(["L1", "L2", "L9"]),
        pieces=st.integers(0, 5),
        sku=st.sampled_from(["", "apple", "pear", "box", *SCARCE]),
        price=st.sampled_from(["", "7.77", "12.00"]),
        charge=st.sampled_from([Charge.PAY, Charge.FREE]),
    )
    def want(self, choice: int, line: str, pieces: int, sku: str, price: str, charge: Charge) -> None:
        order_id, wanted = self._chosen(choice), [WantedLine(line, pieces, sku, price)]

        def act() -> None:
            cut, added = wish_lines(self.session, order_id, wanted)
            change(self.session, order_id, Wish(pieces=cut, added=added, charge=charge), BY, self._tick())

        self._try(act)

    @rule(choice=st.integers(0))
    def pay_more(self, choice: int) -> None:
        at = self._tick()
        self._try(lambda: pay(self.session, self._chosen(choice), "tester", at, at))

    @rule()
    def wait(self) -> None:
        """Let the time for what is due run out: what was added is taken back, or left to a person."""
        at = self._tick()
        lapse(self.session, timedelta(milliseconds=1), at)

    @rule(place=st.sampled_from(PLACES), pieces=st.integers(0, 4))
    def restock(self, place: str, pieces: int) -> None:
        """Let goods come, or none, and who waits have what is free."""
        self.number += 1
        if pieces:
            stock(self.session, {place: {"apple": pieces, "pear": 1, "plum": 1}}, f"ASN-{self.number}")
        source_restocked(self.session, self._tick())

    @rule(choice=st.integers(0), there=st.sampled_from([RECEIVER, BEIJING]))
    def move(self, choice: int, there: Any) -> None:  # noqa: ANN401 # a receiver
        wish = Wish(contents=Contents(receiver=there))
        self._try(lambda: change(self.session, self._chosen(choice), wish, BY, self._tick()))

    @rule(choice=st.integers(0), to=st.sampled_from(["", *PLACES]), of=st.sampled_from([(), (REST,)]))
    def reroute(self, choice: int, to: str, of: tuple[int, ...]) -> None:
        wish = Wish(route=of, target=to)
        self._try(lambda: reroute(self.session, self._chosen(choice), wish, BY, self._tick()))

    @rule(choice=st.integers(0))
    def cancel(self, choice: int) -> None:
        self._try(lambda: cancel(self.session, self._chosen(choice), "buyer", "changed mind", self._tick()))

    @rule(choice=st.integers(0))
    def send(self, choice: int) -> None:
        send(self.session, self._chosen(choice))

    @precondition(lambda self: self._live())
    @rule(choice=st.integers(0), some=st.booleans(), final=st.booleans())
    def ship(self, choice: int, some: bool, final: bool) -> None:  # noqa: FBT001 # hypothesis calls it by name
        one = self._one(choice)
        standing = Standing(self.session, one.order_id, one.no)
        self.number += 1
        pieces: dict[str, int] = {}
        for line in standing.open_lines():
            pieces[line.sku] = pieces.get(line.sku, 0) + (max(1, line.quantity // 2) if some else line.quantity)
        wish = confirm(one.order_id, one.no, pieces, f"c{self.number}", final=final or not some)
        record_confirm(self.session, wish, self._tick())

    @precondition(lambda self: self._live())
    @rule(choice=st.integers(0))
    def refuse(self, choice: int) -> None:
        one = self._one(choice)
        self._try(lambda: record_report(self.session, rejection(one.order_id, one.no), self._tick()))

    @precondition(lambda self: self._live())
    @rule(choice=st.integers(0), stopped=st.booleans())
    def answer(self, choice: int, stopped: bool) -> None:  # noqa: FBT001 # as above
        asked = [one for one in self._live() if one.negotiation == "cancel_requested"]
        for one in asked[choice % max(1, len(asked)) :][:1]:
            told = CancelAnswer(stopped=stopped, reason="picked")
            book_cancel_answer(self.session, *self._known_as(one), told, self._tick())

    @invariant()
    def no_piece_and_no_fen_is_lost(self) -> None:
        assert check_books(self.session) == []
        assert [name for name, query in RULES.items() if name not in WAITING and rows(self.session, query)] == []
        assert mistold(self.session) == []
        for query in (STRANDED, UNANSWERED, UNWISHED, UNENDED, MONEY, DUES, REDUCTIONS):
            assert rows(self.session, query) == []

    def teardown(self) -> None:
        self.session.close()

    def _known_as(self, one: Any) -> tuple[int, int]:  # noqa: ANN401 # a row
        """Give the number by which its location knows a fulfilment order."""
        return one.order_id, one.no

    def _try(self, act: Any) -> None:  # noqa: ANN401 # a call
        """Do what may be refused; what was refused has changed nothing."""
        try:
            with self.session.begin_nested():
                act()
        except (Conflict, Malformed):
            pass

    def _chosen(self, choice: int) -> int:
        return self.orders[choice % len(self.orders)]

    def _live(self) -> list[Any]:
        return list(rows(self.session, LIVE, ids=self.orders))

    def _one(self, choice: int) -> Any:  # noqa: ANN401 # a row
        live = self._live()
        return live[choice % len(live)]

    def _tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


WAITING: Final = {"ordered = shipped + open + cancelled"}
"""Judged by STRANDED here: a change that waits for a location leaves pieces open meanwhile."""
