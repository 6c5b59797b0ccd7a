"""Acknowledge a stock alert: somebody sees to it, and the others need not."""

from datetime import datetime

from sqlalchemy.orm import Session

from hub.audit import record
from hub.database import row, run
from hub.errors import Conflict, NotFound
from hub.inventory.alert_table import AlertState
from hub.roles import Actor, Permission
from hub.scope import scope


def acknowledge(session: Session, actor: Actor, alert_id: int, at: datetime) -> None:
    """Write down that an actor sees to an open alert; it stays open until there is stock again.

    Raises: Unauthorised; NotFound, also for another brand's; Conflict when it is over, or somebody sees to it already.
    """
    actor.require(Permission.WORK_ORDERS)
    values = scope(actor)
    found = row(
        session,
        """select brand, sku, location, state, acknowledged_by from stock_alert
           where id = :id and (:every_brand or brand = any(:brands)) for update""",
        id=alert_id,
        every_brand=values["every_brand"],
        brands=values["brands"],
    )
    if found is None:
        raise NotFound(f"there is no alert {alert_id}", code="unknown_alert")
    actor.require_scope(found.brand, "")
    if found.state != AlertState.OPEN:
        raise Conflict("this alert is over", code="alert_state")
    if found.acknowledged_by is not None:
        raise Conflict(f"{found.acknowledged_by} sees to it already", code="alert_state")
    statement = "update stock_alert set acknowledged_at = :at, acknowledged_by = :who where id = :id"
    run(session, statement, at=at, who=actor.name, id=alert_id)
    record(session, at, actor.name, "stock.acknowledge", f"sku:{found.sku}", location=found.location, alert=alert_id)
