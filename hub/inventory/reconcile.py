"""Reconcile stock once a day: a counter that is not the sum of its movements calls a person."""

from datetime import datetime
from typing import Final

import structlog
from sqlalchemy.orm import Session

from hub.cases import NewCase, open_cases
from hub.inventory.ledger import drift

CAUSE: Final = "stock_drift"

_log = structlog.get_logger()


def reconcile(session: Session, at: datetime) -> int:
    """Open a case for each counter that differs from its ledger, and give how many do."""
    found = drift(session)
    cases = [NewCase(CAUSE, f"stock:{one.key.sku} at {one.key.location}", "", str(one)) for one in found]
    if cases:
        _log.error("stock.drift", counters=len(cases))
    open_cases(session, cases, at)
    return len(cases)
