"""Counts and changes of stock from locations: booked line by line, with a case for what cannot be."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy.orm import Session

from connectors.registry import Registry
from flows.shelves import stands_behind
from hub.cases import open_cases
from hub.errors import NeedsOperator, Rejected
from hub.inbox import InboxState, Message, settle
from hub.inventory.count import CAUSE, Counted, take_report
from hub.inventory.counted import CountReport
from hub.order.posting.unposted import take_erp_report
from hub.order.receive import parked_case
from hub.ports import SaleBook, StockReports

TOLD: Final = 5
"""How many refused lines a case names."""

_log = structlog.get_logger()


class ReceiveStock:
    """Takes inbox messages of the kinds stock_count and stock_change, one a transaction.

    In whatever order they are taken, watermarks tell what is too late, and each line is booked once; so a message of
    which some lines were refused can be replayed once their SKU is there.
    """

    kinds: Sequence[str] = ("stock_count", "stock_change")
    batch: int = 1
    alone: bool = False

    def __init__(self, connectors: Registry) -> None:
        self._connectors = connectors

    def handle(self, session: Session, messages: Sequence[Message], at: datetime) -> None:
        """Book messages; what cannot be booked becomes a case, and the rest of its message is booked."""
        for message in messages:
            try:
                told = self._take(session, message, at)
            except Rejected as error:
                self._park(session, message, error, at)
            else:
                self._settle(session, message, told, at)

    def _take(self, session: Session, message: Message, at: datetime) -> list[Counted]:
        told: list[Counted] = []
        settings = self._connectors.settings_of(message.connection)
        reports, of_erp = self._read(message)
        for report in reports:
            behind = stands_behind(session, message.connection, settings, report.location)
            try:
                with session.begin_nested():
                    taken = (
                        take_erp_report(session, message.connection, behind, report, at)
                        if of_erp
                        else take_report(session, behind, report, at)
                    )
                    told.append(taken)
            except Rejected as error:
                told.append(Counted(0, 0, 0, (f"report {report.report[:60]}: {error.message}",)))
        return told

    def _settle(self, session: Session, message: Message, told: Sequence[Counted], at: datetime) -> None:
        refused = [line for one in told for line in one.refused]
        taken, outdated, repeated = (sum(getattr(one, n) for one in told) for n in ("taken", "outdated", "repeated"))
        counts = {"taken": taken, "outdated": outdated, "repeated": repeated, "refused": len(refused)}
        _log.info("stock.reported", connection=message.connection, inbox=message.id, **counts)
        if refused:
            more = f" and {len(refused) - TOLD} more" if len(refused) > TOLD else ""
            self._park(session, message, Rejected("; ".join(refused[:TOLD]) + more, code=CAUSE), at)
        elif taken or not (outdated or repeated):
            settle(session, message, InboxState.DONE, at)
        else:
            code = "stock_repeated" if repeated else "stock_outdated"
            why = "was taken before" if repeated else "is older than what is known"
            settle(session, message, InboxState.SUPERSEDED, at, code=code, error=f"all of it {why}")

    def _park(self, session: Session, message: Message, error: Rejected, at: datetime) -> None:
        settle(session, message, InboxState.PARKED, at, code=error.code, error=error.message)
        brand = self._connectors.brand_of(message.connection)
        open_cases(session, [parked_case(message, error, brand)], at)

    def _read(self, message: Message) -> tuple[Sequence[CountReport], bool]:
        """Read a message's reports, and whether they are an ERP's, which may not know yet of goods that have left."""
        desk = self._connectors.get(message.connection)
        if not isinstance(desk, StockReports):
            raise NeedsOperator(f"{message.connection} does not report stock", code="wrong_kind")
        read = desk.read_counts if message.kind == "stock_count" else desk.read_changes
        return read(message.body, message.received_at), isinstance(desk, SaleBook)
