"""The console: its screens in the order of the navigation, behind a sign-in and one gate."""

from typing import Final

from fastapi import FastAPI, Response
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware

from dashboards import (
    connections,
    dead_letters,
    exceptions,
    faults,
    gift_strategies,
    holds,
    inventory,
    merging,
    messages,
    orders,
    overview,
    policies,
    preferences,
    replays,
    return_list,
    review_rules,
    runs,
    schedule,
    sign_in,
)
from dashboards.gate import Gate
from dashboards.pages import STATIC
from dashboards.screen import Screen
from dashboards.texts import N_
from dashboards.visit import HOME, Console, Here
from hub.database import Database
from hub.errors import NotFound
from hub.roles import Permission
from hub.settings import Settings

SEE: Final = Permission.SEE_ORDERS
SCREENS: Final = (
    # One line each; add yours in the order of the navigation.
    Screen("overview", "/console/overview", "layout-dashboard", N_("Overview"), overview.router),
    Screen("orders", "/console/orders", "shopping-bag", N_("Orders"), orders.router, SEE),
    Screen("holds", "/console/holds", "hand-stop", N_("Held orders"), holds.router, SEE),
    Screen("returns", "/console/returns", "refresh", N_("Returns"), return_list.router, SEE),
    Screen("rules", "/console/rules", "adjustments", N_("Review rules"), review_rules.router, SEE),
    Screen("policies", "/console/policies", "truck", N_("Sourcing policies"), policies.router, SEE),
    Screen("gifts", "/console/gifts", "receipt", N_("Gift strategies"), gift_strategies.router, SEE),
    Screen("merging", "/console/merging", "link", N_("Merge policies"), merging.router, SEE),
    Screen("inventory", "/console/inventory", "package", N_("Inventory"), inventory.router, SEE),
    Screen(
        "exceptions", "/console/exceptions", "alert-triangle", N_("Exceptions"), exceptions.router, SEE, counted=True
    ),
    Screen("runs", "/console/runs", "route", N_("Runs"), runs.router, SEE),
    Screen("messages", "/console/messages", "message", N_("Messages"), messages.router, SEE),
    Screen("dead-letters", "/console/dead-letters", "circle-x", N_("Dead letters"), dead_letters.router, SEE),
    Screen("replays", "/console/replays", "rotate-clockwise", N_("Replay jobs"), replays.router, SEE),
    Screen("schedule", "/console/schedule", "calendar", N_("Schedule"), schedule.router, SEE),
    Screen("connections", "/console/connections", "plug", N_("Connections"), connections.router, SEE),
)


def build(settings: Settings, database: Database) -> FastAPI:
    """Make the console over given parts."""
    app = FastAPI(title="OMS console", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.console = Console(settings, database)
    app.state.screens = SCREENS
    app.state.looks = overview.Looks()
    faults.install(app)
    app.add_middleware(GZipMiddleware, minimum_size=1_000)
    app.add_middleware(Gate, body_bytes=settings.limits.body_bytes)
    for part in (sign_in, preferences, *SCREENS):
        app.include_router(part.router)
    app.mount("/console/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/")
    @app.get("/console")
    @app.get("/console/")
    def start() -> Response:
        return RedirectResponse(HOME)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/console/{path:path}")
    def nowhere(visit: Here, path: str) -> Response:
        """Say inside the frame that an address leads nowhere; it comes after all that lead somewhere."""
        raise NotFound(visit.say("There is no page %(path)s", path=f"/console/{path}"), code="not_found")

    return app
