"""Polls of stock as a worker takes them on, and what they bring booked."""

from datetime import UTC, datetime, timedelta

from connectors.registry import Registry
from flows.poll import Poller
from flows.receive_stock import ReceiveStock
from hub.database import Database, rows
from hub.inbox import claim
from hub.settings import Settings


def poll(database: Database, settings: Settings, after_s: float = 0) -> int:
    """Take on the polls that are due, a while from now."""
    now = datetime.now(UTC) + timedelta(seconds=after_s)
    poller = Poller(database, Registry(settings), settings, lambda: now, lambda _name, _error, _at: None)
    turns = 0
    while poller.go():
        turns += 1
    return turns


def book(database: Database, settings: Settings) -> list[str]:
    """Work off the inbox, and give the states of its messages."""
    taker, now = ReceiveStock(Registry(settings)), datetime.now(UTC)
    with database.transaction() as session:
        while messages := claim(session, taker.kinds, taker.batch, now):
            taker.handle(session, messages, now)
        return [one.state for one in rows(session, "select state from inbox order by id")]
