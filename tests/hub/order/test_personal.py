from collections.abc import Iterator

from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import rows
from hub.inbox import keep, message_id_of
from hub.order.change.cancel import cancel
from hub.order.model import Buyer
from hub.order.ship.outbound import read_delivery
from hub.order.ship.progress import record_report
from hub.order.trace.timeline import trace
from tests.hub.making import AT, RECEIVER, order, placed, rejection, stock

WORDS = ("金丝雀姓名", "10099998888", "金丝雀昵称", "金丝雀大街99号", "金丝雀备注", "canary-buyer")
PERSON = RECEIVER.model_copy(update={"name": WORDS[0], "phone": f"+86 {WORDS[1]}", "street": WORDS[3]})
ONE = order(
    {"apple": 2}, "T9", receiver=PERSON, buyer=Buyer(ref=WORDS[5], nick=WORDS[2]), remark=f"退款 {WORDS[4]} {WORDS[1]}"
)


def every_text(session: Session) -> Iterator[tuple[str, str]]:
    """Give every row of every table as text, with the table's name."""
    tables = rows(session, "select tablename as name from pg_tables where schemaname = 'public'")
    for table in tables:
        for found in rows(session, f"select whole::text as told from {table.name} as whole"):
            yield table.name, found.told


def live(session: Session) -> int:
    """Take an order through inbox, holds, refusal and cancellation, so that every table has something to leak."""
    stock(session, {"sh": {"apple": 5}, "bj": {"apple": 5}})
    body = ONE.order.model_dump_json().encode()
    keep(session, "mall-pc", "order", message_id_of(body), body, AT)
    free = replace(
        ONE, order=ONE.order.model_copy(update={"external_id": "T10", "remark": "", "freight": 1, "total": 2001})
    )
    held, going = placed(session, ONE), placed(session, free)
    cancel(session, held, "operator-1", "buyer asked", AT)
    return going


def test_no_column_holds_a_word_of_personal_data(session: Session) -> None:
    going = live(session)
    record_report(session, rejection(going, 1), AT)
    leaks = [(table, word) for table, told in every_text(session) for word in WORDS if word in told]
    hexed = [(table, word) for table, told in every_text(session) for word in WORDS if word.encode().hex() in told]
    assert leaks + hexed == []
    assert len({table for table, _ in every_text(session)}) > 15


def test_the_trace_of_an_order_names_nobody(session: Session) -> None:
    told = " ".join(one.model_dump_json() for one in trace(session, live(session)))
    assert "order.place" in told
    assert not [word for word in WORDS if word in told]


def test_a_location_is_told_who_receives(session: Session) -> None:
    receiver = read_delivery(session, live(session), 1, AT).receiver
    assert (receiver.name, receiver.phone, receiver.street) == (WORDS[0], f"+86 {WORDS[1]}", WORDS[3])
