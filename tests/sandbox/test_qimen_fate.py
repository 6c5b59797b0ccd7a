from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.qimen_fate import Confirm, Fate, Kind, Pieces, decide, divide
from sandbox.qimen_order import DeliveryOrder, Line
from sandbox.qimen_pushes import write_confirm
from sandbox.qimen_sites import Behaviour
from sandbox.qimen_wire import read_request, text_of

_QUANTITIES = st.lists(st.integers(1, 60), min_size=1, max_size=6)
_NOW = datetime(2026, 11, 11, tzinfo=UTC)


def _order(quantities: list[int], code: str = "FO-1") -> DeliveryOrder:
    lines = tuple(Line(str(n), f"P{n}", "", "OWNER", quantity) for n, quantity in enumerate(quantities, 1))
    return DeliveryOrder("wms-east", code, "WMS1", "SH01", "JYCK", "SF", 1, lines, "")


def _always(kind: Kind, quantities: list[int]) -> Fate:
    return decide(_order(quantities), Behaviour.model_validate({} if kind == "plain" else {kind: 1.0}))


def _shipped(fate: Fate) -> Counter[str]:
    return sum((Counter(confirm.quantities()) for confirm in fate.confirms), Counter[str]())


@given(quantities=_QUANTITIES, code=st.text(max_size=10), seed=st.integers())
def test_a_rerun_decides_the_same(quantities: list[int], code: str, seed: int) -> None:
    behaviour = Behaviour(seed=seed, reject=0.2, short=0.2, two_confirms=0.2, two_parcels=0.2)
    assert decide(_order(quantities, code), behaviour) == decide(_order(quantities, code), behaviour)


@pytest.mark.parametrize("kind", ["plain", "two_confirms", "two_parcels"])
@given(quantities=_QUANTITIES)
def test_every_piece_is_shipped_once(kind: Kind, quantities: list[int]) -> None:
    planned = {str(n): quantity for n, quantity in enumerate(quantities, 1)}
    fate = _always(kind, quantities)
    assert _shipped(fate) == planned
    assert [confirm.final for confirm in fate.confirms] == [False] * (len(fate.confirms) - 1) + [True]


@given(quantities=_QUANTITIES)
def test_a_short_shipment_has_and_lacks_at_least_one_piece(quantities: list[int]) -> None:
    shipped, planned = _shipped(_always("short", quantities)).total(), sum(quantities)
    assert 1 <= shipped < planned or shipped == planned == 1


@given(quantities=_QUANTITIES.filter(lambda quantities: sum(quantities) > 1))
def test_two_parcels_and_two_confirms_are_two(quantities: list[int]) -> None:
    assert [len(confirm.parcels) for confirm in _always("two_parcels", quantities).confirms] == [2]
    assert [len(confirm.parcels) for confirm in _always("two_confirms", quantities).confirms] == [1, 1]


def test_a_rejected_document_ships_nothing() -> None:
    assert _always("reject", [1]).confirms == ()


def test_the_third_attempt_is_always_shipped_whole() -> None:
    order = replace(_order([2]), attempt=3)
    assert decide(order, Behaviour(reject=1)).kind == "plain"
    assert decide(order, Behaviour(reject=1, never_reject_after=4)).kind == "reject"


def test_the_shares_come_out_as_asked() -> None:
    behaviour = Behaviour(reject=0.1, short=0.2, two_confirms=0.3, two_parcels=0.2)
    kinds = Counter(decide(_order([2, 2], f"FO-{n}"), behaviour).kind for n in range(4_000))
    shares = [kinds[kind] / 4_000 for kind in ("reject", "short", "two_confirms", "two_parcels", "plain")]
    assert shares == pytest.approx([0.1, 0.2, 0.3, 0.2, 0.2], abs=0.03)


@given(quantities=_QUANTITIES, count=st.integers(0, 400))
def test_dividing_loses_nothing(quantities: list[int], count: int) -> None:
    whole = [Pieces(line, line.quantity) for line in _order(quantities).lines]
    first, rest = divide(whole, count)
    assert sum(one.quantity for one in first) == min(count, sum(quantities))
    assert sum(one.quantity for one in first + rest) == sum(quantities)


@given(quantities=_QUANTITIES)
def test_batches_add_up_to_the_line_and_parcels_to_the_confirm(quantities: list[int]) -> None:
    order = _order(quantities)
    confirm = Confirm(divide([Pieces(line, line.quantity) for line in order.lines], sum(quantities) // 2), final=True)
    root = read_request(write_confirm(order, confirm, "B-1", _NOW))
    for line in root.iterfind("orderLines/orderLine"):
        batched = sum(int(text_of(batch, "actualQty")) for batch in line.iterfind("batchs/batch"))
        assert batched == int(text_of(line, "actualQty")) == int(text_of(line, "planQty"))
    packed = sum(int(text_of(item, "quantity")) for item in root.iterfind("packages/package/items/item"))
    assert packed == sum(quantities)


def test_parcels_have_tracking_numbers_of_their_own() -> None:
    order = _order([2])
    bodies = [
        write_confirm(order, confirm, f"WMS1-{n}", _NOW)
        for n, confirm in enumerate(_always("two_confirms", [2]).confirms + _always("two_parcels", [2]).confirms)
    ]
    numbers = [
        text_of(one, "expressCode") for body in bodies for one in read_request(body).iterfind("packages/package")
    ]
    assert len(set(numbers)) == len(numbers) == 4
