import json
import shlex
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import build
from commands.sign import EXAMPLE_FILE, headers_for
from connectors.registry import Registry
from hub.database import Database
from hub.errors import NotFound
from hub.settings import Settings
from tests.commands.conftest import Oms


@pytest.fixture
def http(station: Settings, database: Database) -> TestClient:
    return TestClient(build(station, database, Registry(station)))


def headers(printed: str) -> dict[str, str]:
    """Read what the command prints as a shell would hand it to curl."""
    words = shlex.split(printed)
    assert words[::2] == ["-H"] * 4
    return dict(word.split(":", 1) for word in words[1::2])


def test_the_api_takes_what_is_signed(http: TestClient, station: Settings) -> None:
    target = "/v1/orders?limit=3"
    assert http.get(target, headers=headers_for(station, "mall-pc", "GET", target, b"")).status_code == 200


def test_the_command_signs_for_curl(http: TestClient, oms: Oms) -> None:
    printed = oms("sign", "GET", "/v1/orders?limit=3").stdout
    assert http.get("/v1/orders?limit=3", headers=headers(printed)).status_code == 200


def test_the_example_order_can_be_placed(http: TestClient, oms: Oms) -> None:
    printed = oms("sign", "POST", "/v1/orders", "--example").stdout
    body = EXAMPLE_FILE.read_bytes()
    assert http.post("/v1/orders", content=body, headers=headers(printed)).status_code == 201
    assert json.loads(body)["lines"][0]["sku"] == "apple"


def test_a_body_is_signed_from_its_file(http: TestClient, oms: Oms, tmp_path: Path) -> None:
    (tmp_path / "body.json").write_bytes(b"{}")
    printed = oms("sign", "POST", "/v1/orders", "--body", "body.json").stdout
    assert http.post("/v1/orders", content=b"{}", headers=headers(printed)).status_code == 422


def test_a_client_that_is_not_configured_is_not_found(station: Settings) -> None:
    with pytest.raises(NotFound):
        headers_for(station, "stranger", "GET", "/", b"")
