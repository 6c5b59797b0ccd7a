from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.catalogue.model import Part, Product, Storage
from hub.errors import Malformed
from hub.order.model import Adjustment, OrderLine, ShopOrder, Source
from hub.order.rules.normalise import OF_FREIGHT, NormalOrder, normalise, share_adjustments, without
from tests.hub.making import RECEIVER, coupon, order

PRODUCTS = {
    "apple": Product("apple", "苹果", Storage.AMBIENT, 500),
    "pear": Product("pear", "梨", Storage.CHILLED, 300),
    "box": Product("box", "礼盒", Storage.AMBIENT, 0, (Part("apple", 2, 1), Part("pear", 1, 3))),
}
BOUND = {("demo", "pc", code): code for code in PRODUCTS}


def normal(one: ShopOrder) -> NormalOrder:
    return normalise(one, BOUND, PRODUCTS)


def test_lines_become_items_of_the_bound_product() -> None:
    one = normalise(order({"A-1": 2}), {("demo", "pc", "A-1"): "apple"}, PRODUCTS)
    (line,) = one.lines
    assert (line.kind, line.channel_sku, line.product.sku, line.ordered, line.amount) == (
        "item",
        "A-1",
        "apple",
        2,
        2000,
    )
    assert one.place.code == "310115"


def test_a_bundle_is_opened_into_components_that_ship() -> None:
    lines = normal(order({"box": 2, "apple": 1})).lines
    told = [(line.line_no, line.kind, line.parent_no, line.product.sku, line.ordered) for line in lines]
    assert told[:2] == [(1, "bundle", None, "box", 2), (2, "item", None, "apple", 1)]
    assert told[2:] == [(3, "component", 1, "apple", 4), (4, "component", 1, "pear", 2)]
    assert [line.ships for line in lines] == [False, True, True, True]


@given(st.integers(1, 50), st.integers(0, 10_000))
def test_components_bear_price_and_discount_of_their_bundle_exactly(pieces: int, off: int) -> None:
    discount = min(off, pieces * 1000)
    bundle, *components = normal(order({"box": pieces}, adjustments=(coupon(discount),))).lines
    assert sum(line.amount for line in components) == bundle.amount == pieces * 1000
    assert sum(line.discount for line in components) == bundle.discount == discount


@given(st.lists(st.integers(1, 99), min_size=1, max_size=8), st.lists(st.integers(0, 999), max_size=5))
def test_the_shares_of_every_discount_add_up_to_it(quantities: list[int], amounts: list[int]) -> None:
    lines = tuple(
        OrderLine(external_line_id=f"L{no}", channel_sku="apple", quantity=quantity, unit_price=Decimal("0.37"))
        for no, quantity in enumerate(quantities)
    )
    one = order({}, lines=lines, adjustments=tuple(map(coupon, amounts)), freight=10_000)
    shares = normal(one).shares
    assert [sum(part.amount for part in shares if part.no == no) for no in range(1, len(amounts) + 1)] == amounts
    of_freight = sum(part.amount for part in shares if part.line_no == OF_FREIGHT)
    goods = sum(line.amount for line in normal(one).lines)
    assert of_freight == max(0, sum(amounts) - goods)
    assert sum(line.discount for line in normal(one).lines) == sum(amounts) - of_freight


PRICES = st.lists(st.tuples(st.sampled_from(["apple", "box"]), st.integers(0, 9)), min_size=1, max_size=5)
CUTS = st.lists(st.tuples(st.integers(0, 30), st.sampled_from([None, "L0"])), max_size=4)


@given(PRICES, CUTS)
def test_nothing_costs_less_than_nothing(goods: list[tuple[str, int]], cuts: list[tuple[int, str | None]]) -> None:
    lines = tuple(
        OrderLine(external_line_id=f"L{no}", channel_sku=sku, quantity=1, unit_price=Decimal(fen) / 100)
        for no, (sku, fen) in enumerate(goods)
    )
    one = normal(order({}, lines=lines, adjustments=tuple(coupon(*cut) for cut in cuts), freight=10_000))
    assert all(line.discount <= line.amount for line in one.lines)
    assert [sum(part.amount for part in one.shares if part.no == no + 1) for no in range(len(cuts))] == [
        amount for amount, _ in cuts
    ]


def test_what_is_too_much_for_a_line_falls_on_the_others_and_then_on_the_freight() -> None:
    cuts = (coupon(1500), coupon(1200, "L2"))
    one = normal(order({"apple": 1, "pear": 1}, adjustments=cuts, freight=800))
    borne = [(part.no, part.line_no, part.amount) for part in one.shares]
    assert borne == [(2, 2, 1000), (2, 1, 200), (1, 1, 800), (1, OF_FREIGHT, 700)]
    assert [line.discount for line in one.lines] == [1000, 1000]
    free = Adjustment(source=Source.SHIPPING, code="FREE", amount=300)
    one = normal(order({"apple": 1, "pear": 1}, adjustments=(free, *cuts), freight=1_000))
    borne = [(part.no, part.line_no, part.amount) for part in one.shares]
    assert borne == [(3, 2, 1000), (3, 1, 200), (1, OF_FREIGHT, 300), (2, 1, 800), (2, OF_FREIGHT, 700)]


def test_a_discount_of_one_line_is_borne_by_it_alone() -> None:
    one = normal(order({"apple": 1, "pear": 1}, adjustments=(coupon(300, "L2"), coupon(101))))
    assert [(part.no, part.line_no, part.amount) for part in one.shares] == [(1, 2, 300), (2, 1, 51), (2, 2, 50)]
    assert [line.discount for line in one.lines] == [51, 350]


def test_what_takes_freight_off_leaves_the_goods_at_their_price() -> None:
    free = Adjustment(source=Source.SHIPPING, code="FREE", amount=600)
    one = normal(order({"apple": 1, "pear": 1}, adjustments=(free, coupon(100)), freight=600))
    assert [(part.no, part.line_no, part.amount) for part in one.shares] == [(1, 0, 600), (2, 1, 50), (2, 2, 50)]
    more = normal(order({"apple": 1, "pear": 1}, adjustments=(free,), freight=500))
    assert [(part.line_no, part.amount) for part in more.shares] == [(0, 500), (1, 50), (2, 50)]


def test_what_is_said_to_be_off_a_line_is_off_that_line_whatever_it_is_called() -> None:
    free = Adjustment(source=Source.SHIPPING, code="FREE", amount=300, external_line_id="L2")
    one = normal(order({"apple": 1, "pear": 1}, adjustments=(free,), freight=600))
    assert [(part.line_no, part.amount) for part in one.shares] == [(2, 300)]


def test_nothing_to_share_makes_no_shares() -> None:
    assert share_adjustments((), normal(order({"apple": 1})).lines) == []


@given(st.integers(0, 3), st.integers(0, 4), st.integers(0, 2), st.integers(0, 5_000))
def test_what_is_left_of_an_order_costs_what_it_says(apples: int, of_box: int, pears: int, off: int) -> None:
    one = normal(order({"apple": 3, "box": 2}, adjustments=(coupon(off),), freight=700))
    left = without(one, {1: apples, 3: of_box, 4: pears})
    boxes = 2 - min(of_box // 2, pears)
    assert {line.line_no: line.ordered for line in left.lines if line.parent_no is None} == {
        no: n for no, n in ((1, 3 - apples), (2, boxes)) if n
    }
    discount = left.order.discount + left.gift_discount
    assert (left.goods, left.goods - discount + 700) == ((3 - apples + boxes) * 1000, left.order.total)
    assert all(0 <= line.discount <= line.amount for line in left.lines)


def test_unknown_codes_are_all_named() -> None:
    with pytest.raises(Malformed, match="bound to kiwi, plum") as caught:
        normal(order({"plum": 1, "apple": 1, "kiwi": 1}))
    assert caught.value.code == "unknown_sku"


def test_totals_that_do_not_add_up_are_refused_with_the_figures() -> None:
    with pytest.raises(
        Malformed, match=r"goods 1000 − discounts 0 \+ freight 5 = 1005, but the order says 999"
    ) as caught:
        normal(order({"apple": 1}, freight=5, total=999))
    assert caught.value.code == "totals"


def test_an_address_of_nowhere_has_no_confidence() -> None:
    nowhere = RECEIVER.model_copy(update={"province": "", "city": "", "county": ""})
    assert normal(order({"apple": 1}, receiver=nowhere)).place.confidence == 0
