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

LINES = """select o.external_id, l.order_id, l.line_no, l.sku, l.ordered, l.allocated, l.shipped, l.cancelled,
                  coalesce(sum(f.quantity - f.shipped - f.released), 0) as open, coalesce(sum(f.shipped), 0) as left,
                  coalesce((select sum(quantity) from parcel_line p
                            where (p.order_id, p.line_no) = (l.order_id, l.line_no)), 0) as parcelled
           from sales_order o join order_line l on l.order_id = o.id
           left join fulfilment_line f using (order_id, line_no)
           group by o.external_id, l.order_id, l.line_no"""

STRANGERS = """select count(*) as n from merge_member m join merge_member other using (group_id)
               join merge_recipient a on a.order_id = m.order_id join merge_recipient b on b.order_id = other.order_id
               join fulfilment_order f on (f.order_id, f.no) = (m.order_id, m.no)
               join fulfilment_order g on (g.order_id, g.no) = (other.order_id, other.no)
               join sales_order o on o.id = m.order_id join sales_order p on p.id = other.order_id
               where a.key <> b.key or o.phone_index <> p.phone_index
                  or (f.location, f.owner, f.courier) <> (g.location, g.owner, g.courier)
                  or (m.order_id = other.order_id and m.no <> other.no)"""

OUTSIDERS = """select count(*) as n from merge_member m join sales_order o on o.id = m.order_id where o.shop = 'app'"""

LOST = """select f.code from fulfilment_order f
          left join merge_member m on (m.order_id, m.no) = (f.order_id, f.no) and m.left_at is null
          left join merge_group g on g.id = m.group_id
          where f.negotiation = 'unsubmitted' and f.execution in ('open', 'scheduled')
            and (select count(*) from merge_wait w where (w.order_id, w.no) = (f.order_id, f.no))
              + (select count(*) from step s where s.flow = 'release_fulfilment' and s.state = 'pending'
                   and s.lane = 'fo:' || coalesce(g.code, f.code) || ':' || f.connection) <> 1"""


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
