from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from argon2 import extract_parameters
from argon2.exceptions import VerifyMismatchError
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from dashboards.sign_in import HASHING, _hashing  # pyright: ignore[reportPrivateUsage] # held, to be busy
from dashboards.visit import COOKIE
from hub.database import Database, row, rows, run
from hub.people import prefer, shut_out
from hub.visits import PATIENCE, end_visits
from tests.console.world import PASSWORD
from tests.dashboards.conftest import Enter

OVERVIEW = "/console/overview"


def sign_in(client: TestClient, name: str = "operator", password: str = PASSWORD, **more: str) -> Response:
    return client.post("/console/sign-in", data={"name": name, "password": password, **more})


def test_nobody_sees_a_page_without_signing_in(enter: Enter) -> None:
    answer = enter().get(f"{OVERVIEW}?span=day")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/console/sign-in?next=%2Fconsole%2Foverview%3Fspan%3Dday"


def test_a_part_of_a_page_leads_the_whole_page_to_the_sign_in(enter: Enter) -> None:
    headers = {"hx-request": "true", "hx-current-url": "http://testserver/console/orders?q=1"}
    answer = enter().get("/console/overview/panels", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/console/sign-in?next=%2Fconsole%2Forders%3Fq%3D1"


def test_signing_in_sets_a_cookie_that_no_script_can_read(enter: Enter) -> None:
    cookie = sign_in(enter()).headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie


def test_over_https_the_cookie_is_secure(enter: Enter) -> None:
    client = enter()
    client.base_url = "https://testserver"
    assert "Secure" in sign_in(client).headers["set-cookie"]


def test_the_database_holds_no_token(enter: Enter, database: Database) -> None:
    client = enter()
    sign_in(client)
    with database.transaction() as session:
        kept = row(session, "select id from console_visit")
    assert kept is not None
    assert client.cookies[COOKIE].encode() not in bytes(kept.id)
    assert len(bytes(kept.id)) == 32


def test_signing_in_again_ends_the_visit_before(enter: Enter) -> None:
    client = enter()
    sign_in(client)
    first = client.cookies[COOKIE]
    sign_in(client)
    assert client.cookies[COOKIE] != first
    client.cookies.clear()
    client.cookies.set(COOKIE, first)
    assert client.get(OVERVIEW).status_code == 303


def test_nobody_is_led_to_another_host(enter: Enter) -> None:
    for wanted in ("//evil.example", "https://evil.example", "/console//evil.example", "/console/\\evil", "/elsewhere"):
        assert sign_in(enter(), next=wanted).headers["location"] == OVERVIEW


@pytest.mark.parametrize("address", ["/", "/console", "/console/"])
def test_signing_in_from_the_consoles_own_address_leads_to_its_first_page(enter: Enter, address: str) -> None:
    client = enter()
    assert client.get(address, follow_redirects=True).url.path == "/console/sign-in"
    answer = sign_in(client, next=address)
    assert client.get(answer.headers["location"], follow_redirects=True).url.path == OVERVIEW
    assert client.get(address, follow_redirects=True).url.path == OVERVIEW


@pytest.mark.parametrize(
    ("column", "age", "status"),
    [
        ("seen_at", timedelta(hours=11), 200),
        ("seen_at", timedelta(hours=13), 303),
        ("expires_at", timedelta(seconds=1), 303),
    ],
)
def test_a_visit_ends_when_it_idles_and_after_a_week(
    enter: Enter, database: Database, column: str, age: timedelta, status: int
) -> None:
    client = enter("operator")
    with database.transaction() as session:
        run(session, f"update console_visit set {column} = :at", at=datetime.now(UTC) - age)
    assert client.get(OVERVIEW).status_code == status


def test_a_page_that_renews_itself_keeps_nobody_signed_in(enter: Enter, database: Database) -> None:
    client, long_ago = enter("operator"), datetime.now(UTC) - timedelta(hours=3)
    with database.transaction() as session:
        run(session, "update console_visit set seen_at = :at", at=long_ago)
    client.get("/console/overview/panels", headers={"x-poll": "1"})
    with database.transaction() as session:
        assert [one.seen_at for one in rows(session, "select seen_at from console_visit")] == [long_ago]
    client.get(OVERVIEW)
    with database.transaction() as session:
        assert [one.seen_at for one in rows(session, "select seen_at from console_visit")] != [long_ago]


def test_who_is_shut_out_is_out_at_once(enter: Enter, database: Database, at: datetime) -> None:
    client = enter("operator")
    with database.transaction() as session:
        shut_out(session, "operator", "admin", at)
    assert client.get(OVERVIEW).status_code == 303
    assert sign_in(enter()).status_code == 401


def test_all_visits_of_a_person_end_together(enter: Enter, database: Database, at: datetime) -> None:
    clients = [enter("operator"), enter("operator"), enter("viewer")]
    with database.transaction() as session:
        assert end_visits(session, "operator", at) == 2
    assert [client.get(OVERVIEW).status_code for client in clients] == [303, 303, 200]


def test_signing_out_ends_the_visit_for_a_copied_cookie_too(enter: Enter) -> None:
    client = enter("operator")
    copied = client.cookies[COOKIE]
    assert client.post("/console/sign-out").headers["location"] == "/console/sign-in"
    client.cookies.set(COOKIE, copied)
    assert client.get(OVERVIEW).status_code == 303


def test_five_failures_make_a_name_wait_even_with_the_right_password(enter: Enter) -> None:
    client = enter()
    assert [sign_in(client, password="wrong").status_code for _ in range(5)] == [401] * 5
    answer = sign_in(client)
    assert answer.status_code == 429
    assert "try again in" in answer.text


def test_the_wait_grows_and_ends(enter: Enter, database: Database) -> None:
    client, waits = enter(), list[float]()
    for _ in range(7):
        with database.transaction() as session:
            run(session, "update sign_in_wait set until = null")
        sign_in(client, password="wrong")
        with database.transaction() as session:
            found = rows(session, "select extract(epoch from until - last_at)::float as s from sign_in_wait")
        waits += [one.s for one in found if one.s]
    assert waits == [30, 60, 120]
    with database.transaction() as session:
        run(session, "update sign_in_wait set until = now()")
    assert sign_in(client).status_code == 303


def test_many_names_from_one_address_make_the_address_wait(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PATIENCE, "address", 3)
    client = enter()
    for number in range(3):
        assert sign_in(client, name=f"nobody-{number}").status_code == 401
    assert sign_in(client).status_code == 429


def test_success_forgets_the_failures_of_a_name(enter: Enter) -> None:
    client = enter()
    for _ in range(3):
        for _ in range(4):
            sign_in(client, password="wrong")
        assert sign_in(client).status_code == 303


def test_an_unknown_name_costs_as_much_as_a_wrong_password(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes: list[str] = []

    class Watched:
        def verify(self, known: str, _given: str) -> bool:
            hashes.append(known)
            raise VerifyMismatchError

    sign_in(enter(), name="nobody", password="wrong")
    monkeypatch.setattr("hub.people._hasher", Watched())
    answers = [sign_in(enter(), name=name, password="wrong") for name in ("operator", "nobody")]
    assert [answer.status_code for answer in answers] == [401, 401]
    of_operator, of_nobody = map(extract_parameters, hashes)
    assert of_operator == of_nobody


def test_the_audit_log_tells_of_signing_in_and_out_and_never_what_was_typed(enter: Enter, database: Database) -> None:
    client = enter()
    sign_in(client, password="wrong")
    sign_in(client, name="my-password-by-mistake", password="operator")
    sign_in(client)
    client.post("/console/sign-out")
    with database.transaction() as session:
        found = rows(session, "select actor, act, subject, detail::text from audit_entry where act like 'console.%'")
    assert [(one.actor, one.act, one.subject) for one in found] == [
        ("operator", "console.sign_in_failed", "person:operator"),
        ("unknown", "console.sign_in_failed", "person:unknown"),
        ("operator", "console.sign_in", "person:operator"),
        ("operator", "console.sign_out", "person:operator"),
    ]
    assert "by-mistake" not in str(found)


def test_a_chosen_language_outweighs_the_browsers(enter: Enter, database: Database, at: datetime) -> None:
    client = enter("operator")
    assert 'lang="en"' in client.get(OVERVIEW).text
    with database.transaction() as session:
        prefer(session, "operator", at, language="zh")
    assert 'lang="zh-CN"' in client.get(OVERVIEW).text


def test_who_comes_when_too_many_passwords_are_looked_at_is_told_at_once(enter: Enter) -> None:
    client = enter()
    with ExitStack() as stack:
        for _ in range(HASHING):
            stack.enter_context(_hashing)
        assert sign_in(client).status_code == 429
    assert sign_in(client).status_code == 303


@pytest.mark.parametrize(("trusted", "secure"), [(["testclient"], True), (["192.0.2.1"], False)])
def test_a_trusted_proxy_alone_says_that_the_visit_is_over_https(
    app: FastAPI, trusted: list[str], *, secure: bool
) -> None:
    headers = {"sec-fetch-site": "same-origin", "x-forwarded-proto": "https"}
    behind: Any = ProxyHeadersMiddleware(cast("Any", app), trusted)  # uvicorn and Starlette type one protocol apart
    client = TestClient(behind, headers=headers, follow_redirects=False)
    assert ("Secure" in sign_in(client).headers["set-cookie"]) is secure
