"""End a fulfilment order before all of it has left: rejected by its location, or cancelled by us."""

from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import row, rows, run
from hub.errors import NotFound
from hub.fulfilment.release import NewLine, code_of
from hub.fulfilment.status import ENDED, Execution, Negotiation, negotiate
from hub.inventory.ledger import StockKey
from hub.inventory.lot_named import let_go
from hub.inventory.reserve import Claim, release


class Standing:
    """A fulfilment order under lock: where it stands and what is still open of it."""

    def __init__(self, session: Session, order_id: int, no: int) -> None:
        """Lock it. The order's own row must be locked already.

        Raises: NotFound.
        """
        found = row(
            session,
            """select brand, code, location, connection, owner, attempt, execution, negotiation, partner_id
               from fulfilment_order where order_id = :order_id and no = :no for update""",
            order_id=order_id,
            no=no,
        )
        if found is None:
            raise NotFound(f"there is no fulfilment order {code_of(order_id, no)}", code="unknown_document")
        self.session, self.order_id, self.no = session, order_id, no
        self.brand: str = found.brand
        self.code: str = found.code
        self.location: str = found.location
        self.connection: str = found.connection
        self.owner: str = found.owner
        self.attempt: int = found.attempt
        self.execution = Execution(found.execution)
        self.negotiation = Negotiation(found.negotiation)

    @property
    def ended(self) -> bool:
        return self.execution in ENDED

    def open_lines(self) -> list[NewLine]:
        """Give the pieces that are reserved here and have not left."""
        return [line for line in self.lines() if line.quantity]

    def lines(self) -> list[NewLine]:
        """Give every line, with its pieces that are reserved here and have not left: none of one that is full."""
        found = rows(
            self.session,
            """select line_no, sku, quantity - shipped - released as open from fulfilment_line
               where order_id = :order_id and no = :no order by line_no""",
            order_id=self.order_id,
            no=self.no,
        )
        return [NewLine(line.line_no, line.sku, line.open) for line in found]

    def agree(self, negotiation: Negotiation, at: datetime, execution: Execution | None = None) -> None:
        """Record what hub and location have agreed.

        Raises: Conflict when the axis does not allow it.
        """
        self.negotiation = negotiate(self.negotiation, negotiation)
        self.execution = execution or self.execution
        run(
            self.session,
            """update fulfilment_order set negotiation = :negotiation, execution = :execution, version = version + 1,
                                           updated_at = :at
               where order_id = :order_id and no = :no""",
            negotiation=self.negotiation,
            execution=self.execution,
            at=at,
            order_id=self.order_id,
            no=self.no,
        )


def end(standing: Standing, negotiation: Negotiation, execution: Execution, reason: str, at: datetime) -> list[NewLine]:
    """Give back what a fulfilment order still reserves, and give those lines, for whoever finds them a new source.

    Raises: Conflict when the axis does not allow it.
    """
    lines = standing.open_lines()
    standing.agree(negotiation, at, execution)
    key = {"order_id": standing.order_id, "no": standing.no}
    run(
        standing.session,
        "update fulfilment_order set reason = :why where order_id = :order_id and no = :no",
        why=reason,
        **key,
    )
    run(
        standing.session,
        "update fulfilment_line set released = quantity - shipped where order_id = :order_id and no = :no",
        **key,
    )
    claims = [
        Claim(
            f"fo:{standing.code}:{line.line_no}", StockKey(standing.location, line.sku, standing.owner), line.quantity
        )
        for line in lines
    ]
    release(standing.session, claims, at)
    let_go(standing.session, standing.order_id, standing.no)  # its counters are locked: no report names more meanwhile
    return lines
