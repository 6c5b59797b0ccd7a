"""What a long history costs: placing, and the console's lists and trace, with ten thousand orders and a million."""

import shutil
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from commands.bench_crew import together
from commands.bench_ground import Ground
from commands.bench_history import lengthen
from commands.bench_intake import PROCESSES, fill, place_all
from commands.bench_trade import furnish
from commands.screen import give, say
from hub.database import Database, rows
from hub.inventory.alert_rule import list_alerts
from hub.inventory.view import Wanted as LevelsWanted
from hub.inventory.view import list_levels
from hub.order.holds.view import Wanted as HoldsWanted
from hub.order.holds.view import list_holds
from hub.order.reveal import personal_values
from hub.order.search.page import search
from hub.order.search.query import Filter
from hub.order.trace.goods import trace_goods
from hub.order.trace.head import trace_head
from hub.order.trace.routing import trace_routing
from hub.order.trace.timeline import trace
from hub.postgres import EmbeddedPostgres
from hub.roles import SYSTEM
from hub.runs import Wanted as RunsWanted
from hub.runs import list_runs
from hub.worklist import Wanted as CasesWanted
from hub.worklist import list_cases

SMALL: Final = 10_000
FRESH: Final = 6_000
TURNS: Final = 3
"""Each is measured so often by turns, and its best turn counts."""

BATCH: Final = 500
TRACED: Final = 20
PAGE: Final = 50
ZONE: Final = ZoneInfo("Asia/Shanghai")

FILTERS: Final = (
    Filter(),
    Filter(status="in_fulfilment"),
    Filter(status="completed"),
    Filter(status="on_hold"),
    Filter(shop="h5", status="completed"),
    Filter(q="mall-pc-1-0000001"),
    Filter(q="10000000001"),
    Filter(q="B00017"),
)
"""What people look for: the newest, by state, by shop, by number, by phone, by SKU."""

SHORT: Final = "short_history"

Query = Callable[[Session], object]


def run_bench(orders: int, folder: Path | None, *, as_json: bool) -> int:
    """Measure everything once and print it; a history that a folder holds already is used again."""
    with _grown(orders, folder) as (place, small, large):
        say("接单：短历史与长历史", "placing on a short and a long history")
        took: dict[str, list[float]] = {small.url: [], large.url: []}
        for turn in range(TURNS):
            for database in (small, large):
                fill(database, FRESH, datetime.now(UTC), seed=int(time.time()) + turn)
                seconds, _ = together(PROCESSES, place_all, database.url, place.keyring_text, BATCH)
                took[database.url].append(seconds)
        small_per_s, large_per_s = (FRESH / min(took[one.url]) for one in (small, large))
        say("控制台查询", "the console's queries")
        slowest = max(_timed(large).items(), key=lambda one: one[1])
        say(f"最慢：{slowest[0]}", f"slowest: {slowest[0]}")
    found = {
        "small_per_s": round(small_per_s),
        "large_per_s": round(large_per_s),
        "slowdown": round(small_per_s / large_per_s - 1, 3),
        "slowest_query_ms": round(slowest[1] * 1000, 1),
    }
    give(found, as_json=as_json)
    return 0


@contextmanager
def _grown(orders: int, folder: Path | None) -> Generator[tuple[Ground, Database, Database]]:
    """Give a database with the short history and one with the long."""
    here = folder or Path(tempfile.mkdtemp(prefix="oms-bench-"))
    here.mkdir(parents=True, exist_ok=True)
    here.chmod(0o755)  # root hands the server to another user, who must pass through
    keyring = here / "keyring.json"
    try:
        with EmbeddedPostgres(here / "data") as postgres:
            place = Ground(postgres.url, keyring.read_text("utf-8") if keyring.exists() else "")
            keyring.touch(mode=0o600)
            keyring.write_text(place.keyring_text, encoding="utf-8")
            history = _history(place, orders)
            with place.database(template=SHORT) as small, place.database(template=history) as large:
                yield place, small, large
    finally:
        if folder is None:
            shutil.rmtree(here, ignore_errors=True)


def _history(place: Ground, orders: int) -> str:
    """Make the short history by placing, the long one by copying it, unless they are there; give the long one's name.

    What was cut short is begun again, for a history gets its name when it is whole.
    """
    at = datetime.now(UTC)
    if not place.has(SHORT):
        say("置入基础订单", "the first orders are placed")
        with place.database() as made:
            with made.transaction() as session:
                furnish(session, at)
            fill(made, SMALL, at)
            together(PROCESSES, place_all, made.url, place.keyring_text, BATCH)
            place.keep(made, SHORT)
    name = f"history_{orders}"
    if not place.has(name):
        say(f"载入 {orders} 单历史", f"a history of {orders} orders is loaded")
        with place.database(template=SHORT) as made:
            lengthen(made, at, orders // SMALL - 1)
            place.keep(made, name)
    return name


def _timed(database: Database) -> Mapping[str, float]:
    """Give the seconds that each of the console's queries takes."""
    with database.transaction() as session:
        newest = [one.id for one in rows(session, "select id from sales_order order by id desc limit :n", n=TRACED)]
    found = {f"list {wanted.model_dump(exclude_defaults=True)}": _best(database, _lister(wanted)) for wanted in FILTERS}
    found |= {f"list {name}": _best(database, query) for name, query in _lists(datetime.now(ZONE)).items()}
    for no, order_id in enumerate(newest):
        found[f"trace {no}"] = _best(database, _tracer(order_id))
    return found


def _lists(here: datetime) -> Mapping[str, Query]:
    """Give the first pages of the console's other lists; `here` is in the business zone."""
    return {
        "holds": lambda session: list_holds(session, SYSTEM, HoldsWanted(), limit=PAGE),
        "inventory": lambda session: list_levels(session, None, LevelsWanted(), here, limit=PAGE),
        "alerts": lambda session: list_alerts(session, SYSTEM, limit=PAGE),
        "exceptions": lambda session: list_cases(session, SYSTEM, CasesWanted(), after=None, limit=PAGE),
        "runs": lambda session: list_runs(session, SYSTEM, RunsWanted(), at=here, before=None, limit=PAGE),
    }


def _lister(wanted: Filter) -> Query:
    return lambda session: search(session, SYSTEM, wanted, ZONE)


def _tracer(order_id: int) -> Query:
    def show(session: Session) -> None:
        trace_head(session, order_id, SYSTEM)
        trace_goods(session, order_id, personal_values(session, order_id, SYSTEM))
        trace(session, order_id)
        trace_routing(session, order_id)

    return show


def _best(database: Database, query: Query) -> float:
    """Give the seconds of the best of some turns: the first of them reads from the disk."""
    took: list[float] = []
    for _ in range(TURNS):
        with database.transaction() as session:
            started = time.monotonic()
            query(session)
            took.append(time.monotonic() - started)
    return min(took)
