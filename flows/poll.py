"""Ask partners for what they do not send: orders that changed, hints in a queue, stock, a fresh token, a sign of life.

Nothing of a poll happens twice in effect: a message is kept once by its id, and the watermark moves when all is kept.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from connectors.registry import Registry
from flows.engine import Heard
from flows.serving import serving
from flows.shelves import shelves_asked
from flows.verdict import backoff_s
from hub.audience import set_audience
from hub.cases import NewCase, open_cases, resolve
from hub.connections import heed
from hub.database import Database
from hub.errors import HubError, Misconfigured, NeedsOperator, OutcomeUnknown, Rejected, TryLater
from hub.exchange import listening
from hub.fullness import Full, full_of
from hub.inbox import keep
from hub.polls import HINTS, ORDERS, PROBE, STOCK, TOKEN, Turn, claim_polls, finish_poll, plan_polls, prolong_poll
from hub.ports import Fetched, OrderFeed, OrderHints, Probe, StockAsk, TokenKeeper
from hub.settings import Settings
from hub.tokens import exchange_token, find_token

FILLS: Final = frozenset({ORDERS, HINTS, STOCK})
"""Polls that bring messages: while the hub is full they stay due, and what they would ask for waits at the partner."""

PORTS: Final[Mapping[str, type]] = {
    ORDERS: OrderFeed,
    HINTS: OrderHints,
    TOKEN: TokenKeeper,
    PROBE: Probe,
    STOCK: StockAsk,
}

ONLY_WHEN_ASKED: Final = timedelta(days=3650)
"""A sign of life is asked for by a person, who hastens the poll."""

PLAN_S: Final = 60
PATIENCE: Final = 6
"""Failures in a row after which a person is called; by then a poll has been tried for a minute."""

HALVINGS: Final = 12
SHORTEST: Final = timedelta(minutes=1)
"""The shortest window that orders are asked for in."""

_log = structlog.get_logger()


class Poller:
    """Takes on one due poll after the other."""

    def __init__(
        self, database: Database, connectors: Registry, settings: Settings, now: Callable[[], datetime], heard: Heard
    ) -> None:
        self._database = database
        self._connectors = connectors
        self._settings = settings
        self._now = now
        self._heard = heard
        self._wanted: Sequence[tuple[str, str]] = ()
        self._plan_at: datetime | None = None
        self._pool = ThreadPoolExecutor(1, "poll")
        self._acts: Mapping[str, Callable[[Turn], tuple[datetime, datetime | None]]] = {
            ORDERS: self._ask_for_orders,
            HINTS: self._take_hints,
            TOKEN: self._keep_token,
            PROBE: self._probe,
            STOCK: self._ask_for_stock,
        }

    def announce(self) -> None:
        """Say who hears of which brand: before anything is worked off that they must hear of.

        Raises: OperationalError when the database is away.
        """
        served = serving(self._connectors, self._find)
        with self._database.transaction() as session:
            set_audience(session, served)

    def go(self) -> int:
        """Take on a due poll, and give how many there were."""
        self._plan()
        if not self._wanted:
            return 0
        lease = timedelta(seconds=self._settings.polls.lease_s)
        with self._database.transaction() as session:
            full = full_of(session) is not Full.NOTHING
            wanted = [one for one in self._wanted if not (full and one[1] in FILLS)]
            turns = claim_polls(session, wanted, 1, self._now(), lease)
        for turn in turns:
            self._take(turn)
        return len(turns)

    def _plan(self) -> None:
        """Write the polls of all configured connections, and who hears of which brand, every so often."""
        now = self._now()
        if self._plan_at is not None and now < self._plan_at:
            return
        self._plan_at = now + timedelta(seconds=PLAN_S)
        self._wanted = [
            (connection, name)
            for connection in self._connectors.names()
            for name, port in PORTS.items()
            if (name != STOCK or self._asks_for_stock(connection)) and isinstance(self._find(connection), port)
        ]
        since = now - timedelta(hours=self._settings.polls.first_look_h)
        self.announce()
        with self._database.transaction() as session:
            plan_polls(session, [one for one in self._wanted if one[1] != PROBE], now, since)
            plan_polls(session, [one for one in self._wanted if one[1] == PROBE], now + ONLY_WHEN_ASKED, since)

    def _asks_for_stock(self, connection: str) -> bool:
        options = self._connectors.settings_of(connection).options
        return self._settings.polls.stock_s > 0 and options.get("ask_stock") == "yes"

    def _find(self, connection: str) -> object | None:
        """Give a partner; one that cannot be made (a secret is missing) is told of in the log and asked for nothing."""
        try:
            return self._connectors.get(connection)
        except HubError as error:
            _log.warning("poll.no_partner", connection=connection, error=error.message)
            return None

    def _take(self, turn: Turn) -> None:
        error: HubError | None = None
        watermark: datetime | None = None
        began = self._now()
        with listening() as exchanges:
            try:
                again_at, watermark = self._act(turn)
            except HubError as caught:
                error = caught
                again_at = self._now() + _rest_after(turn, caught, self._settings.polls.stock_s)
        if exchanges or error:
            self._heard(turn.connection, error, self._now())
        with self._database.transaction() as session:
            text = f"{error.code}: {error.message}" if error else ""
            if finish_poll(session, turn, self._now(), again_at, watermark=watermark, error=text):
                self._call_a_person(session, turn, error)
            brand = self._connectors.brand_of(turn.connection)
            heed(session, turn.connection, brand, error, began, self._now())

    def _act(self, turn: Turn) -> tuple[datetime, datetime | None]:
        """Do what a poll is for; a bug of ours, or an answer nobody thought of, must not end the whole worker.

        Raises: HubError.
        """
        work = self._pool.submit(copy_context().run, self._acts[turn.name], turn)
        failure = work.exception()
        if failure is None or isinstance(failure, HubError | OperationalError):
            return work.result()
        _log.error("poll.failed", connection=turn.connection, poll=turn.name, exc_info=failure)
        raise OutcomeUnknown(f"the hub failed on the answer ({type(failure).__name__})", code="our_fault")

    def _call_a_person(self, session: Session, turn: Turn, error: HubError | None) -> None:
        """Open a case when a poll will not mend itself, and close it when it has."""
        if turn.name == PROBE or isinstance(error, Misconfigured):
            return
        subject, now = f"poll:{turn.connection}:{turn.name}", self._now()
        if error is None and turn.failures:
            resolve(session, subject, now, "system", "it works again")
        hopeless = isinstance(error, Rejected | NeedsOperator) or turn.failures + 1 >= PATIENCE
        if error is not None and hopeless:
            brand = self._connectors.brand_of(turn.connection)
            text = f"{turn.connection}: {error.message}"
            open_cases(session, [NewCase("poll_failed", subject, brand, text)], now)

    def _ask_for_orders(self, turn: Turn) -> tuple[datetime, datetime | None]:
        """Ask for a window of changes, with some overlap for what the channel lists late."""
        feed = self._connectors.get(turn.connection)
        if not isinstance(feed, OrderFeed):
            return self._now() + ONLY_WHEN_ASKED, None
        polls, now = self._settings.polls, self._now()
        since = turn.watermark - timedelta(seconds=polls.overlap_s)
        settled = now - feed.lag
        # A window that keeps breaking off is halved until it goes through: what is behind it counts as known then.
        window = max(feed.window / 2 ** min(turn.failures, HALVINGS), SHORTEST)
        until = min(since + window, settled)
        if until <= turn.watermark:
            return now + timedelta(seconds=polls.orders_s), None
        for page in feed.fetch_orders(since, until):
            if not self._keep(turn, page):
                return now, None  # somebody else has taken it on: what they do not find here they ask for
        return (now if until < settled else now + timedelta(seconds=polls.orders_s)), until

    def _take_hints(self, turn: Turn) -> tuple[datetime, datetime | None]:
        """Take what lies in the queue; it is confirmed when it is kept, and comes again if we die between."""
        queue = self._connectors.get(turn.connection)
        if not isinstance(queue, OrderHints):
            return self._now() + ONLY_WHEN_ASKED, None
        hinted = queue.fetch_hinted()
        if not self._keep(turn, hinted.messages):
            return self._now(), None
        if hinted.receipts:
            queue.confirm_hints(hinted.receipts)
        pause = 0 if hinted.receipts else self._settings.polls.hints_s
        return self._now() + timedelta(seconds=pause), None

    def _ask_for_stock(self, turn: Turn) -> tuple[datetime, datetime | None]:
        """Ask for all that the connection counts, as of when asking began; a refused location holds up no other.

        Raises: the first refusal, when all have been asked about; whatever else at once.
        """
        partner, began = self._connectors.get(turn.connection), self._now()
        if not isinstance(partner, StockAsk):
            return began + ONLY_WHEN_ASKED, None
        with self._database.transaction() as session:
            shelves = shelves_asked(session, turn.connection, self._connectors.settings_of(turn.connection))
        refused: list[Rejected] = []
        for shelf in shelves:
            try:
                for page in partner.fetch_stock(shelf.location, shelf.owner, shelf.skus, shelf.fresh):
                    if not self._keep(turn, [page]):
                        return self._now(), None
            except Rejected as error:
                refused.append(error)
        if refused:
            raise refused[0]
        return self._now() + timedelta(seconds=self._settings.polls.stock_s), began

    def _keep_token(self, turn: Turn) -> tuple[datetime, datetime | None]:
        """Exchange a token that is about to end, or that the platform no longer takes."""
        keeper = self._connectors.get(turn.connection)
        with self._database.transaction() as session:
            token = find_token(session, turn.connection)
        look_again = timedelta(seconds=self._settings.polls.token_s)
        if not isinstance(keeper, TokenKeeper) or token is None:
            return self._now() + look_again, None
        margin = timedelta(seconds=self._settings.polls.token_margin_s)
        if token.expires_at - margin > self._now():
            return self._now() + look_again, None
        fresh = keeper.refresh_token(token)
        with self._database.transaction() as session:
            exchange_token(session, turn.connection, token, fresh, self._now())
        return self._now() + look_again, self._now()

    def _probe(self, turn: Turn) -> tuple[datetime, datetime | None]:
        partner = self._connectors.get(turn.connection)
        if isinstance(partner, Probe):
            partner.probe()
        return self._now() + ONLY_WHEN_ASKED, None

    def _keep(self, turn: Turn, messages: Sequence[Fetched]) -> bool:
        """Keep messages, and say whether the poll is still ours: what came is kept in any case, for it comes once."""
        now = self._now()
        with self._database.transaction() as session:
            # In one order, for two polls of a shop keep the same messages at the same time.
            for message in sorted(messages, key=lambda message: (message.kind, message.message_id)):
                keep(session, turn.connection, message.kind, message.message_id, message.body, now)
            return prolong_poll(session, turn, now + timedelta(seconds=self._settings.polls.lease_s))


def _rest_after(turn: Turn, error: HubError, stock_s: float) -> timedelta:
    """Say when a poll that failed is due again; a person who asked for a sign of life has had the answer."""
    if turn.name == PROBE:
        return ONLY_WHEN_ASKED
    if turn.name == STOCK and isinstance(error, Rejected):
        return timedelta(seconds=stock_s)  # it would be refused again, and all else would be read again
    wish = error.after_s if isinstance(error, TryLater) else None
    return timedelta(seconds=max(backoff_s(turn.failures + 1), wish or 0))
