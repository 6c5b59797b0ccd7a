"""Returns and cancellations of one order in any sequence, over the real tables: pieces and money come out exact."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from commands.conservation import RULES
from hub.aftersale.ask import ask_return
from hub.aftersale.room import rooms_of
from hub.aftersale.status import Fault, ReturnKind
from hub.aftersale.wish import Wish
from hub.database import KEYRING, Database, rows
from hub.errors import Conflict
from hub.inventory.ledger import drift
from hub.order.ship.progress import record_confirm
from tests.conftest import RING
from tests.hub.aftersale.returning import TERMS, WHO, approve_return, arrive, refunded
from tests.hub.making import AT, add_sku, confirm, coupon, order, placed, stock
from tests.hub.order.changing import cut
from tests.scale import count

GOODS = {"apple": 8, "pear": 2}
"""What two boxes of three apples and a pear, and two apples more, are made of."""

PARTS = st.tuples(st.sampled_from(["L1", "L2", "L1/apple", "L1/pear"]), st.integers(1, 3), st.sampled_from(ReturnKind))


@given(
    shipped=st.sampled_from([(0, 0), (8, 2), (2, 0), (3, 1), (6, 2), (7, 2), (5, 1), (4, 1), (8, 1), (6, 1)]),
    cut_at=st.integers(0, 4),
    wishes=st.lists(PARTS, max_size=6),
    faults=st.sets(st.sampled_from(Fault), min_size=1),
)
@settings(max_examples=count(25, 400, quick=5), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.timeout(1_800)
def test_whatever_comes_back_whenever_the_order_gives_back_what_was_paid(
    scratch: Database,
    shipped: tuple[int, int],
    cut_at: int,
    wishes: Sequence[tuple[str, int, ReturnKind]],
    faults: set[Fault],
) -> None:
    with Session(scratch.engine, expire_on_commit=False, info={KEYRING: RING}) as session:
        stock(session, {"sh": dict.fromkeys(GOODS, 20)})
        add_sku(session, "box", parts={"apple": 3, "pear": 1})
        wish = order({"box": 2, "apple": 2}, adjustments=(coupon(701), coupon(33, "L2")), freight=600)
        order_id = placed(session, wish)
        left = {sku: n for sku, n in zip(GOODS, shipped, strict=True) if n}
        record_confirm(session, confirm(order_id, 1, left), AT)
        turn = iter(sorted(faults) * 9)
        for place, (line, n, kind) in enumerate(wishes):
            if place == cut_at:
                cancel_rest(session, order_id)
            take_back(session, order_id, [(line, n)], kind, next(turn))
        cancel_rest(session, order_id)
        check(session)
        while rest := [(one.line_no, one.goods, one.money) for one in rooms_of(session, order_id) if one.money]:
            take_rest(session, order_id, rest, next(turn))
        check(session)
        paid = sum(amount for amount, _ in refunded(session))
        if any(
            one.shipped + one.cancelled < one.ordered for one in rooms_of(session, order_id) if one.kind != "bundle"
        ):
            assert paid < wish.order.total - 600  # parts of a box that nobody has are open: somebody decides
        else:
            assert paid == wish.order.total - (600 if "buyer" in faults_of(session) else 0)
            assert given_back(session) == {1: 701, 2: 33}
        session.rollback()


def cancel_rest(session: Session, order_id: int) -> None:
    """Cancel whatever has not left, line by line."""
    for line, n in (("L1", 2), ("L2", 2)):
        for some in range(n, 0, -1):
            try:
                with session.begin_nested():
                    cut(session, order_id, **{line: some})
            except Conflict:
                continue
            break


def take_back(
    session: Session, order_id: int, lines: Sequence[tuple[str, int]], kind: ReturnKind, fault: Fault
) -> None:
    """Have pieces come back if they can; goods arrive in two documents, one of them twice."""
    try:
        with session.begin_nested():
            no = ask_return(session, order_id, Wish(kind, lines, fault), WHO, TERMS, AT)
    except Conflict:
        return
    approve_return(session, order_id, no, WHO, AT)
    if kind is ReturnKind.RETURN_REFUND:
        coming = rows(
            session,
            """select sku, sum(asked)::bigint as n from return_line join order_line using (order_id, line_no)
               where no = :no group by sku""",
            no=no,
        )
        goods = Counter({one.sku: one.n for one in coming})
        arrive(session, order_id, no, dict.fromkeys(goods, 1), "first", final=False)
        for _ in range(2):
            arrive(session, order_id, no, {sku: n - 1 for sku, n in goods.items()}, "rest")


def take_rest(session: Session, order_id: int, rest: Sequence[tuple[int, int, int]], fault: Fault) -> None:
    """Give the money back for one more line."""
    by_no = {one.line_no: one for one in rooms_of(session, order_id)}
    line = by_no[rest[0][0]]
    name = f"{line.line_id}/{line.sku}" if line.parent_no else line.line_id
    take_back(session, order_id, [(name, rest[0][2])], ReturnKind.REFUND_ONLY, fault)


def faults_of(session: Session) -> set[str]:
    return {one.fault for one in rows(session, "select fault from return_case")}


def given_back(session: Session) -> dict[int, int]:
    """Give what of each reduction fell away."""
    found = rows(
        session,
        """select cast(one.key as bigint) as no, sum(cast(one.value as bigint))::bigint as n
           from refund_line cross join lateral jsonb_each_text(reductions) one group by 1""",
    )
    return {one.no: one.n for one in found}


def check(session: Session) -> None:
    assert drift(session) == []
    for rule in ("what came back is what returns took in", "what returns refund is the share of their pieces"):
        assert rows(session, RULES[rule]) == []
