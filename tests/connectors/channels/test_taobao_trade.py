import json
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Malformed
from hub.order.model import Funder, Order, OrderType, Source, check_totals
from sandbox.baskets import StorefrontOrder, unit_price
from sandbox.taobao_trades import in_full, in_steps, trade_of
from tests.connectors.channels.taobao_market import TRADE, Market
from tests.connectors.contracts import OrderSourceContract
from tests.connectors.exemplars import AT, real_sample, sample


class TestTaobaoOrders(OrderSourceContract):
    kind = Market.kind
    order_sample = TRADE

    def read(self, **changes: object) -> Order:
        return self.partner().read_order(json.dumps({**json.loads(sample(TRADE)), **changes}).encode())

    def read_line(self, **changes: object) -> Order:
        trade = json.loads(sample(TRADE))
        trade["orders"]["order"][0].update(changes)
        return self.read(**trade)

    def test_the_whole_trade_is_read(self) -> None:
        order = self.read()
        assert (order.external_id, order.total, order.freight) == ("3000000000000000001", 16350, 600)
        assert (order.placed_at, order.paid_at) == (AT, AT + timedelta(seconds=5))
        assert order.source_revision == int((AT + timedelta(seconds=6)).timestamp())
        assert (order.buyer.ref, order.remark, order.seller_note) == ("AAHsample-buyer_1", "请放门口\n谢谢", "老客户")
        assert order.invoice
        assert (order.invoice.title, order.invoice.kind) == ("测试公司甲", "1 明细")

    @pytest.mark.parametrize(
        ("status", "asked"),
        [
            *(("WAIT_SELLER_AGREE", True), ("WAIT_BUYER_RETURN_GOODS", True), ("WAIT_SELLER_CONFIRM_GOODS", True)),
            *(("NO_REFUND", False), ("SELLER_REFUSE_BUYER", False), ("CLOSED", False), ("SUCCESS", False)),
        ],
    )
    def test_a_refund_is_asked_for_until_it_is_settled(self, status: str, asked: bool) -> None:  # noqa: FBT001 # a parameter of the case
        first, second = self.read_line(refund_status=status).lines
        assert (first.refund_requested, second.refund_requested) == (asked, False)

    def test_what_a_seller_adjusts_is_in_the_price(self) -> None:
        first, second = self.read().lines
        assert (first.unit_price, second.unit_price) == (Decimal("39.666667"), Decimal("60.5"))
        assert (first.channel_sku, second.channel_sku) == ("apple", "pear")

    def test_reductions_are_named_by_their_promotions_as_far_as_those_reach(self) -> None:
        found = [(one.external_line_id, one.amount, one.code, one.funder) for one in self.read().adjustments]
        assert found == [
            ("3000000000000000002", 900, "shopcoupon-1_1", Funder.MERCHANT),
            ("3000000000000000003", 300, "", Funder.MERCHANT),
            ("3000000000000000002", 660, "mjs-2_2", Funder.PLATFORM),
            ("3000000000000000003", 140, "mjs-2_2", Funder.PLATFORM),
            ("3000000000000000003", 200, "", Funder.MERCHANT),
        ]

    def test_a_masked_receiver_keeps_the_token_that_stands_for_it(self) -> None:
        order = self.partner().read_order(sample("taobao/trade_masked.json"))
        check_totals(order)
        to = order.receiver
        assert (to.name, to.phone, to.street, to.token) == (
            "收**",
            "100****0001",
            "测试路***",
            "1x0mAsKed-Token_of+1/2==",
        )

    def test_the_postage_in_an_only_sub_orders_payment_counts_once(self) -> None:
        order = self.partner().read_order(sample("taobao/trade_masked.json"))
        assert (order.goods, order.discount, order.freight, order.total) == (7000, 1000, 600, 6600)
        assert [one.source for one in order.adjustments] == [Source.COUPON, Source.PLATFORM]

    def test_a_masked_phone_without_a_token_is_malformed(self) -> None:
        with pytest.raises(Malformed, match="receiver"):
            self.read(receiver_mobile="100****0001")

    @pytest.mark.parametrize(
        ("changes", "begins"),
        [({"buyer_nick": "甲"}, "nick-"), ({}, "trade-3000000000000000001"), ({"buyer_open_uid": "甲 乙"}, "nick-")],
    )
    def test_a_buyer_without_an_open_id_has_one_name_all_the_same(self, changes: dict[str, str], begins: str) -> None:
        assert self.read(**{"buyer_open_uid": "", **changes}).buyer.ref.startswith(begins)

    @pytest.mark.parametrize("status", ["TRADE_CLOSED", "TRADE_CLOSED_BY_TAOBAO"])
    def test_a_closed_sub_order_is_left_out_and_a_person_told_if_it_was_paid(self, status: str) -> None:
        order = self.read_line(status=status)
        assert len(order.lines) == 1
        with pytest.raises(Malformed, match="minor units"):
            check_totals(order)

    @pytest.mark.parametrize("status", ["TRADE_CLOSED", "TRADE_CLOSED_BY_TAOBAO"])
    def test_a_closed_trade_is_taken_back_with_all_its_lines(self, status: str) -> None:
        whole = self.read()
        order = self.read(status=status)
        assert (whole.withdrawn, order.withdrawn) == (False, True)
        assert order.lines == whole.lines

    def test_the_sellers_own_code_comes_first(self) -> None:
        codes, skus = ("outer_sku_id", "outer_iid", "sku_id"), list[str]()
        for missing in range(4):
            skus.append(self.read_line(**dict.fromkeys(codes[:missing], "")).lines[0].channel_sku)
        assert skus == ["apple", "apple-item", "5000000000001", "100000000001"]

    def test_a_staged_trade_is_a_presale_and_an_unknown_type_is_none_of_ours(self) -> None:
        assert self.read(type="step").type is OrderType.PRESALE
        with pytest.raises(Malformed, match="order_type"):
            self.read(type="cod")

    def test_of_a_staged_trade_the_deposit_is_paid_and_then_the_balance(self) -> None:
        trade = json.loads(sample(TRADE))
        first, whole = self.read(**in_steps(trade, "50.00")), self.read(**in_full(trade))
        assert (first.paid_at, first.deposit_paid_at, first.deposit) == (None, AT + timedelta(seconds=5), 5000)
        assert (whole.paid_at, whole.deposit_paid_at, whole.total) == (AT + timedelta(seconds=5), None, first.total)
        nothing = self.read(type="step", status="WAIT_BUYER_PAY", step_trade_status="FRONT_NOPAID_FINAL_NOPAID")
        assert (nothing.paid_at, nothing.deposit_paid_at, nothing.deposit) == (None, None, None)

    def test_a_forfeited_deposit_is_a_trade_taken_back(self) -> None:
        lost = {"type": "step", "step_trade_status": "FRONT_PAID_FRONT_FORFEITED", "step_paid_fee": "50.00"}
        assert self.read(**lost, status="TRADE_CLOSED").withdrawn

    @pytest.mark.parametrize("field", ["payment", "post_fee", "created", "modified"])
    def test_an_amount_or_time_that_is_none_is_malformed(self, field: str) -> None:
        with pytest.raises(Malformed, match=field):
            self.read(**{field: "soon"})

    def test_a_real_trade_that_does_not_add_up_is_passed_on_as_it_is(self) -> None:
        body = real_sample("taobao/trade_fullinfo_get_response_redacted.json")
        trade = json.loads(body)["trade_fullinfo_get_response"]["trade"]
        order = self.partner().read_order(json.dumps(trade).encode())
        assert order.total == 32358
        with pytest.raises(Malformed) as caught:
            check_totals(order)
        assert caught.value.code == "totals"

    @given(st.data())
    def test_a_trade_of_any_order_adds_up(self, data: st.DataObject) -> None:
        placed = data.draw(baskets())
        order = self.partner().read_order(json.dumps(trade_of(placed)).encode())
        check_totals(order)
        assert order.total == int(Decimal(str(placed.payload["total"])) * 100)


@st.composite
def baskets(draw: st.DrawFn) -> StorefrontOrder:
    """Any order of a storefront of ours: amounts in fen, reductions of lines and of the whole."""
    sold = draw(st.lists(st.tuples(st.integers(1, 500_000), st.integers(1, 50)), min_size=1, max_size=6))
    lines = [
        {
            "line_id": str(n),
            "sku": f"P{n}",
            "title": f"样品{n}",
            "quantity": many,
            "unit_price": unit_price(gross, many),
        }
        for n, (gross, many) in enumerate(sold, 1)
    ]
    discounts: list[dict[str, object]] = []
    net = 0
    for n, (gross, _) in enumerate(sold, 1):
        off = draw(st.integers(0, gross))
        net += gross - off
        if off:
            discounts.append(discount("coupon", off, "brand") | {"line_id": str(n)})
    if whole := draw(st.integers(0, net)):
        discounts.append(discount("promotion", whole, "platform"))
    freight = draw(st.sampled_from([0, 600]))
    person = {"name": "收件人1", "phone": "10000000001", "province": "上海市", "city": "上海市", "district": "浦东新区"}
    payload: dict[str, object] = {
        "external_id": f"T-{draw(st.integers(0, 10**6))}",
        "placed_at": "2026-11-11T10:00:00+08:00",
        "paid_at": "2026-11-11T10:00:05+08:00",
        "lines": lines,
        "discounts": discounts,
        "freight": f"{freight / 100:.2f}",
        "total": str(Decimal(net - whole + freight) / 100),
        "remark": "",
        "buyer": {"id": "hh-1", "nick": "买家1"},
        "receiver": {**person, "town": "", "street": "测试路1号"},
    }
    return StorefrontOrder("shop", payload)


def discount(source: str, fen: int, funder: str) -> dict[str, object]:
    return {"source": source, "code": "C1", "amount": str(Decimal(fen) / 100), "funder": funder}
