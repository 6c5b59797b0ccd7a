import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, cast

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from commands.assets import ensure_assets
from dashboards.app import build
from dashboards.pages import new_key
from dashboards.visit import COOKIE, SIGN_IN
from hub.database import Database
from hub.partitions import make_partitions
from hub.people import add_person
from hub.roles import GRANTS, Permission, Role
from hub.visits import begin_visit
from tests.clones import Clones
from tests.conftest import RING
from tests.console.world import settings
from tests.hub.making import add_sku

SEE, WORK, REPLAY, BULK, UNMASK, CONFIGURE = (
    Permission.SEE_ORDERS,
    Permission.WORK_ORDERS,
    Permission.REPLAY,
    Permission.BULK,
    Permission.UNMASK,
    Permission.CONFIGURE,
)
OPEN: Final = (
    "GET /",
    "GET /console",
    "GET /console/",
    "GET /healthz",
    "GET /console/sign-in",
    "POST /console/sign-in",
    "POST /console/sign-in/language",
)
"""What needs no signing in."""

LEAST: Final[Mapping[str, Permission | None]] = {
    "POST /console/sign-out": None,
    "POST /console/preferences/language": None,
    "POST /console/preferences/theme": None,
    "GET /console/{path:path}": None,
    "GET /console/overview": None,
    "GET /console/overview/figures": None,
    "GET /console/overview/panels": None,
    "GET /console/overview/throughput": None,
    "GET /console/pulse": SEE,
    "GET /console/orders": SEE,
    "POST /console/orders/find": SEE,
    "GET /console/orders/new": SEE,
    "GET /console/orders/{number}": SEE,
    "GET /console/orders/{order_id:id}/routing/{no:id}": SEE,
    "POST /console/orders/{order_id:id}/release": WORK,
    "GET /console/orders/{order_id:id}/change/{name}": WORK,
    "POST /console/orders/{order_id:id}/returns/{no:id}/approve": WORK,
    "POST /console/orders/{order_id:id}/returns/{no:id}/reject": WORK,
    "POST /console/orders/{order_id:id}/returns/{no:id}/withdraw": WORK,
    "POST /console/orders/{order_id:id}/returns/{no:id}/receive": WORK,
    "POST /console/orders/{order_id:id}/change/{name}": WORK,
    "POST /console/orders/{order_id:id}/change/{name}/do": WORK,
    "POST /console/orders/{order_id:id}/receiver": UNMASK,
    "POST /console/orders/{order_id:id}/steps/{step_id:id}/retry": REPLAY,
    "GET /console/holds": SEE,
    "GET /console/holds/counts": SEE,
    "GET /console/holds/selected": WORK,
    "GET /console/holds/{order_id:id}/{no:id}": SEE,
    "POST /console/holds/{order_id:id}/{no:id}/release": WORK,
    "POST /console/holds/many": BULK,
    "GET /console/returns": SEE,
    "GET /console/rules": SEE,
    "GET /console/rules-new": CONFIGURE,
    "GET /console/rules/{name}": SEE,
    "GET /console/rules/{name}/{no:id}/try": CONFIGURE,
    "POST /console/rules": CONFIGURE,
    "POST /console/rules/{name}/{no:id}/publish": CONFIGURE,
    "POST /console/rules/{name}/{no:id}/retire": CONFIGURE,
    "GET /console/gifts": SEE,
    "GET /console/gifts-new": CONFIGURE,
    "GET /console/gifts/{brand}/{name}": SEE,
    "GET /console/gifts/{brand}/{name}/{no:id}/try": CONFIGURE,
    "POST /console/gifts": CONFIGURE,
    "POST /console/gifts/{brand}/{name}/{no:id}/publish": CONFIGURE,
    "POST /console/gifts/{brand}/{name}/retire": CONFIGURE,
    "GET /console/merging": SEE,
    "GET /console/merging/{shop}": SEE,
    "POST /console/merging/{shop}": CONFIGURE,
    "GET /console/policies": SEE,
    "GET /console/policies-new": CONFIGURE,
    "GET /console/policies/{brand}/{version}": SEE,
    "GET /console/policies/{brand}/{version}/try": CONFIGURE,
    "POST /console/policies": CONFIGURE,
    "POST /console/policies/{brand}/{version}/publish": CONFIGURE,
    "POST /console/policies/{brand}/{version}/retire": CONFIGURE,
    "GET /console/inventory": SEE,
    "GET /console/inventory/list": SEE,
    "GET /console/inventory/level": SEE,
    "GET /console/inventory/lots": SEE,
    "POST /console/inventory/lots/block": WORK,
    "POST /console/inventory/lots/unblock": WORK,
    "POST /console/inventory/counter": WORK,
    "POST /console/inventory/adjust": WORK,
    "POST /console/inventory/safety": WORK,
    "POST /console/inventory/limits": WORK,
    "POST /console/inventory/push": WORK,
    "POST /console/inventory/heat": BULK,
    "POST /console/inventory/cool": BULK,
    "POST /console/inventory/quota": WORK,
    "POST /console/inventory/quota/drop": WORK,
    "POST /console/inventory/presale": WORK,
    "POST /console/inventory/presale/drop": WORK,
    "GET /console/inventory/reports": SEE,
    "GET /console/inventory/reports/list": SEE,
    "GET /console/inventory/reports/one": SEE,
    "GET /console/inventory/alerts": SEE,
    "GET /console/inventory/alerts/list": SEE,
    "POST /console/inventory/alerts/{alert_id:id}/acknowledge": WORK,
    "POST /console/inventory/alerts/rules": CONFIGURE,
    "POST /console/inventory/alerts/rules/drop": CONFIGURE,
    "GET /console/messages/inbox/{inbox_id:id}": SEE,
    "GET /console/messages/step/{step_id:id}": SEE,
    "GET /console/exceptions": SEE,
    "GET /console/exceptions/groups": SEE,
    "GET /console/exceptions/{case_id:id}": SEE,
    "GET /console/exceptions/bind": WORK,
    "GET /console/exceptions/skus": WORK,
    "GET /console/exceptions/divisions": WORK,
    "GET /console/exceptions/selected": WORK,
    "GET /console/exceptions/alike": BULK,
    "POST /console/exceptions/bind": WORK,
    "POST /console/exceptions/assign": WORK,
    "POST /console/exceptions/many": BULK,
    "POST /console/exceptions/{case_id:id}/assign": WORK,
    "POST /console/exceptions/{case_id:id}/resolve": WORK,
    "POST /console/exceptions/{case_id:id}/release": WORK,
    "POST /console/exceptions/{case_id:id}/retry": REPLAY,
    "POST /console/exceptions/{case_id:id}/replay": REPLAY,
    "POST /console/exceptions/{case_id:id}/discard": REPLAY,
    "POST /console/exceptions/{case_id:id}/resume": BULK,
    "GET /console/runs": SEE,
    "GET /console/runs/list": SEE,
    "GET /console/runs/{step_id:id}": SEE,
    "POST /console/runs/{step_id:id}/retry": REPLAY,
    "POST /console/runs/{step_id:id}/cancel": BULK,
    "POST /console/runs/{step_id:id}/skip": BULK,
    "GET /console/messages": SEE,
    "GET /console/messages/list": SEE,
    "GET /console/messages/{inbox_id:id}": SEE,
    "GET /console/messages/{inbox_id:id}/edit": BULK,
    "POST /console/messages/{inbox_id:id}/replay": REPLAY,
    "POST /console/messages/{inbox_id:id}/discard": REPLAY,
    "POST /console/messages/{inbox_id:id}/open": BULK,
    "POST /console/messages/{inbox_id:id}/preview": BULK,
    "POST /console/messages/{inbox_id:id}/edit": BULK,
    "GET /console/dead-letters": SEE,
    "GET /console/dead-letters/list": SEE,
    "GET /console/replays": SEE,
    "GET /console/replays/list": SEE,
    "GET /console/replays/new": BULK,
    "POST /console/replays": BULK,
    "GET /console/replays/{job_id:id}": SEE,
    "GET /console/replays/{job_id:id}/state": SEE,
    "GET /console/replays/{job_id:id}/{doing}": BULK,
    "POST /console/replays/{job_id:id}/pause": BULK,
    "POST /console/replays/{job_id:id}/resume": BULK,
    "POST /console/replays/{job_id:id}/stop": BULK,
    "POST /console/replays/{job_id:id}/rate": BULK,
    "GET /console/schedule": SEE,
    "GET /console/schedule/list": SEE,
    "GET /console/schedule/chores/{name}": SEE,
    "POST /console/schedule/chores/{name}/pause": BULK,
    "POST /console/schedule/chores/{name}/resume": BULK,
    "GET /console/schedule/polls/{connection}/{name}": SEE,
    "POST /console/schedule/polls/{connection}/{name}/pause": BULK,
    "POST /console/schedule/polls/{connection}/{name}/resume": BULK,
    "GET /console/connections": SEE,
    "GET /console/connections-list": SEE,
    "GET /console/connections/{name}": SEE,
    "GET /console/connections/{name}/state": SEE,
    "GET /console/connections/{name}/{doing}": BULK,
    "POST /console/connections/{name}/pause": BULK,
    "POST /console/connections/{name}/resume": BULK,
    "POST /console/connections/{name}/test": BULK,
    "POST /console/connections/{name}/ask-again": BULK,
    "POST /console/connections/{name}/try-now": BULK,
}
"""Every other address, and the least permission it asks for; who lacks it is refused before anything is looked up."""

SAMPLES: Final[Mapping[str, str]] = {
    "action_key": new_key(),
    "blocks": "route",
    "cases": "1",
    "code": "APPLE-1",
    "connection": "mall-pc",
    "content": 'version = "1"\nbrand = "nobody"',
    "mode": "cap",
    "name": "barred_buyers",
    "doing": "retry",
    "expression": "blacklist.hit",
    "flow": "release_fulfilment",
    "language": "en",
    "reason": "a reason",
    "revision": "1",
    "since": "2026-11-11T10:00",
    "strategy": '{"brand": "demo", "name": "spring", "gives": [{"sku": "cup"}]}',
    "sku": "apple",
    "than": "1",
    "theme": "dark",
    "things": "1",
    "to": "",
    "tried": "7",
    "typed": "1",
    "wish": "apple",
}
IN_PATH: Final = {
    "name": "mall-pc",
    "connection": "mall-pc",
    "doing": "pause",
    "path": "nowhere",
    "number": "2611000000000001",
}


class Door(NamedTuple):
    """One address with all that it wants to be sent, so that nothing but a permission is missing."""

    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]


class House(NamedTuple):
    app: FastAPI
    database: Database

    def knock(self, door: Door, role: Role | None) -> int:
        """Say with what status somebody of a role is answered; nobody is led to the sign-in."""
        client = TestClient(self.app, follow_redirects=False, raise_server_exceptions=False)
        client.headers["sec-fetch-site"] = "same-origin"
        if role:
            with self.database.transaction() as session:
                client.cookies.set(COOKIE, begin_visit(session, role, datetime.now(UTC)))
        form = {**door.form, **({"action_key": new_key()} if "action_key" in door.form else {})}
        answer = client.request(door.method, door.path, params=dict(door.query), data=form or None)
        led = answer.headers.get("location", "").startswith(f"{SIGN_IN}?next=")
        return 401 if led else answer.status_code


@pytest.fixture(scope="module")
def house(clones: Clones, template_of_today: str) -> Iterator[House]:
    """Give a console with one person of each role and no orders."""
    ensure_assets()
    with clones.lend(template_of_today) as url:
        database = Database(url, RING)
        with database.transaction() as session:
            make_partitions(session, datetime.now(UTC))
            add_sku(session, "cup")
            for role in Role:
                add_person(session, name=role, password="a-made-up-password", roles=[role], at=datetime.now(UTC))
        yield House(build(settings(), database), database)
        database.close()


def routes() -> Iterator[tuple[str, APIRoute]]:
    """Give every address of the console by method and path."""
    waiting: list[Any] = list(build(settings(), cast("Database", None)).routes)
    while waiting:
        one = waiting.pop(0)
        waiting += getattr(one, "original_router", one).routes if hasattr(one, "original_router") else []
        if isinstance(one, APIRoute):
            yield from ((f"{method} {one.path}", one) for method in one.methods or ())


def door_of(name: str, route: APIRoute) -> Door:
    path = route.path
    for part in re.findall(r"\{[^}]+\}", path):
        path = path.replace(part, IN_PATH.get(part.strip("{}").partition(":")[0], "1"))
    asked = route.dependant.query_params
    query = {one.alias: SAMPLES[one.alias] for one in asked if one.field_info.is_required() and one.alias in SAMPLES}
    form = {one.alias: SAMPLES[one.alias] for one in route.dependant.body_params if one.alias in SAMPLES}
    return Door(name.partition(" ")[0], path, query, form)


DOORS: Final = {name: door_of(name, route) for name, route in routes()}


def test_every_address_has_its_line_here_and_every_line_its_address() -> None:
    assert DOORS.keys() == LEAST.keys() | set(OPEN)


@pytest.mark.parametrize("name", LEAST)
def test_an_address_is_open_to_whom_it_is_and_to_nobody_else(house: House, name: str) -> None:
    least = LEAST[name]
    for role in Role:
        may = least is None or least in GRANTS[role]
        status = house.knock(DOORS[name], role)
        assert (status != 403) == may, (role, status)
        assert status not in {401, 422, 500}, (role, status)
    assert house.knock(DOORS[name], None) == 401
