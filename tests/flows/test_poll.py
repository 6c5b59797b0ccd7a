from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import final

import pytest

from connectors.registry import Registry
from flows.poll import Poller
from hub.access import Token
from hub.audience import audience_of
from hub.connections import paused, resume
from hub.database import Database, row, rows
from hub.errors import HubError, Misconfigured, NeedsOperator, NotFound, TryLater
from hub.exchange import Exchange, note
from hub.polls import HINTS, ORDERS, PROBE, TOKEN, hasten_poll
from hub.ports import Fetched, Hinted
from hub.settings import Connection, Polls, Settings
from hub.tokens import exchange_token, find_token, store_token
from tests.hub.making import AT, open_causes

CONNECTIONS = {
    "tmall": Connection(kind="channels.x", brand="demo", shop="tm"),
    "sap": Connection(kind="erp.y", brand="demo"),
    "kdniao": Connection(kind="couriers.z", brand="demo"),
}
SETTINGS = Settings(connections=CONNECTIONS, polls=Polls(orders_s=60, hints_s=2, token_s=30, overlap_s=10))
FRESH = Token(access="second", refresh="r2", expires_at=AT + timedelta(days=30))


def message(number: int) -> Fetched:
    return Fetched(kind="order", message_id=f"T{number}:1", body=b"{}")


Page = Sequence[Fetched] | HubError | Callable[[], Sequence[Fetched]]


@final
@dataclass
class FakeChannel:
    """A channel that gives what its script holds, and remembers what it was asked."""

    window: timedelta = timedelta(hours=6)
    lag: timedelta = timedelta(0)
    pages: list[Page] = field(default_factory=list[Page])
    hinted: list[Hinted] = field(default_factory=list[Hinted])
    spans: list[tuple[datetime, datetime]] = field(default_factory=list[tuple[datetime, datetime]])
    confirmed: list[str] = field(default_factory=list[str])
    token_error: HubError | None = None
    unwell: HubError | None = None
    probed: int = 0

    def fetch_orders(self, since: datetime, until: datetime) -> Iterator[Sequence[Fetched]]:
        self.spans.append((since, until))
        note(Exchange(request="POST", request_body=b"", status=200, answer_body=b"", seconds=0))
        while self.pages:
            page = self.pages.pop(0)
            if isinstance(page, HubError):
                raise page
            if callable(page):
                page = page()
            yield page

    def fetch_hinted(self) -> Hinted:
        return self.hinted.pop(0) if self.hinted else Hinted(messages=(), receipts=())

    def confirm_hints(self, receipts: Sequence[str]) -> None:
        self.confirmed += receipts

    def refresh_token(self, token: Token) -> Token:
        if self.token_error:
            raise self.token_error
        return FRESH.model_copy(update={"refresh": token.refresh + "+"})

    def probe(self) -> None:
        self.probed += 1
        if self.unwell:
            raise self.unwell


@final
class Stage:
    """A poller over one fake channel, and the clock in a test's hands."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.database, self.now, self.channel = database, AT, FakeChannel()
        self.heard: list[tuple[str, HubError | None]] = []
        registry = Registry(SETTINGS)
        monkeypatch.setattr(registry, "get", self._partner)
        self.poller = Poller(
            database, registry, SETTINGS, lambda: self.now, lambda name, error, _at: self.heard.append((name, error))
        )

    def _partner(self, connection: str) -> object:
        if connection != "tmall":
            raise NotFound("not in this test")
        return self.channel

    def go(self, seconds: float = 0) -> int:
        """Let some time pass, then take on everything that is due."""
        self.now += timedelta(seconds=seconds)
        turns = 0
        while self.poller.go():
            turns += 1
        return turns

    def kept(self) -> list[str]:
        with self.database.transaction() as session:
            return [one.message_id for one in rows(session, "select message_id from inbox order by id")]

    def poll(self, name: str) -> tuple[datetime, datetime, int, str]:
        with self.database.transaction() as session:
            statement = "select run_at, watermark, failures, last_error from poll where name = :name"
            found = row(session, statement, name=name)
        assert found is not None
        return found.run_at, found.watermark, found.failures, found.last_error


@pytest.fixture
def stage(database: Database, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(database, monkeypatch)


def test_a_new_connection_looks_back_window_by_window_until_it_has_caught_up(stage: Stage) -> None:
    stage.go()
    assert stage.channel.spans[0][0] == AT - timedelta(hours=24, seconds=10)
    assert all(until - since <= stage.channel.window for since, until in stage.channel.spans)
    assert stage.channel.spans[-1][1] == AT
    assert stage.poll(ORDERS)[:2] == (AT + timedelta(seconds=60), AT)


def test_a_window_begins_a_little_before_the_last_one_ended(stage: Stage) -> None:
    stage.go()
    stage.go(60)
    assert stage.channel.spans[-1] == (AT - timedelta(seconds=10), AT + timedelta(seconds=60))


def test_a_window_ends_where_the_channel_has_settled_and_the_next_begins_there(stage: Stage) -> None:
    stage.channel.lag = timedelta(seconds=90)
    stage.go()
    assert (stage.channel.spans[-1][1], stage.poll(ORDERS)[1]) == (AT - timedelta(seconds=90),) * 2
    stage.go(60)
    assert stage.channel.spans[-1] == (AT - timedelta(seconds=100), AT - timedelta(seconds=30))


def test_every_page_is_kept_and_a_message_comes_once(stage: Stage) -> None:
    stage.channel.pages = [[message(1), message(2)], [message(2), message(3)]]
    stage.go()
    assert stage.kept() == ["T1:1", "T2:1", "T3:1"]


def test_a_window_that_breaks_off_is_asked_for_again_as_a_whole(stage: Stage) -> None:
    stage.go()
    stage.channel.pages = [[message(1)], TryLater("busy", after_s=5)]
    stage.go(60)
    assert (stage.kept(), stage.poll(ORDERS)[1]) == (["T1:1"], AT)
    assert stage.poll(ORDERS)[2:] == (1, "try_later: busy")
    stage.go(6)
    assert stage.channel.spans[-1][0] == AT - timedelta(seconds=10)


def test_hints_are_confirmed_when_they_are_kept(stage: Stage) -> None:
    stage.channel.hinted = [Hinted(messages=(message(7),), receipts=("r7",)), Hinted(messages=(), receipts=("r8",))]
    stage.go()
    assert (stage.kept(), stage.channel.confirmed) == (["T7:1"], ["r7", "r8"])
    assert stage.poll(HINTS)[0] == AT + timedelta(seconds=2)


def test_a_token_is_exchanged_before_it_ends(stage: Stage, database: Database) -> None:
    with database.transaction() as session:
        old = Token(access="first", refresh="r1", expires_at=AT + timedelta(hours=2))
        store_token(session, "tmall", old, AT - timedelta(days=1))
    stage.go()
    with database.transaction() as session:
        assert find_token(session, "tmall") == old
    stage.go(3700)
    with database.transaction() as session:
        assert find_token(session, "tmall") == FRESH.model_copy(update={"refresh": "r1+"})


def test_a_token_that_is_refused_is_exchanged_at_once(stage: Stage, database: Database) -> None:
    with database.transaction() as session:
        old = Token(access="first", refresh="r1", expires_at=AT + timedelta(days=30))
        store_token(session, "tmall", old, AT - timedelta(days=1))
    stage.channel.pages = [TryLater("session", code="token_expired")]
    stage.go()
    with database.transaction() as session:
        found = find_token(session, "tmall")
    assert found is not None
    assert found.access == "second"


def test_a_refused_credential_pauses_the_connection_until_a_person_lets_it_go_on(
    stage: Stage, database: Database
) -> None:
    stage.channel.pages = [Misconfigured("app key")]
    stage.go()
    with database.transaction() as session:
        assert paused(session) == ["tmall"]
    asked = len(stage.channel.spans)
    stage.go(600)
    assert len(stage.channel.spans) == asked
    with database.transaction() as session:
        resume(session, "tmall", "tester", "key renewed", stage.now)
    stage.go(600)
    assert len(stage.channel.spans) > asked


def test_a_sign_of_life_is_asked_for_only_when_a_person_wishes(stage: Stage, database: Database) -> None:
    stage.go()
    stage.go(86_400)
    assert stage.channel.probed == 0
    with database.transaction() as session:
        hasten_poll(session, "tmall", PROBE, stage.now)
    stage.go()
    assert stage.channel.probed == 1


def test_a_sign_of_life_that_failed_is_told_and_not_asked_for_again(stage: Stage, database: Database) -> None:
    stage.channel.unwell = TryLater("maintenance")
    stage.go()
    with database.transaction() as session:
        hasten_poll(session, "tmall", PROBE, stage.now)
    stage.go()
    stage.go(86_400)
    assert (stage.channel.probed, stage.poll(PROBE)[3]) == (1, "try_later: maintenance")


def test_what_a_poll_met_is_heard(stage: Stage) -> None:
    stage.go()
    stage.channel.pages = [TryLater("busy")]
    stage.go(60)
    assert ("tmall", None) in stage.heard
    assert any(error is not None and error.code == "try_later" for _, error in stage.heard)


def test_a_look_that_called_nobody_is_not_heard(stage: Stage, database: Database) -> None:
    with database.transaction() as session:
        store_token(session, "tmall", FRESH, AT)
    stage.go()
    assert len(stage.heard) == len(stage.channel.spans)


def test_an_answer_that_nobody_thought_of_ends_one_turn_and_no_worker(stage: Stage, database: Database) -> None:
    stage.channel.pages = [_nonsense]
    stage.go()
    assert stage.poll(ORDERS)[2:] == (1, "our_fault: the hub failed on the answer (TypeError)")
    stage.go(600)
    with database.transaction() as session:
        assert open_causes(session) == []


def _nonsense() -> Sequence[Fetched]:
    raise TypeError("'int' object is not iterable")


def test_a_poll_that_will_not_mend_itself_calls_a_person_until_it_works_again(stage: Stage, database: Database) -> None:
    stage.channel.pages = [NeedsOperator("no permission"), NeedsOperator("no permission")]
    for seconds in (0, 600):
        stage.go(seconds)
        with database.transaction() as session:
            assert open_causes(session) == ["poll_failed"]
    stage.go(600)
    with database.transaction() as session:
        assert open_causes(session) == []


def test_a_window_that_keeps_breaking_off_is_halved_until_it_goes_through(stage: Stage) -> None:
    stage.channel.pages = [TryLater("busy"), TryLater("busy")]
    for _ in range(3):
        stage.go(60)
    widths = [until - since for since, until in stage.channel.spans[:3]]
    assert widths == [timedelta(hours=6), timedelta(hours=3), timedelta(hours=1.5)]


def test_what_a_slow_page_brought_is_kept_though_another_has_taken_the_poll_on(stage: Stage) -> None:
    def slow_page() -> Sequence[Fetched]:
        with stage.database.transaction() as session:
            rows(session, "update poll set token = token + 1 where name = 'orders' returning 1")
        return [message(1)]

    stage.channel.pages = [slow_page]
    stage.poller.go()
    stage.go()
    assert stage.kept() == ["T1:1"]


def test_a_token_that_a_person_has_given_meanwhile_is_not_overwritten(database: Database) -> None:
    old, given = (Token(access=name, expires_at=AT) for name in ("old", "given"))
    with database.transaction() as session:
        store_token(session, "tmall", given, AT)
        assert not exchange_token(session, "tmall", old, FRESH, AT)
        assert exchange_token(session, "tmall", given, FRESH, AT)
        assert find_token(session, "tmall") == FRESH


def test_the_brand_learns_who_hears_of_its_sales_and_parcels(stage: Stage, database: Database) -> None:
    stage.go()
    with database.transaction() as session:
        audience = audience_of(session, "demo")
        assert (audience.erp, audience.courier) == ("sap", "kdniao")
        assert audience_of(session, "other").erp == ""


def test_a_partner_is_asked_for_what_it_serves_and_no_other(stage: Stage, database: Database) -> None:
    stage.go()
    with database.transaction() as session:
        names = [one.name for one in rows(session, "select name from poll where connection = 'tmall' order by name")]
        assert names == sorted([HINTS, ORDERS, PROBE, TOKEN])
        assert rows(session, "select 1 from poll where connection <> 'tmall'") == []
