import pytest
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.errors import Malformed, NeedsOperator, NotFound, Unauthorised
from hub.order.reveal import masked_receiver, personal_values, reveal
from hub.roles import SYSTEM, Actor, Role
from tests.hub.making import AT, RECEIVER, order, placed, stock

OPERATOR = Actor("operator-1", frozenset({Role.OPERATOR}))
SUPERVISOR = Actor("supervisor-1", frozenset({Role.SUPERVISOR}))
OF_OTHER = Actor("supervisor-2", frozenset({Role.SUPERVISOR}), brands=frozenset({"other"}))


@pytest.fixture
def order_id(session: Session) -> int:
    stock(session, {"sh": {"apple": 5}})
    return placed(session, order({"apple": 1}, remark="请放门口"))


def looks(session: Session) -> list[tuple[str, str]]:
    found = rows(session, "select actor, detail from audit_entry where act = 'order.reveal'")
    return [(one.actor, one.detail["reason"]) for one in found]


def test_a_supervisor_sees_the_receiver_and_the_log_keeps_why(session: Session, order_id: int) -> None:
    shown = reveal(session, order_id, SUPERVISOR, "the courier asks, call 10000000001", AT)
    assert (shown.name, shown.phone, shown.street, shown.remark) == (
        RECEIVER.name,
        RECEIVER.phone,
        RECEIVER.street,
        "请放门口",
    )
    assert looks(session) == [("supervisor-1", "the courier asks, call …")]


def test_every_look_is_kept(session: Session, order_id: int) -> None:
    for reason in ("first", "second"):
        reveal(session, order_id, SUPERVISOR, reason, AT)
    assert [reason for _, reason in looks(session)] == ["first", "second"]


def test_who_may_not_or_does_not_say_why_sees_nothing(session: Session, order_id: int) -> None:
    with pytest.raises(Unauthorised):
        reveal(session, order_id, OPERATOR, "curious", AT)
    with pytest.raises(Malformed, match="say why"):
        reveal(session, order_id, SUPERVISOR, " ", AT)
    with pytest.raises(NotFound):
        reveal(session, order_id, OF_OTHER, "not mine", AT)
    assert looks(session) == []


def test_everybody_else_sees_a_masked_receiver(session: Session, order_id: int) -> None:
    shown = masked_receiver(session, order_id, OPERATOR)
    assert (shown.name, shown.phone, shown.street, shown.remark) == ("收**", "100****0001", "***", "***")
    assert looks(session) == []


def test_of_an_erased_buyer_nothing_is_left(session: Session, order_id: int) -> None:
    run(session, "update subject set data_key = null")
    assert masked_receiver(session, order_id, OPERATOR).erased
    assert personal_values(session, order_id, SYSTEM) == []
    with pytest.raises(NeedsOperator, match="erased"):
        reveal(session, order_id, SUPERVISOR, "the courier asks", AT)
