import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from api.app import build
from connectors.registry import Registry
from flows.watch import CALLS, SECONDS
from hub.breakers import Called, Tolerance, note_calls
from hub.connections import pause
from hub.database import Database, run
from hub.inbox import keep
from hub.polls import ORDERS, claim_polls, finish_poll, plan_polls
from hub.settings import Settings
from hub.steps import NewStep, add

ROOT: Final = Path(__file__).parent.parent.parent
BOARD: Final[Any] = json.loads((ROOT / "dashboards" / "grafana" / "oms.json").read_text("utf-8"))
RULES: Final[Any] = yaml.safe_load((ROOT / "dashboards" / "alerts.yml").read_text("utf-8"))
METRIC: Final = re.compile(r"\boms_\w+")
LABELS: Final = re.compile(r"\bby \(([^)]*)\)|\{(\w+)=~?\"")


def alerts() -> list[Any]:
    return [rule for group in RULES["groups"] for rule in group["rules"]]


def expressions() -> Iterator[str]:
    yield from (target["expr"] for panel in BOARD["panels"] for target in panel["targets"])
    yield from (rule["expr"] for rule in alerts())


@pytest.fixture
def exported(database: Database) -> dict[str, set[str]]:
    """Give every figure that the API exports once there is something to tell of each, with its labels."""
    with database.transaction() as session:
        now = datetime.now(UTC)
        pause(session, "sap", "tester", "test", now)
        plan_polls(session, [("tmall", ORDERS)], now, now)
        (turn,) = claim_polls(session, [("tmall", ORDERS)], 1, now, timedelta(seconds=30))
        finish_poll(session, turn, now, now)
        add(session, [NewStep("release", f"fo:{no}:wms", "wms", f"fo:{no}", 1, {}) for no in (1, 2)], now)
        run(session, "update step set state = 'dead' where lane = 'fo:2:wms'")
        note_calls(session, [Called("wms", 1, 1, failed=True)], Tolerance(1, 5, 60), now)
        keep(session, "tmall", "order", "1", b"", now)
    with TestClient(build(Settings(), database, Registry(Settings()))) as http:
        http.get("/healthz")
        text = http.get("/metrics").text
    CALLS.labels("wms", "release", "done").inc()
    SECONDS.labels("wms", "release").observe(1)
    text += generate_latest(REGISTRY).decode()  # the worker's
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {sample.name: set(sample.labels) for sample in samples}


def test_every_figure_that_is_read_is_exported(exported: dict[str, set[str]]) -> None:
    read = {name for expression in expressions() for name in METRIC.findall(expression)}
    assert len(read) >= 6
    assert read <= exported.keys()


def test_every_label_that_is_read_is_exported(exported: dict[str, set[str]]) -> None:
    for expression in expressions():
        there = set[str]().union(*(exported[name] for name in METRIC.findall(expression)))
        named = {word.strip() for pair in LABELS.findall(expression) for some in pair for word in some.split(",")}
        assert named - {""} <= there, expression


def test_every_panel_has_its_own_place_and_both_languages() -> None:
    panels = BOARD["panels"]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len({panel["id"] for panel in panels}) == len(panels) == len(set(places))
    assert all(" · " in panel["title"] for panel in panels)


def test_every_alert_waits_a_while_and_says_in_both_languages_what_is_wrong() -> None:
    for rule in alerts():
        assert rule["for"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert " / " in rule["annotations"]["summary"]


def test_every_runbook_that_an_alert_names_exists() -> None:
    named = [rule["annotations"]["runbook"] for rule in alerts() if "runbook" in rule["annotations"]]
    assert named
    assert all((ROOT / name).is_file() for name in named)
