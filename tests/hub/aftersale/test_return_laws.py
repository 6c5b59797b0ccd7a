"""What holds of returns in any sequence: never more back than was sent, and all the money to the last fen."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from hub.aftersale.model import Goods
from hub.aftersale.money import share_of_pieces
from hub.aftersale.sort import Awaited, sort_goods
from hub.inventory.condition import Condition
from hub.order.change.money import refund_of

SKUS = ("apple", "pear", "plum")
LINES = st.lists(st.tuples(st.sampled_from(SKUS[:2]), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=4)
GOODS = st.lists(
    st.tuples(
        st.sampled_from(SKUS), st.integers(0, 6), st.sampled_from(list(Condition)), st.sampled_from(["", "1", "2"])
    ),
    max_size=5,
)


@given(st.integers(0, 10**9), st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=1, max_size=8))
def test_what_comes_back_and_what_was_cancelled_bear_the_lines_money_together(
    amount: int, parts: list[tuple[bool, int]]
) -> None:
    ordered = sum(n for _, n in parts)
    back = cancelled = money = 0
    for returned, n in parts:
        if returned:
            money += share_of_pieces(amount, ordered, back, n)
            back += n
        else:
            cancelled += n
            money += refund_of(amount, ordered, cancelled, n)
    assert money == amount


@given(st.integers(0, 10**9), st.integers(1, 30), st.data())
def test_any_order_of_partial_returns_gives_back_the_same(amount: int, shipped: int, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, shipped), max_size=6)) | {0, shipped})
    sizes = [upper - lower for lower, upper in itertools.pairwise(cuts)]
    totals = set[int]()
    for order in (sizes, sizes[::-1], sorted(sizes)):
        back = [share_of_pieces(amount, shipped + 3, sum(order[:at]), n) for at, n in enumerate(order)]
        assert min(back) >= 0
        totals.add(sum(back))
    assert totals == {share_of_pieces(amount, shipped + 3, 0, shipped)}


@given(LINES, GOODS)
def test_no_piece_that_arrived_is_lost_or_doubled_and_no_line_takes_more_than_it_sent(
    lines: list[tuple[str, int, int]], told: list[tuple[str, int, Condition, str]]
) -> None:
    awaited = [Awaited(no, sku, asked, room) for no, (sku, asked, room) in enumerate(lines, 1)]
    goods = [Goods(sku=sku, pieces=n, condition=condition, line_ref=ref) for sku, n, condition, ref in told]
    found = sort_goods(goods, awaited)
    by_no = {one.line_no: one for one in awaited}
    for sku in SKUS:
        placed = sum(n for no, n in found.pieces.items() if by_no[no].sku == sku)
        beyond = sum(one.pieces for one in found.beyond if one.sku == sku)
        arrived = sum(one.pieces for one in goods if one.sku == sku)
        room = sum(one.room for one in awaited if one.sku == sku)
        assert (placed + beyond, placed) == (arrived, min(arrived, room))
    assert all(n <= by_no[no].room for no, n in found.pieces.items())
    assert all(n <= found.pieces[no] for no, n in found.damaged.items())
