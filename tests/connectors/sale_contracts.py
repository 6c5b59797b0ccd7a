"""What every ERP that books sales must keep to; a partner's own test brings its far side, which the suite steers."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from importlib import import_module
from itertools import count
from typing import Any, ClassVar, Protocol

import pytest

from connectors.partner import Partner
from hub.errors import HubError, Misconfigured, NeedsOperator, OutcomeUnknown, Rejected, TryLater
from hub.fulfilment.sale import GoodsIssue, IssuedLine, Sale, SaleLine
from hub.ports import Probe, SaleBook
from hub.settings import Connection, Http
from tests.connectors.contracts import Contract
from tests.connectors.exemplars import AT, CANARY, CANARY_NAME, SECRET, told
from tests.connectors.peer import closed_port

NUMBERS = count(1)
FREIGHT, AMOUNTS = 800, (1000, 5)


def make_sale(code: str = "", **changes: object) -> Sale:
    """Make a sale under a code of its own; the title is one that no error may repeat."""
    own = code or f"26110000{next(NUMBERS):08d}-1"
    lines = (
        SaleLine(line_no=1, sku="P1", title=CANARY_NAME, quantity=3, amount=AMOUNTS[0]),
        SaleLine(line_no=2, sku="TG11", title="长" * 60, quantity=1, amount=AMOUNTS[1]),
    )
    values = {"key": f"sale:{own}", "code": own, "order_id": "2611000000000001", "external_id": CANARY}
    place = {"brand": "demo", "shop": "pc", "location": "SH01", "order_type": "normal", "currency": "CNY"}
    times = {"placed_at": AT, "shipped_at": AT}
    return Sale.model_validate({**values, **place, **times, "freight": FREIGHT, "lines": lines, **changes})


def issue_of(sale: Sale, sale_id: str, quantities: tuple[int, ...] = (3, 1)) -> GoodsIssue:
    lines = tuple(
        IssuedLine(line_no=line.line_no, sku=line.sku, quantity=quantity)
        for line, quantity in zip(sale.lines, quantities, strict=True)
        if quantity
    )
    return GoodsIssue(
        key=f"issue:{sale.code}",
        code=sale.code,
        sale_id=sale_id,
        location=sale.location,
        shipped_at=AT,
        tracking_nos=("SF100", "SF101"),
        lines=lines,
    )


class FarSide(Protocol):
    """The ERP as the suite steers it; each of its troubles lasts until `recover`."""

    url: str

    def refuse(self) -> None:
        """Refuse every document for a reason of the business, in words that hold the canary."""
        ...

    def be_busy(self) -> None: ...

    def lock(self) -> None:
        """Say that somebody else holds the document."""
        ...

    def lose_answers(self) -> None:
        """Execute what is asked, and be silent about it."""
        ...

    def recover(self) -> None: ...

    def orders(self, code: str) -> int: ...

    def deliveries(self, code: str) -> int: ...

    def amount(self, code: str) -> Decimal:
        """Give what the lines of the sale add up to, in major units."""
        ...

    def pieces(self, code: str) -> Decimal: ...


TROUBLES: dict[str, tuple[Callable[[FarSide], None], type[HubError]]] = {
    "refuses": (lambda far: far.refuse(), Rejected),
    "is busy": (lambda far: far.be_busy(), TryLater),
    "is locked": (lambda far: far.lock(), TryLater),
}


class SaleBookContract(Contract):
    fields: ClassVar[Mapping[str, Any]] = {}

    def book(self, url: str, secret: bytes = SECRET, **options: str) -> Any:  # noqa: ANN401 # whatever ports it serves
        fixed: Mapping[str, str] = self.fields.get("options", {})
        values = {"kind": self.kind, "brand": "demo", "base_url": url, **self.fields, "options": {**fixed, **options}}
        partner = Partner("test", Connection.model_validate(values), secret, Http(connect_s=2, read_s=5), lambda: AT)
        return import_module(f"connectors.{self.kind}").connect(partner)

    def test_it_books_sales_and_says_that_it_is_not_idempotent(self, far: FarSide) -> None:
        book = self.book(far.url)
        assert (book.idempotent, book.grace_s > 0) == (False, True)
        assert isinstance(book, SaleBook)
        assert isinstance(book, Probe)

    def test_a_sale_is_booked_once_and_adds_up(self, far: FarSide) -> None:
        sale = make_sale()
        assert self.book(far.url).send_sale(sale).partner_id
        assert far.orders(sale.code) == 1
        assert far.amount(sale.code) == Decimal(sum(AMOUNTS)) / 100

    def test_what_was_sent_is_found_under_its_number(self, far: FarSide) -> None:
        book, sale = self.book(far.url), make_sale()
        sold = book.send_sale(sale)
        assert book.find_sale(sale) == sold
        issue = issue_of(sale, sold.partner_id)
        assert book.send_goods_issue(issue) == book.find_goods_issue(issue)

    def test_what_was_not_sent_is_not_found(self, far: FarSide) -> None:
        book, sale = self.book(far.url), make_sale()
        assert book.find_sale(sale) is None
        assert book.find_goods_issue(issue_of(sale, book.send_sale(sale).partner_id)) is None

    def test_a_code_as_long_as_the_field_is_found_and_no_other(self, far: FarSide) -> None:
        book, start = self.book(far.url), f"{next(NUMBERS):034d}"
        sold = book.send_sale(make_sale(f"{start}a"))
        book.send_sale(make_sale(f"{start}b"))
        assert book.find_sale(make_sale(f"{start}a")) == sold

    def test_two_sales_of_one_code_need_an_operator(self, far: FarSide) -> None:
        book, sale = self.book(far.url), make_sale()
        for _ in range(2):
            book.send_sale(sale)
        with pytest.raises(NeedsOperator) as caught:
            book.find_sale(sale)
        assert caught.value.code == "duplicate_document"

    def test_two_deliveries_of_one_sale_need_an_operator(self, far: FarSide) -> None:
        book, sale = self.book(far.url), make_sale()
        number = book.send_sale(sale).partner_id
        for quantities in ((1, 1), (2, 0)):
            book.send_goods_issue(issue_of(sale, number, quantities))
        with pytest.raises(NeedsOperator) as caught:
            book.find_goods_issue(issue_of(sale, number))
        assert caught.value.code == "duplicate_document"

    def test_what_left_is_delivered_to_the_piece(self, far: FarSide) -> None:
        book, sale = self.book(far.url), make_sale()
        book.send_goods_issue(issue_of(sale, book.send_sale(sale).partner_id, (2, 0)))
        assert (far.deliveries(sale.code), far.pieces(sale.code)) == (1, 2)

    def test_a_delivery_of_other_pieces_than_left_needs_an_operator(self, far: FarSide) -> None:
        book, sale = self.book(far.url), make_sale()
        number = book.send_sale(sale).partner_id
        book.send_goods_issue(issue_of(sale, number, (2, 1)))
        with pytest.raises(NeedsOperator) as caught:
            book.find_goods_issue(issue_of(sale, number, (3, 1)))
        assert caught.value.code == "delivery_differs"

    @pytest.mark.parametrize("trouble", TROUBLES)
    def test_what_is_not_executed_says_so_and_stays_private(self, far: FarSide, trouble: str) -> None:
        book, sale = self.book(far.url), make_sale()
        number = book.send_sale(sale).partner_id
        cause, kind = TROUBLES[trouble]
        cause(far)
        for send in (lambda: book.send_sale(sale), lambda: book.send_goods_issue(issue_of(sale, number))):
            with pytest.raises(kind) as caught:
                send()
            assert CANARY not in told(caught.value)
            assert CANARY_NAME not in told(caught.value)
        far.recover()
        assert (far.orders(sale.code), far.deliveries(sale.code)) == (1, 0)

    def test_a_sale_whose_answer_is_lost_is_unknown_and_then_found(self, far: FarSide) -> None:
        book, sale = self.book(far.url), make_sale()
        book.probe()
        far.lose_answers()
        with pytest.raises(OutcomeUnknown):
            book.send_sale(sale)
        far.recover()
        assert book.find_sale(sale) is not None
        assert far.orders(sale.code) == 1

    def test_a_goods_issue_whose_answer_is_lost_is_unknown_and_then_found(self, far: FarSide) -> None:
        book, sale = self.book(far.url), make_sale()
        issue = issue_of(sale, book.send_sale(sale).partner_id)
        far.lose_answers()
        with pytest.raises(OutcomeUnknown):
            book.send_goods_issue(issue)
        far.recover()
        assert book.find_goods_issue(issue) is not None
        assert far.deliveries(sale.code) == 1

    def test_a_wrong_password_is_a_matter_of_configuration(self, far: FarSide) -> None:
        book, sale = self.book(far.url, b"wrong"), make_sale()
        for call in (book.probe, lambda: book.send_sale(sale), lambda: book.find_sale(sale)):
            with pytest.raises(Misconfigured):
                call()
        assert far.orders(sale.code) == 0

    def test_a_harmless_call_shows_that_all_is_right(self, far: FarSide) -> None:
        self.book(far.url).probe()

    def test_nobody_listening_is_tried_later(self, far: FarSide) -> None:
        far.be_busy()
        with pytest.raises(TryLater):
            self.book(closed_port().removesuffix("/partner")).send_sale(make_sale())

    @pytest.mark.parametrize(
        "changes",
        [
            {"code": "1" * 36},
            {"location": "SH001"},
            {"lines": (SaleLine(line_no=1, sku="A" * 41, title="t", quantity=1, amount=1),)},
        ],
        ids=["code", "plant", "sku"],
    )
    def test_what_sap_has_no_room_for_is_refused_before_it_is_cut(
        self, far: FarSide, changes: dict[str, object]
    ) -> None:
        sale = make_sale(**changes)  # pyright: ignore[reportArgumentType] # any field of a sale
        with pytest.raises(Rejected) as caught:
            self.book(far.url).send_sale(sale)
        assert (caught.value.code, far.orders(sale.code)) == ("too_long", 0)
