"""Addresses that nobody means: whatever stands in them, the console answers and does not fail."""

import re
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI

from hub.roles import Role
from tests.dashboards.conftest import Enter

BAD: Final = (
    *("a\0b", "9" * 18, "9" * 19, "9" * 40, "9" * 5_000, "-1", "٣٣٣", "http://[", "%", "🍎" * 300),
    *("0001-01-01", "9999-12-31", "0001-01-01T00:00", "9999-12-31T23:59", "2026-02-31", "2099-12-31", "2026-W01-1"),
    *("o" + "9" * 16, "n" + "9" * 16, "phone~AAAA", "{}", "'"),
)
SIMPLE: Final = {"connection": "mall-pc", "code": "x", "flow": "x", "than": "0"}
TEMPLATED: Final = re.compile(r"\{[^}]*\}")


def asked(app: FastAPI) -> list[tuple[str, list[str]]]:
    """Give every address that is read, with the names of what may be asked there."""
    paths: dict[str, dict[str, Any]] = app.openapi()["paths"]
    return [
        (path, [one["name"] for one in told["get"].get("parameters", []) if one["in"] == "query"])
        for path, told in paths.items()
        if "get" in told
    ]


@pytest.mark.parametrize("value", BAD, ids=lambda value: repr(value[:12]))
def test_no_address_makes_the_console_fail(enter: Enter, app: FastAPI, value: str) -> None:
    client = enter(Role.ADMIN)
    addresses = asked(app)
    assert len(addresses) > 20
    failed: list[str] = []
    for path, names in addresses:
        at = TEMPLATED.sub("1", path)
        wanted = {name: SIMPLE[name] for name in names if name in SIMPLE}
        tried = [f"{at}?{urlencode({**wanted, name: value})}" for name in names]
        if at != path:
            tried.append(TEMPLATED.sub(urlencode({"": value})[1:], path))
        failed += [one for one in tried if client.get(one).status_code >= 500]
    assert failed == []


def test_a_zero_byte_and_a_number_beyond_measure_are_refused(enter: Enter) -> None:
    client = enter(Role.ADMIN)
    for path, status in (
        ("/console/orders?q=%00", 422),
        ("/console/orders/%00", 422),
        ("/console/runs?cursor=9223372036854775808", 422),
        ("/console/exceptions?type=stock&cursor=-1", 422),
        (f"/console/runs/{'9' * 19}", 404),
        (f"/console/exceptions/{'9' * 5_000}", 404),
        (f"/console/messages/inbox/{'9' * 19}", 404),
    ):
        assert client.get(path).status_code == status, path


def test_a_form_with_a_zero_byte_is_refused(enter: Enter) -> None:
    form = {"name": "a\0b", "password": "a-made-up-password"}
    assert enter().post("/console/sign-in", data=form).status_code == 422


def test_a_page_that_htmx_names_wrongly_is_no_place_to_go_on(enter: Enter) -> None:
    answer = enter().get("/console/overview", headers={"hx-request": "true", "hx-current-url": "http://["})
    assert answer.headers["hx-redirect"] == "/console/sign-in?next=%2Fconsole%2Foverview"
