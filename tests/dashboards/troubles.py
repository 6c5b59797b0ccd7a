"""Troubles that the screens of work show: dead calls, parked messages, held orders, each with its case."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from hub.cases import NewCase, open_cases
from hub.database import keyring_of, rows, run
from hub.exchange import Exchange, place, write_exchanges
from hub.inbox import InboxState, keep, read, settle
from hub.order.model import Receiver
from tests.hub.making import BRAND, RECEIVER, add_location, add_sku, order, placed, stock
from tests.staging import CANARY, CANARY_NAME, encoded, order_of

RECEIVER_CANARY: Final = RECEIVER.model_copy(update={"name": CANARY_NAME, "phone": CANARY})
LOST: Final = Receiver(name=CANARY_NAME, phone=CANARY, province="月球", city="静海", street="一号坑")
BODY: Final = encoded({"receiver": {"name": CANARY_NAME, "mobile": CANARY}, "code": "C1"})


def dead(session: Session, at: datetime, number: str = "T1", error: str = "http_400") -> int:
    """Place an order whose delivery was refused for good, and give its step."""
    stock(session, {"sh": {"apple": 100}}, f"ASN-{number}")
    order_id = placed(session, order({"apple": 1}, number, receiver=RECEIVER_CANARY))
    step = rows(
        session,
        """update step set state = 'dead', attempts = 1, token = 1, settled_at = :at, last_error = 'refused'
           where order_id = :id returning id""",
        at=at,
        id=order_id,
    )[0]
    heard = Exchange(request="POST http://wms/r", request_body=BODY, status=400, answer_body=BODY, seconds=0.2)
    run(
        session,
        """insert into attempt (step_id, token, started_at, finished_at, outcome, error_code, error, exchanges)
           values (:id, 1, :at, :later, 'dead', :error, 'refused', :sealed)""",
        id=step.id,
        at=at,
        later=at + timedelta(milliseconds=250),
        error=error,
        sealed=keyring_of(session).seal_body(write_exchanges([heard]), place(step.id, 1)),
    )
    message = "release_fulfilment to wms-sh: refused"
    open_cases(session, [NewCase("step_dead", f"step:{step.id}", BRAND, message, order_id, {"step": step.id})], at)
    return step.id


def parked(session: Session, at: datetime, number: str = "m1", *, cause: str = "unknown_sku", code: str = "new") -> int:
    """Keep an order of mall-pc that waits, and give its inbox row."""
    inbox_id, _ = keep(session, "mall-pc", "order", number, encoded(order_of(number, {"new": 1})), at)
    error = f"nothing in the catalogue is bound to {code}" if cause == "unknown_sku" else "it cannot be read"
    settle(session, read(session, inbox_id), InboxState.PARKED, at, code=cause, error=error)
    case = NewCase(cause, f"inbox:{inbox_id}", BRAND, f"mall-pc: {error}", None, {"inbox": inbox_id})
    open_cases(session, [case], at)
    return inbox_id


def lost(session: Session, number: str = "L1") -> int:
    """Place an order whose address nobody finds."""
    stock(session, {"sh": {"apple": 100}}, f"ASN-{number}")
    return placed(session, order({"apple": 1}, number, receiver=LOST))


def short(session: Session, number: str = "S1") -> int:
    """Place an order for goods that have not come."""
    add_location(session, "sh")
    add_sku(session, "pear")
    return placed(session, order({"pear": 1}, number, receiver=RECEIVER_CANARY))


def case_of(session: Session, cause: str, subject: str = "") -> int:
    """Give the first open case of a cause, or that of a subject."""
    found = rows(
        session,
        """select id from case_file where cause = :cause and state = 'open' and (:subject = '' or subject = :subject)
           order by id limit 1""",
        cause=cause,
        subject=subject,
    )
    return found[0].id
