"""What holds whatever is placed, merged, cancelled, shipped, cut short and refused, in any order."""

from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.database import KEYRING, Database, rows
from hub.inventory.ledger import drift
from tests.conftest import RING
from tests.hub.merge.floor import Floor
from tests.hub.merge.laws import LINES, LOST, OUTSIDERS, STRANGERS
from tests.scale import count

Act = tuple[str, dict[str, Any]]
"""An act of the floor, with its arguments."""

placing: st.SearchStrategy[Act] = st.tuples(
    st.just("place"),
    st.fixed_dictionaries(
        {
            "shop": st.sampled_from([0, 0, 1, 1, 2]),
            "phone": st.sampled_from([0, 0, 1]),
            "apples": st.integers(1, 3),
            "pears": st.integers(1, 3),
        }
    ),
)
acts: st.SearchStrategy[Act] = st.one_of(
    placing,
    st.tuples(st.sampled_from(["wait", "send"]), st.just({})),
    st.tuples(
        st.just("ship"),
        st.fixed_dictionaries(
            {
                "which": st.integers(0, 5),
                "pieces": st.integers(0, 3),
                "final": st.booleans(),
                "by_line": st.booleans(),
            }
        ),
    ),
    st.tuples(st.just("reject"), st.fixed_dictionaries({"which": st.integers(0, 5)})),
    st.tuples(st.just("cut"), st.fixed_dictionaries({"which": st.integers(0, 9)})),
    st.tuples(st.just("cancel"), st.fixed_dictionaries({"which": st.integers(0, 9)})),
    st.tuples(st.just("answer"), st.fixed_dictionaries({"stopped": st.booleans()})),
)


def check(floor: Floor) -> None:
    session = floor.session
    assert drift(session) == []
    for line in rows(session, LINES):
        assert line.allocated == line.open
        assert line.shipped == line.left == line.parcelled == floor.left[line.external_id, line.sku]
        assert line.allocated + line.shipped + line.cancelled <= line.ordered
    assert rows(session, STRANGERS)[0].n == rows(session, OUTSIDERS)[0].n == 0
    assert rows(session, LOST) == []
    assert all(group == sorted(group) for group in floor.groups())


@pytest.mark.timeout(1_800)
@settings(max_examples=count(8, 200, 4))
@given(first=st.lists(placing, min_size=2, max_size=5), plan=st.lists(acts, min_size=6, max_size=24))
def test_pieces_are_conserved_and_each_order_is_told_exactly_what_left_for_it(
    scratch: Database, first: list[Act], plan: list[Act]
) -> None:
    with Session(scratch.engine, expire_on_commit=False, info={KEYRING: RING}) as session:
        floor = Floor(session)
        for n, (name, values) in enumerate([*first, ("wait", {}), *plan]):
            getattr(floor, name)(**values)
            if n % 4 == 0:
                check(floor)
        check(floor)
        floor.drain()
        check(floor)
        assert floor.groups() == []
        assert floor.documents == {}
        event(f"documents of several orders: {min(floor.merged, 4)}")
