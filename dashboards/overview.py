"""The overview: how the flow of orders fares against its targets, what is stuck where, and what mends it."""

import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from dashboards import figures
from dashboards.figures import Span, within
from dashboards.pages import page, tagged_fragment, tagged_json
from dashboards.visit import HOME, Here, Visit
from hub.document import Document
from hub.health import Health, healths
from hub.roles import Permission
from hub.scope import reach, scope
from hub.settings import Targets
from hub.worklist import CaseGroup, case_groups

LATEST: Final = 10
FRESH: Final = timedelta(seconds=2.5)
"""How long one look serves everybody who may see the same: a page renews every three seconds."""

STALE: Final = timedelta(minutes=1)
"""A look that is older is not shown to anybody: they wait for the next."""

GRAVITY: Final = ("paused", "failing", "lagging", "token_ends", "silent", "working")
"""Connections that need somebody come first."""

router: Final = APIRouter()


class Figures(Document):
    """The row of figures; None is a figure that could not be read in time."""

    received: figures.Received | None
    shipped: figures.Share | None
    on_time: figures.Share | None
    waiting: figures.Waiting | None
    dead: int | None


class Panels(Document):
    """What needs somebody, and what came last; None is a panel that could not be read in time."""

    health: tuple[tuple[Health, str], ...] | None
    failures: tuple[CaseGroup, ...] | None
    latest: tuple[figures.Latest, ...] | None


class Looks:
    """The last looks, by who may see what; one thread renews a look while all others are given the last one."""

    def __init__(self) -> None:
        self._renewing: defaultdict[object, threading.Lock] = defaultdict(threading.Lock)
        self._taken: dict[object, tuple[datetime, Any]] = {}
        self._lock = threading.Lock()

    def take(self, key: object, at: datetime, read: Callable[[], Any]) -> Any:  # noqa: ANN401 # whatever `read` gives
        with self._lock:
            renewing, known = self._renewing[key], self._taken.get(key)
        # A slow database must hold up nobody who has something to look at.
        if not renewing.acquire(blocking=known is None or known[0] + STALE < at) and known is not None:
            return known[1]
        try:
            with self._lock:
                then, found = self._taken.get(key, (None, None))
            if then is None or not then <= at < then + FRESH:
                found = read()
                with self._lock:
                    self._taken = {one: look for one, look in self._taken.items() if look[0] + STALE > at}
                    self._taken[key] = (at, found)
        finally:
            renewing.release()
        return found


@router.get(HOME)
def overview(visit: Here, span: Annotated[Span, Query()] = "hour") -> Response:
    midnight = visit.at.astimezone(visit.zone).replace(hour=0, minute=0, second=0)
    shown = {"figures": _figures(visit), "panels": _panels(visit), "targets": _targets(visit)}
    return page(visit, "overview.html", span=span, midnight=midnight, **shown)


@router.get("/console/overview/figures")
def renewed_figures(visit: Here) -> Response:
    return tagged_fragment(visit, "overview_figures.html", figures=_figures(visit), targets=_targets(visit))


@router.get("/console/overview/panels")
def renewed_panels(visit: Here) -> Response:
    return tagged_fragment(visit, "overview_panels.html", panels=_panels(visit))


@router.get("/console/pulse")
def pulse(visit: Here) -> Response:
    """Give what waits on other screens, for the navigation of every page."""
    visit.require(Permission.SEE_ORDERS)
    found = _look(visit, "pulse", lambda: figures.pulse(visit.session, _seen(visit)))
    return tagged_json(visit.request, found)


@router.get("/console/overview/throughput")
def throughput(visit: Here, span: Annotated[Span, Query()] = "hour") -> Response:
    """Give the chart's numbers; times are those of the business zone, as the chart shows them."""
    seen = _seen(visit)

    def read() -> figures.Throughput | None:
        return within(visit.session, lambda: figures.throughput(visit.session, seen, visit.at, visit.zone, span))

    found: figures.Throughput | None = _look(visit, ("throughput", span), read)
    if found is None:
        return tagged_json(visit.request, {"times": [], "orders": [], "shipments": []})
    times = [f"{start:%H:%M}" for start in found.starts]
    return tagged_json(visit.request, {"times": times, "orders": found.orders, "shipments": found.shipments})


def _figures(visit: Visit) -> Figures:
    seen, session, at = _seen(visit), visit.session, visit.at
    allowed = timedelta(hours=_targets(visit).on_time_h)

    def read() -> Figures:
        health = within(session, lambda: healths(session, _connections(visit), at))
        return Figures(
            received=within(session, lambda: figures.received(session, seen, at, visit.zone)),
            shipped=within(session, lambda: figures.shipped(session, seen, at)),
            on_time=within(session, lambda: figures.on_time(session, seen, at, allowed)),
            waiting=within(session, lambda: figures.waiting(session, seen)),
            dead=None if health is None else sum(one.dead for one in health),
        )

    return _look(visit, "figures", read)


def _panels(visit: Visit) -> Panels:
    seen, session, at, names = _seen(visit), visit.session, visit.at, _connections(visit)
    sees_orders = visit.actor.may(Permission.SEE_ORDERS)

    def read() -> Panels:
        health = within(session, lambda: healths(session, names, at))
        failures = within(session, lambda: case_groups(session, visit.actor, None, names)) if sees_orders else []
        latest = within(session, lambda: figures.latest(session, seen, LATEST)) if sees_orders else []
        return Panels(
            health=None if health is None else tuple(sorted(((one, one.state(at)) for one in health), key=_gravity)),
            failures=None if failures is None else tuple(failures),
            latest=None if latest is None else tuple(latest),
        )

    return _look(visit, ("panels", sees_orders), read)


def _look(visit: Visit, what: object, read: Callable[[], Any]) -> Any:  # noqa: ANN401 # whatever `read` gives
    looks: Looks = visit.request.app.state.looks
    return looks.take((what, visit.actor.brands, visit.actor.shops), visit.at, read)


def _targets(visit: Visit) -> Targets:
    return visit.console.settings.targets


def _connections(visit: Visit) -> list[str]:
    return list(reach(visit.actor, visit.console.settings.connections))


def _seen(visit: Visit) -> dict[str, Any]:
    return scope(visit.actor, _connections(visit))


def _gravity(one: tuple[Health, str]) -> tuple[int, str]:
    return GRAVITY.index(one[1]), one[0].connection
