"""What keeps an eye on the load: a partner that falls behind is told of, and a hub that is full says so."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from hub.fullness import Full, look
from hub.load import tell_of_backlogs
from hub.settings import Settings

_log = structlog.get_logger()


def watch_backlogs(session: Session, settings: Settings, at: datetime) -> None:
    """Call a person to partners whose calls wait too long, and take that back when they have caught up."""
    brands = {name: one.brand for name, one in settings.connections.items()}
    late, well = tell_of_backlogs(session, brands, timedelta(seconds=settings.limits.backlog_alert_s), at)
    for name, since in late.items():
        _log.warning("backlog", connection=name, oldest_s=int((at - since).total_seconds()))
    for name in well:
        _log.info("backlog.over", connection=name)


def watch_fullness(session: Session, settings: Settings, at: datetime) -> None:
    """See how full the hub is, for those who answer callers."""
    before, now = look(session, settings.limits, at)
    if now is not before:
        (_log.info if now is Full.NOTHING else _log.error)("hub.full", of=now, before=before)
