"""One machine of all that becomes of orders: merged, split, changed, cancelled, rerouted, shipped and given back.

It is the machine of changes, whose shops merge here, whose goods are of two temperatures and whose locations know
documents of several orders.
"""

from collections import Counter
from datetime import timedelta
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from msgspec.structs import replace

from hub.aftersale.ask import ask_return
from hub.aftersale.decide import approve_return, reject_return, withdraw_return
from hub.aftersale.model import Arrived, Goods
from hub.aftersale.receive import receive_return
from hub.aftersale.status import Fault, ReturnKind
from hub.aftersale.wish import Terms
from hub.aftersale.wish import Wish as ReturnWish
from hub.database import rows, run
from hub.fulfilment.model import Confirm, ConfirmedParcel, ConfirmLine
from hub.fulfilment.reject import Standing
from hub.fulfilment.release import mark_submitted
from hub.gift.model import Give
from hub.inventory.condition import Condition
from hub.merge.close import close_windows
from hub.merge.group import group_of
from hub.merge.spread import ref_of
from hub.order.change.table import Charge
from hub.order.ship.merged import mark_all_submitted, open_group, read_merged
from hub.order.ship.together import book_confirm, book_report
from hub.sourcing.rerun import Sameness, rerun, stored_decisions
from tests.hub.gift.giving import put_in_force
from tests.hub.making import add_location, add_sku, coupon, order, placed, rejection, stock
from tests.hub.merge.laws import LOST, STRANGERS
from tests.hub.merge.merging import merging
from tests.hub.order.change.change_machine import PIECES, PLACES, SCARCE, Changing, with_gift

SHOPS: Final = ("pc", "h5", "app")
"""The last two merge with each other."""

BACK: Final = """
    select l.order_id from order_line l left join (
        select order_id, line_no, sum(arrived) as arrived, sum(damaged) as damaged, sum(refunded) as refunded
        from return_line group by 1, 2) b using (order_id, line_no)
    where l.kind <> 'bundle' and (
        l.returned <> coalesce(b.arrived, 0) or l.returned > l.shipped or b.damaged > b.arrived
        or l.cancelled + coalesce(b.refunded, 0) > l.ordered or b.refunded > l.shipped)"""
"""Lines that have not back what arrived for them, or of which more came or was paid back than was sent."""

UNPAID: Final = """
    select l.order_id from order_line l join sales_order o on o.id = l.order_id and o.payment = 'paid' join (
        select b.order_id, b.line_no, sum(b.refunded) as refunded,
               sum(b.arrived) filter (where c.state in ('approved', 'sent', 'received')) as arrived
        from return_line b join return_case c using (order_id, no) group by 1, 2) b using (order_id, line_no)
    where b.refunded < b.arrived"""
"""Lines of which pieces came back as was agreed, and for which no money went back; of what came though money alone was
to go back a person decides."""

SHELVED: Final = """
    select 1 where (select coalesce(sum(on_hand), 0) from stock_movement where reason = 'return')
        <> (select coalesce(sum((one ->> 'pieces')::bigint), 0) from return_receipt, jsonb_array_elements(goods) one)"""
"""That not all is in stock that arrived."""

SHARES: Final = """
    select l.order_id from order_line l join (
        select order_id, line_no, sum(pieces) as pieces, sum(amount) as amount from refund_line group by 1, 2) r
        using (order_id, line_no)
    where l.kind <> 'bundle' and (r.amount > l.amount - l.discount
                                  or r.pieces = l.ordered and r.amount <> l.amount - l.discount)"""
"""Lines of which more went back than they bear, or not all of it for all of their pieces."""


class Trade(Changing):
    """Orders of three shops and one recipient, from their placing until their goods are back."""

    @initialize()
    def fill(self) -> None:
        for place in PLACES:
            add_location(self.session, place, storages=("ambient", "frozen"))
        add_sku(self.session, "ice", storage="frozen")
        stock(self.session, {place: {"apple": PIECES, "pear": PIECES, "ice": 3} for place in PLACES}, "ASN-0")
        add_sku(self.session, "box", parts={"apple": 2, "pear": 1})
        for sku in ("cup", "mug", *SCARCE):
            add_sku(self.session, sku)
        stock(self.session, {PLACES[0]: {"cup": 4}, PLACES[-1]: {"mug": 2, "cup": 1}}, "ASN-1")
        for shop in SHOPS:
            self.share(shop, "apple", "box", "mug", "cup")
        put_in_force(self.session, "valued", gives=(Give(sku="cup", value_fen=333),), min_fen=1_000, most_times=2)
        put_in_force(self.session, "waits", gives=(Give(sku="mug"),), first_orders=3, if_out="wait")
        merging(self.session, "h5")
        merging(self.session, "app", most_orders=2)
        Trade.place(
            self, "pc", {"box": 1, "apple": 2, "ice": 1}, 100
        )  # by the class: a machine may be without the rule
        Trade.send(self, 1)
        for no in range(len(self._live())):
            Trade.ship(self, 0, some=False, final=True, by_line=bool(no))
        Trade.place(self, "h5", {"apple": 2, "pear": 1}, 100)
        Trade.place(self, "app", {"apple": 1}, 0)
        Trade.place(self, "pc", dict.fromkeys(SCARCE, 1), 0, gift=True)
        Trade.want(self, 3, "L1", 1, SCARCE[1], "", Charge.PAY)
        Trade.place(self, "h5", {"pear": 1}, 0)  # which nothing keeps from travelling with what waits above

    @rule(
        shop=st.sampled_from(SHOPS),
        pieces=st.dictionaries(st.sampled_from(["apple", "pear", "box", "ice"]), st.integers(1, 3), min_size=1),
        off=st.integers(0, 999),
        gift=st.booleans(),
    )
    def place(self, shop: str, pieces: dict[str, int], off: int, gift: bool = False) -> None:  # noqa: FBT001, FBT002 # hypothesis calls it by name  # pyright: ignore[reportIncompatibleMethodOverride]
        self.number += 1
        reductions = (coupon(off), coupon(off // 7, "L1"))
        wish = order(pieces, f"T{self.number}", adjustments=reductions, freight=600)
        wish = with_gift(wish) if gift else wish
        self.orders.append(placed(self.session, replace(wish, shop=shop)))

    @rule()
    def merge(self) -> None:
        """Let the windows end: what waits is put together."""
        self.now += timedelta(minutes=35)
        close_windows(self.session, self.now)

    @rule(choice=st.integers(0))
    def send(self, choice: int) -> None:
        """Have locations take over all documents that wait for them, or one of them."""
        waiting = rows(
            self.session,
            """select id, subject from step where flow = 'release_fulfilment' and state in ('pending', 'waiting')
               order by id""",
        )
        for step in waiting if choice % 3 else waiting[:1]:
            told = step.subject
            run(
                self.session, "update step set state = 'done', settled_at = :at where id = :id", at=self.now, id=step.id
            )
            if "group" not in told:
                mark_submitted(self.session, told["order_id"], told["no"], "W", self._tick())
            elif group := open_group(self.session, told["group"]):
                read_merged(self.session, group, self.now)
                mark_all_submitted(self.session, told["group"], "W", self._tick())

    @precondition(lambda self: self._live())
    @rule(choice=st.integers(0), some=st.booleans(), final=st.booleans(), by_line=st.booleans())
    def ship(self, choice: int, some: bool, final: bool, by_line: bool = False) -> None:  # noqa: FBT001, FBT002 # hypothesis calls it by name  # pyright: ignore[reportIncompatibleMethodOverride]
        one = self._one(choice)
        code, refs = self._document(one)
        lines = [
            (ref_of(place, line.line_no) if len(refs) > 1 else line.line_no, line)
            for place, (order_id, no) in refs.items()
            for line in Standing(self.session, order_id, no).open_lines()
        ]
        pieces = [(ref, line.sku, max(1, line.quantity // 2) if some else line.quantity) for ref, line in lines]
        if not by_line:
            summed = Counter[str]()
            for _, sku, n in pieces:
                summed[sku] += n
            pieces = [("", sku, n) for sku, n in summed.items()]
        self.number += 1
        told = Confirm(
            code=code,
            confirm_key=f"c{self.number}",
            final=final or not some,
            parcels=(ConfirmedParcel(courier_code="SF", tracking_no=f"SF{self.number}"),),
            lines=tuple(ConfirmLine(line_ref=str(ref), sku=sku, quantity=n) for ref, sku, n in pieces),
        )
        for _ in range(2):  # every message comes twice
            self._try(lambda: book_confirm(self.session, told, self._tick()))

    @precondition(lambda self: self._live())
    @rule(choice=st.integers(0))
    def refuse(self, choice: int) -> None:
        told = rejection(*self._known_as(self._one(choice)))
        self._try(lambda: book_report(self.session, told, self._tick()))

    @rule(
        choice=st.integers(0),
        kind=st.sampled_from([ReturnKind.RETURN_REFUND, ReturnKind.RETURN_REFUND, ReturnKind.REFUND_ONLY]),
        pieces=st.lists(st.integers(0, 3), min_size=3, max_size=3),
        fault=st.sampled_from(list(Fault)),
        decide=st.sampled_from([approve_return] * 4 + [reject_return, withdraw_return, None]),
    )
    def want_back(self, choice: int, kind: ReturnKind, pieces: list[int], fault: Fault, decide: Any) -> None:  # noqa: ANN401 # a decision
        """Ask for some of what was shipped, of more than one line where there are more."""
        sent = rows(
            self.session,
            """select order_id, array_agg(distinct external_line_id order by external_line_id) as lines
               from order_line l where shipped > 0 group by 1 order by 1""",
        )
        of = sent[choice % len(sent)]
        lines = [(line, n) for line, n in zip(of.lines, pieces, strict=False) if n]
        wish = ReturnWish(kind, lines, fault, "wrong size")

        def act() -> None:
            no = ask_return(self.session, of.order_id, wish, "tester", Terms(), self._tick())
            if decide is approve_return:
                approve_return(self.session, of.order_id, no, "tester", self._tick())
            elif decide is not None:
                decide(self.session, of.order_id, no, "tester", "worn", self._tick())

        self._try(act)

    @rule(
        choice=st.integers(0),
        short=st.integers(0, 1),
        beyond=st.integers(0, 1),
        condition=st.sampled_from(list(Condition)),
        place=st.sampled_from(PLACES),
        final=st.booleans(),
    )
    def arrive(self, choice: int, short: int, beyond: int, condition: Condition, place: str, final: bool) -> None:  # noqa: FBT001 # as above
        """Have goods come back: as they were announced, fewer, or others with them; also for a return that is over."""
        granted = "select order_id, no from return_case order by state <> 'approved', order_id, no"
        cases = rows(self.session, granted)
        for case in cases[choice % 3 % max(1, len(cases)) :][:1]:
            awaited = rows(
                self.session,
                """select l.sku, sum(greatest(0, b.asked - b.arrived))::bigint as pieces
                   from return_line b join order_line l using (order_id, line_no)
                   where (b.order_id, b.no) = (:order_id, :no) group by 1 order by 1""",
                order_id=case.order_id,
                no=case.no,
            )
            goods = [Goods(sku=one.sku, pieces=max(0, one.pieces - short), condition=condition) for one in awaited]
            goods += [Goods(sku="pear", pieces=beyond)]
            self.number += 1
            told = Arrived(document=f"d{self.number}", goods=tuple(goods), final=final, location=place)
            for _ in range(2):
                self._try(
                    lambda told=told, case=case: receive_return(
                        self.session, case.order_id, case.no, told, "tester", self._tick()
                    )
                )

    @invariant()
    def what_travels_and_comes_back_is_exact(self) -> None:
        for query in (BACK, UNPAID, SHELVED, SHARES, LOST):
            assert rows(self.session, query) == []
        assert rows(self.session, STRANGERS)[0].n == 0

    @invariant()
    def every_decision_is_made_again_as_it_was(self) -> None:
        assert set(rerun(stored_decisions(self.session)).counts) <= {Sameness.SAME}

    def _live(self) -> list[Any]:
        """Give the documents that a location has taken over; one that it has not heard of it cannot ship."""
        return [one for one in super()._live() if one.negotiation != "unsubmitted"]

    def _known_as(self, one: Any) -> tuple[int, int]:  # noqa: ANN401 # a row
        group = group_of(self.session, one.order_id, one.no)
        return (group.head.order_id, group.head.no) if group else (one.order_id, one.no)

    def _document(self, one: Any) -> tuple[str, dict[int, tuple[int, int]]]:  # noqa: ANN401 # a row
        """Give the number by which a location knows a fulfilment order, and what travels with it, by place."""
        group = group_of(self.session, one.order_id, one.no)
        if group is None:
            return f"{one.order_id}-{one.no}", {1: (one.order_id, one.no)}
        return group.head.code, {member.place: (member.order_id, member.no) for member in group.members}
