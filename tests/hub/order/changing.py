"""What tests of changes need: authors, wishes, and locations that answer."""

from typing import Any, Final

from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.fulfilment.model import CancelAnswer
from hub.fulfilment.release import mark_submitted
from hub.order.change.begin import change
from hub.order.change.revision import Author, Contents, Wish
from hub.order.change.table import Charge
from hub.order.change.wanted import WantedLine, pieces_of, wish_lines
from hub.order.model import Receiver
from hub.order.ship.together import book_cancel_answer
from tests.hub.making import AT, RECEIVER

BY: Final = Author("operator-1", "the buyer asked")
BEIJING: Final = RECEIVER.model_copy(
    update={"name": "收件人乙", "province": "北京市", "city": "北京市", "county": "朝阳区", "street": "新路9号"}
)


def send(session: Session, order_id: int) -> None:
    """Do what the engine does when locations have taken over whatever documents wait for them."""
    waiting = """select f.no from fulfilment_order f join step s on s.lane = 'fo:' || f.code || ':' || f.connection
                 where f.order_id = :id and s.flow = 'release_fulfilment' and s.state in ('pending', 'waiting')"""
    nos = [one.no for one in rows(session, waiting, id=order_id)]
    run(
        session,
        """update step set state = 'done', attempts = 1, settled_at = :at
           where order_id = :id and flow = 'release_fulfilment' and state in ('pending', 'waiting')""",
        at=AT,
        id=order_id,
    )
    for no in nos:
        mark_submitted(session, order_id, no, f"W{no}", AT)


def cut(session: Session, order_id: int, **lines: int) -> str:
    wish = Wish(pieces=pieces_of(session, order_id, lines))
    return change(session, order_id, wish, BY, AT)


def want(session: Session, order_id: int, *lines: WantedLine, charge: Charge = Charge.PAY) -> str:
    pieces, added = wish_lines(session, order_id, lines)
    return change(session, order_id, Wish(pieces=pieces, added=added, charge=charge), BY, AT)


def refunds(session: Session) -> list[tuple[int, int, str]]:
    """Give amount, what of it was set off, and the state of every refund."""
    return [tuple(one) for one in rows(session, "select amount, set_off, state from refund_due order by no")]


def dues(session: Session) -> list[tuple[int, int, str]]:
    """Give amount, what of it was set off, and the state of everything that was to be paid more."""
    return [tuple(one) for one in rows(session, "select amount, set_off, state from amount_due order by no")]


def move(session: Session, order_id: int, receiver: Receiver = BEIJING) -> str:
    return change(session, order_id, Wish(contents=Contents(receiver=receiver)), BY, AT)


def answer(session: Session, order_id: int, no: int, *, stopped: bool) -> None:
    run(session, "update step set state = 'done', settled_at = :at where flow = 'cancel_fulfilment'", at=AT)
    book_cancel_answer(session, order_id, no, CancelAnswer(stopped=stopped, reason="" if stopped else "已拣货"), AT)


def revision(session: Session, order_id: int) -> Any:  # noqa: ANN401 # a row
    return rows(session, "select * from order_revision where order_id = :id order by no desc", id=order_id)[0]
