"""What tests of returns need: orders that have left, wishes, and goods that arrive."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy.orm import Session

from hub.aftersale.ask import ask_return
from hub.aftersale.decide import approve_return
from hub.aftersale.model import Arrived, Goods
from hub.aftersale.receive import receive_return
from hub.aftersale.status import Fault, ReturnKind
from hub.aftersale.wish import Terms, Wish
from hub.database import Database, rows
from hub.errors import Conflict
from hub.inventory.condition import Condition
from hub.order.model import ShopOrder
from hub.order.ship.progress import record_confirm
from tests.hub.making import AT, confirm, placed

WHO: Final = "operator-1"
TERMS: Final = Terms()


def sent(session: Session, wish: ShopOrder, pieces: Mapping[str, int], **changes: Any) -> int:  # noqa: ANN401 # as `confirm`
    """Place an order, have its first location ship pieces by SKU, and give the order's id."""
    order_id = placed(session, wish)
    record_confirm(session, confirm(order_id, 1, pieces, **changes), AT)
    return order_id


def ask(
    session: Session,
    order_id: int,
    lines: Mapping[str, int],
    *,
    kind: ReturnKind = ReturnKind.RETURN_REFUND,
    fault: Fault = Fault.BUYER,
) -> int:
    return ask_return(session, order_id, Wish(kind, list(lines.items()), fault, "wrong size"), WHO, TERMS, AT)


def granted(session: Session, order_id: int, lines: Mapping[str, int], **more: Any) -> int:  # noqa: ANN401 # as `ask`
    no = ask(session, order_id, lines, **more)
    approve_return(session, order_id, no, WHO, AT)
    return no


def goods(pieces: Mapping[str, int], condition: Condition = Condition.SALEABLE) -> tuple[Goods, ...]:
    return tuple(Goods(sku=sku, pieces=n, condition=condition) for sku, n in pieces.items())


def arrive(
    session: Session,
    order_id: int,
    no: int,
    pieces: Mapping[str, int],
    document: str = "d1",
    **changes: Any,  # noqa: ANN401 # any field of what arrived
) -> str:
    values: dict[str, Any] = {"document": document, "goods": goods(pieces), **changes}
    return receive_return(session, order_id, no, Arrived(**values), WHO, AT)


def back(session: Session, order_id: int, lines: Mapping[str, int], pieces: Mapping[str, int], **more: Any) -> int:  # noqa: ANN401 # as `ask`
    """Have pieces come back as they were asked for."""
    no = granted(session, order_id, lines, **more)
    arrive(session, order_id, no, pieces)
    return no


def refunded(session: Session) -> list[tuple[int, int]]:
    """Give amount and freight of every refund, the first first."""
    return [tuple(one) for one in rows(session, "select amount, freight from refund_due order by order_id, no")]


def returned(session: Session, order_id: int) -> list[int]:
    statement = "select returned from order_line where order_id = :id and kind <> 'bundle' order by line_no"
    return [one.returned for one in rows(session, statement, id=order_id)]


def levels(session: Session, location: str, sku: str) -> dict[str, int]:
    """Give what is on hand of a SKU by condition."""
    statement = "select condition, on_hand from stock_level where location = :location and sku = :sku"
    return {one.condition: one.on_hand for one in rows(session, statement, location=location, sku=sku)}


def at_once(database: Database, *acts: Callable[[Session], object]) -> list[str]:
    """Do things in a transaction each, at once; give what each came to: done, or the code it was refused with."""
    came: list[str] = []
    begin = threading.Barrier(len(acts))

    def run(act: Callable[[Session], object]) -> None:
        begin.wait()
        try:
            with database.transaction() as session:
                act(session)
        except Conflict as error:
            came.append(error.code)
        else:
            came.append("done")

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return sorted(came)
