"""Figures for Prometheus: requests as they are answered, and the depth of the queues when somebody asks."""

from collections.abc import Iterator
from typing import Final

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from hub.database import Database, row, rows

REQUESTS: Final = Counter("oms_http_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS: Final = Histogram("oms_http_request_seconds", "Time to answer", ["method", "route"])


PAUSED: Final = "select connection, (paused_at is not null)::int as value from connection_health"
POLLED: Final = """select connection, extract(epoch from now() - last_success_at) as value from poll
                   where name = 'orders' and last_success_at is not null"""


class Depths(Collector):
    """What waits in the tables, read when scraped: live steps, and by their indexes inbox and cases."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[Metric]:
        with self._database.transaction() as session:
            yield self._steps(session)
            yield _single(session, "oms_inbox_waiting", "Inbox rows not worked off", "inbox where state = 'received'")
            yield _single(session, "oms_cases_open", "Cases that wait for a person", "case_file where state = 'open'")
            yield self._oldest(session)
            yield _by_connection(session, "oms_connection_paused", "1 when nothing of it is sent or asked for", PAUSED)
            yield _by_connection(session, "oms_poll_age_seconds", "Since a channel last told its orders", POLLED)

    def _steps(self, session: Session) -> Metric:
        family = GaugeMetricFamily("oms_steps", "Live steps", labels=["connection", "state"])
        statement = "select connection, state, count(*) as n from step where state <> 'done' group by 1, 2"
        for found in rows(session, statement):
            family.add_metric([found.connection, found.state], found.n)
        return family

    def _oldest(self, session: Session) -> Metric:
        statement = """select coalesce(extract(epoch from now() - min(run_at)), 0) as age from step
                       where state in ('pending', 'unknown') and run_at < now()"""
        found = row(session, statement)
        return GaugeMetricFamily(
            "oms_steps_oldest_due_seconds", "Age of the oldest due step", float(found.age if found else 0)
        )


def _by_connection(session: Session, name: str, words: str, statement: str) -> Metric:
    family = GaugeMetricFamily(name, words, labels=["connection"])
    for found in rows(session, statement):
        family.add_metric([found.connection], float(found.value))
    return family


def _single(session: Session, name: str, words: str, what: str) -> Metric:
    found = row(session, f"select count(*) as n from {what}")
    return GaugeMetricFamily(name, words, found.n if found else 0)
