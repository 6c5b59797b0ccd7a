"""Figures for Prometheus: requests as they are answered, and what waits in the tables when somebody asks.

The worker tells its own calls at its own address (flows/watch.py). What waits is the same for every process, so the
API alone tells it. Counts end at hub.load.COUNTED, so that a scrape is cheap whatever waits; see hub/load.py.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from hub.aftersale.queue import waiting_returns
from hub.database import Database, row, rows
from hub.fullness import Full, full_of
from hub.gates import Breaker
from hub.load import COUNTED, backlogs, dead_calls, waiting_messages
from hub.roles import SYSTEM

REQUESTS: Final = Counter("oms_http_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS: Final = Histogram("oms_http_request_seconds", "Time to answer", ["method", "route"])

BREAKERS: Final[Mapping[str, int]] = {Breaker.CLOSED: 0, Breaker.HALF_OPEN: 1, Breaker.OPEN: 2}

POLLED: Final = """select connection, extract(epoch from cast(:at as timestamptz) - last_success_at) as age from poll
                   where name = 'orders' and last_success_at is not null"""


class Depths(Collector):
    """What waits in the tables, and how connections stand, read when scraped."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    def collect(self) -> Iterator[Metric]:
        with self._database.transaction() as session:
            at = self._now()
            yield from _steps(session, at)
            yield from _messages(session, at)
            yield from _connections(session, at)
            yield from _returns(session, at)
            found = row(session, "select count(*) as n from case_file where state = 'open'")
            yield GaugeMetricFamily("oms_cases_open", "Cases that wait for a person", found.n if found else 0)
            full = full_of(session) is not Full.NOTHING
            yield GaugeMetricFamily("oms_hub_full", "1 while callers are told to come back later", float(full))


def _steps(session: Session, at: datetime) -> Iterator[Metric]:
    found = backlogs(session, at)
    yield _by_connection("oms_steps_due", "Calls that are due", {one.connection: one.due for one in found})
    yield _by_connection(
        "oms_steps_oldest_due_seconds",
        "Since when the oldest due call waits",
        {one.connection: _age(one.oldest_due_at, at) for one in found},
    )
    yield _by_connection(
        "oms_steps_in_flight", "Calls that a worker has claimed", {one.connection: one.in_flight for one in found}
    )
    yield _by_connection("oms_steps_dead", "Calls that have failed for good", dead_calls(session))


def _messages(session: Session, at: datetime) -> Iterator[Metric]:
    found = waiting_messages(session)
    total = sum(one.waiting for one in found)
    yield GaugeMetricFamily("oms_inbox_waiting", "Messages not worked off", total)
    yield _by_connection(
        "oms_connection_messages_waiting",
        "Messages of a connection not worked off",
        {one.connection: one.waiting for one in found},
    )
    yield _by_connection(
        "oms_connection_messages_oldest_seconds",
        "Since when the oldest of them waits",
        {one.connection: _age(one.oldest_at, at) for one in found},
    )


def _connections(session: Session, at: datetime) -> Iterator[Metric]:
    gates = rows(session, "select connection, breaker from connection_gate")
    yield _by_connection(
        "oms_breaker_state",
        "0 closed, 1 half open, 2 open",
        {one.connection: BREAKERS[one.breaker] for one in gates},
    )
    healths = rows(session, "select connection, paused_at is not null as paused from connection_health")
    yield _by_connection(
        "oms_connection_paused",
        "1 when nothing of it is sent or asked for",
        {one.connection: one.paused for one in healths},
    )
    polls = rows(session, POLLED, at=at)
    yield _by_connection(
        "oms_poll_age_seconds", "Since a channel last told its orders", {one.connection: one.age for one in polls}
    )


def _returns(session: Session, at: datetime) -> Iterator[Metric]:
    found = waiting_returns(session, SYSTEM, COUNTED)
    yield _by("state", "oms_returns_waiting", "Returns that wait, by state", {one.state: one.n for one in found})
    yield _by(
        "state",
        "oms_returns_oldest_seconds",
        "Since when the oldest of them was asked for",
        {one.state: _age(one.oldest_at, at) for one in found},
    )


def _by_connection(name: str, words: str, values: Mapping[str, float]) -> Metric:
    return _by("connection", name, words, values)


def _by(label: str, name: str, words: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for value, n in sorted(values.items()):
        family.add_metric([value], float(n))
    return family


def _age(since: datetime | None, at: datetime) -> float:
    return max(0.0, (at - since).total_seconds()) if since else 0.0
