"""Programs of operations at the API: one of each role, and one that may see a single shop."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast, final

from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from api.surroundings import Hub
from connectors.registry import Registry
from hub.roles import Role
from hub.settings import OperationsClient, Settings
from tests.api.calling import Mall
from tests.staging import encoded

CLIENTS: Final[Mapping[str, OperationsClient]] = {
    "looker": OperationsClient(),
    "counter": OperationsClient(role=Role.ANALYST),
    "boss": OperationsClient(role=Role.SUPERVISOR),
    "ruler": OperationsClient(role=Role.ADMIN),
    "h5-boss": OperationsClient(role=Role.SUPERVISOR, brand="demo", shop="h5"),
    "stranger": OperationsClient(role=Role.SUPERVISOR, brand="other"),
}


def with_operations(settings: Settings) -> Settings:
    """Let these programs in beside the shops, and write their secrets."""
    assert settings.secrets_folder
    for name in CLIENTS:
        (settings.secrets_folder / name).write_text(f"secret-of-{name}")
    return settings.model_copy(update={"operations": dict(CLIENTS)})


def seeing(made: FastAPI) -> FastAPI:
    """Serve programs of operations too, and show the h5 shop how its stock is spread."""
    hub = cast("Hub", made.state.hub)
    settings = with_operations(hub.settings)
    h5 = settings.connections["mall-h5"].model_copy(update={"options": {"stock_by_location": "yes"}})
    settings = settings.model_copy(update={"connections": {**settings.connections, "mall-h5": h5}})
    made.state.hub = replace(hub, settings=settings, connectors=Registry(settings))
    return made


@final
class Desk:
    """Calls the API under the name of one program."""

    def __init__(self, http: TestClient, client: str = "boss") -> None:
        self.mall = Mall(http, client)

    def get(self, target: str) -> Response:
        return self.mall.get(target)

    def post(self, target: str, document: object = None, **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.mall.call("POST", target, encoded(document or {}), named)

    def replay(self, **wish: Any) -> Response:  # noqa: ANN401 # any field of a wish
        return self.post("/v1/replays", wish)
