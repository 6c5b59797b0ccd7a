"""Whatever is placed, cancelled and closed: what a limited strategy has counted is what orders keep of it."""

from datetime import timedelta
from typing import Literal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.database import KEYRING, Database, row, rows
from hub.order.change.cancel import cancel
from hub.order.change.expire import Terms, expire
from hub.order.model import Buyer
from tests.conftest import RING
from tests.hub.gift.giving import given as counted
from tests.hub.gift.giving import put_in_force
from tests.hub.making import AT, order, placed, stock
from tests.scale import count

FIRST, PIECES = 4, 7
Act = tuple[Literal["buy", "owe", "cancel", "close"], int]
ACTS = st.lists(
    st.tuples(st.sampled_from(["buy", "buy", "owe", "cancel", "close"]), st.integers(0, 3)), min_size=1, max_size=12
)


def act(session: Session, what: str, no: int, ids: list[int]) -> None:
    """Let one of four buyers buy some pieces, paid or not; cancel an order; or close those that are unpaid."""
    if what in {"buy", "owe"}:
        changes = {"buyer": Buyer(ref=f"b{no}")} | ({"paid_at": None} if what == "owe" else {})
        ids.append(placed(session, order({"tea": no + 1}, f"T{len(ids)}", **changes)))
    elif what == "close":
        expire(session, {"mall-pc": Terms(timedelta(minutes=30), told=False)}, AT + timedelta(days=1))
    elif ids:
        cancel_open(session, ids[no % len(ids)])


def cancel_open(session: Session, order_id: int) -> None:
    found = row(session, "select lifecycle from sales_order where id = :id", id=order_id)
    if found and found.lifecycle not in {"closed", "cancelled"}:
        cancel(session, order_id, "tester", "wish", AT)


@given(ACTS, st.booleans())
@settings(max_examples=count(15, 200, 5), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_counted_is_what_orders_keep(scratch: Database, acts: list[Act], once: bool) -> None:  # noqa: FBT001 # drawn
    with Session(scratch.engine, expire_on_commit=False, info={KEYRING: RING}) as session:
        stock(session, {"sh": {"tea": 99, "cup": 99}})
        put_in_force(session, first_orders=FIRST, most_pieces=PIECES, min_pieces=1, most_times=9, once_per_member=once)
        ids: list[int] = []
        for what, no in acts:
            act(session, what, no, ids)
            kept = rows(
                session,
                """select d.pieces, o.subject_id from gift_decision d join sales_order o on o.id = d.order_id
                   where d.verdict = 'given' and o.lifecycle not in ('cancelled', 'closed')""",
            )
            assert counted(session) == (len(kept), sum(one.pieces for one in kept))
            assert len(kept) <= FIRST
            assert sum(one.pieces for one in kept) <= PIECES
            assert not once or len({one.subject_id for one in kept}) == len(kept)
