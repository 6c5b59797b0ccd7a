"""A hub that merges, and a warehouse that ships, cuts short, refuses and stops as it is told, and counts itself."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from msgspec.structs import replace
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.errors import Conflict
from hub.fulfilment.model import CancelAnswer, Confirm, ConfirmedParcel, ConfirmLine, Delivery, Report
from hub.fulfilment.release import mark_submitted
from hub.merge.close import close_windows
from hub.merge.group import read_group
from hub.order.change.begin import change
from hub.order.change.cancel import cancel
from hub.order.change.revision import Author, Wish
from hub.order.place.batch import Placed
from hub.order.ship.merged import mark_all_submitted, open_group, read_merged
from hub.order.ship.outbound import read_delivery
from hub.order.ship.together import book_cancel_answer, book_confirm, book_report
from tests.hub.making import AT, RECEIVER, order, place_all, stock
from tests.hub.merge.merging import merging

STEP: Final = timedelta(minutes=35)
PHONES: Final = ("10000000001", "10000000002")
SHOPS: Final = ("pc", "h5", "app")
"""The first two merge with each other; the last never does."""


class Floor:
    """What happened, as the warehouses would count it: pieces by the shop's own order and SKU."""

    def __init__(self, session: Session) -> None:
        self.session, self.now = session, AT
        self.orders: dict[int, str] = {}
        self.documents: dict[str, tuple[Delivery, Counter[str]]] = {}
        self.left = Counter[tuple[str, str]]()
        self.merged = self.confirms = 0
        stock(session, {"sh": {"apple": 30, "pear": 30}, "bj": {"apple": 9, "pear": 9}})
        merging(session, "pc", most_orders=3)
        merging(session, "h5")

    def place(self, shop: int, phone: int, apples: int, pears: int) -> None:
        number = f"T{len(self.orders)}"
        to = RECEIVER.model_copy(update={"phone": PHONES[phone]})
        one = replace(order({"apple": apples, "pear": pears}, number, receiver=to), shop=SHOPS[shop])
        (result,) = place_all(self.session, one)
        assert isinstance(result, Placed)
        self.orders[result.order_id] = number

    def wait(self) -> None:
        self.now += STEP
        close_windows(self.session, self.now)

    def send(self) -> None:
        """Have every release taken by its warehouse."""
        for step in self._pending("release_fulfilment"):
            subject = step.subject
            if "group" in subject and (group := open_group(self.session, subject["group"])):
                self._take(read_merged(self.session, group, self.now))
                self.merged += 1
                mark_all_submitted(self.session, subject["group"], "W", self.now)
            elif "group" not in subject:
                self._take(read_delivery(self.session, subject["order_id"], subject["no"], self.now))
                mark_submitted(self.session, subject["order_id"], subject["no"], "W", self.now)
            self._done(step.id)

    def ship(self, which: int, pieces: int, *, final: bool, by_line: bool) -> None:
        """Ship up to so many pieces of each line of one document."""
        found = self._document(which)
        if found is None:
            return
        delivery, rest = found
        parts = {line.ref: min(pieces, rest[line.ref]) for line in delivery.lines}
        if not by_line:  # the warehouse tells SKUs: then what it took is the oldest order's first
            parts = self._oldest_first(delivery, rest, sum(parts.values()))
        lines = tuple(
            ConfirmLine(line_ref=line.ref if by_line else "", sku=line.sku, quantity=parts[line.ref])
            for line in delivery.lines
            if parts[line.ref]
        )
        self.confirms += 1
        key = f"C{self.confirms}"
        parcel = ConfirmedParcel(courier_code="SF", tracking_no=key)
        told = Confirm(code=delivery.code, confirm_key=key, final=final, parcels=(parcel,), lines=lines)
        for _ in range(2):  # every message comes twice
            book_confirm(self.session, told, self.now)
        for line in delivery.lines:
            self.left[line.source_order_code, line.sku] += parts[line.ref]
            rest[line.ref] -= parts[line.ref]
        if final or not rest.total():
            del self.documents[delivery.code]

    def reject(self, which: int) -> None:
        found = self._document(which)
        if found is not None and not self._begun(found):
            book_report(self.session, Report(code=found[0].code, status="rejected", note="缺货"), self.now)
            del self.documents[found[0].code]

    def cancel(self, which: int) -> None:
        order_id = list(self.orders)[which % len(self.orders)] if self.orders else 0
        lively = """select 1 from sales_order o where id = :id and lifecycle in ('accepted', 'in_fulfilment')
                    and not exists (select 1 from order_line l where l.order_id = o.id and l.shipped > 0)"""
        if rows(self.session, lively, id=order_id):
            cancel(self.session, order_id, "buyer", "", self.now)

    def cut(self, which: int) -> None:
        """Have one apple of an order cancelled, if there still is one to cancel."""
        if self.orders:
            order_id = list(self.orders)[which % len(self.orders)]
            with suppress(Conflict), self.session.begin_nested():
                change(self.session, order_id, Wish(pieces={1: 1}), Author("buyer", ""), self.now)

    def answer(self, *, stopped: bool) -> None:
        """Answer every wish to stop a document; one that is gone cannot be stopped."""
        for step in self._pending("cancel_fulfilment"):
            order_id, no = step.subject["order_id"], step.subject["no"]
            known = self.documents.get(f"{order_id}-{no}")
            yes = stopped and known is not None
            book_cancel_answer(self.session, order_id, no, CancelAnswer(stopped=yes), self.now)
            if yes:
                del self.documents[f"{order_id}-{no}"]
            self._done(step.id)

    def drain(self) -> None:
        """Let everything come to its end."""
        for _ in range(8):
            self.now += timedelta(hours=2)
            close_windows(self.session, self.now)
            self.send()
            self.answer(stopped=True)
            for n in range(len(self.documents)):
                self.ship(0, 99, final=True, by_line=bool(n % 2))

    def _take(self, delivery: Delivery) -> None:
        assert delivery.code not in self.documents, "a document has one number for ever"
        self.documents[delivery.code] = delivery, Counter({line.ref: line.quantity for line in delivery.lines})

    def _document(self, which: int) -> tuple[Delivery, Counter[str]] | None:
        codes = sorted(self.documents)
        return self.documents[codes[which % len(codes)]] if codes else None

    @staticmethod
    def _begun(found: tuple[Delivery, Mapping[str, int]]) -> bool:
        delivery, rest = found
        return any(rest[line.ref] < line.quantity for line in delivery.lines)

    @staticmethod
    def _oldest_first(delivery: Delivery, rest: Mapping[str, int], total: int) -> dict[str, int]:
        """Say which lines so many pieces are of, as the hub must find out by itself."""
        parts: dict[str, int] = {}
        for sku in dict.fromkeys(line.sku for line in delivery.lines):
            budget = total // 2 + 1
            for line in delivery.lines:
                if line.sku == sku:
                    parts[line.ref] = min(budget, rest[line.ref])
                    budget -= parts[line.ref]
        return parts

    def _pending(self, flow: str) -> Sequence[Row[Any]]:
        statement = "select id, subject from step where flow = :flow and state in ('pending', 'waiting') order by id"
        return rows(self.session, statement, flow=flow)

    def _done(self, step_id: int) -> None:
        run(self.session, "update step set state = 'done', settled_at = :at where id = :id", at=self.now, id=step_id)

    def groups(self) -> list[list[tuple[int, int]]]:
        found = rows(self.session, "select distinct group_id from merge_member where left_at is null")
        members = [read_group(self.session, one.group_id).members for one in found]
        return [[(one.order_id, one.no) for one in group] for group in members]
