import pytest

from dashboards.headers import POLICY
from tests.dashboards.conftest import Enter

LANGUAGE = "/console/preferences/language"
PAGES = ("/console/overview", "/console/nowhere", "/console/static/console.css", "/console/static/none.css", "/healthz")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("person", ["", "admin"])
def test_every_answer_carries_the_policy(enter: Enter, path: str, person: str) -> None:
    answer = enter(person).get(path)
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"]


def test_the_policy_lets_nothing_run_but_our_own_files() -> None:
    assert POLICY.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "frame-ancestors 'none'" in POLICY
    assert "unsafe" not in POLICY
    assert "http" not in POLICY


def test_a_failure_of_ours_is_a_page_with_the_policy_too(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("dashboards.overview._figures", fail)
    answer = enter("admin").get("/console/overview")
    assert answer.status_code == 500
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-request-id"] in answer.text
    assert "ZeroDivisionError" not in answer.text


def test_pages_are_never_kept_and_files_are(enter: Enter) -> None:
    client = enter("admin")
    assert client.get("/console/overview").headers["cache-control"] == "no-store"
    assert "immutable" in client.get("/console/static/console.css?v=1").headers["cache-control"]
    assert client.get("/console/static/console.css").headers["cache-control"] == "max-age=3600"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "cross-site", "origin": "http://testserver"},
        {"sec-fetch-site": "", "origin": "http://testserver"},
    ],
    ids=str,
)
def test_a_write_from_elsewhere_is_refused(enter: Enter, headers: dict[str, str]) -> None:
    answer = enter("admin").post(LANGUAGE, data={"language": "en"}, headers=headers)
    assert answer.status_code == 403
    assert "cross_origin" in answer.text


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://testserver", 303),
        ("http://evil.example", 403),
        ("http://testserver.evil.example", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
def test_without_fetch_metadata_the_origin_decides(enter: Enter, origin: str, status: int) -> None:
    client = enter("admin")
    del client.headers["sec-fetch-site"]
    assert client.post(LANGUAGE, data={"language": "en"}, headers={"origin": origin}).status_code == status


def test_a_write_that_says_nothing_of_its_origin_is_refused(enter: Enter) -> None:
    client = enter("admin")
    del client.headers["sec-fetch-site"]
    assert client.post(LANGUAGE, data={"language": "en"}).status_code == 403


def test_signing_in_from_elsewhere_is_refused_as_well(enter: Enter) -> None:
    form = {"name": "admin", "password": "a-made-up-password"}
    answer = enter().post("/console/sign-in", data=form, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_body_without_measure_is_refused(enter: Enter) -> None:
    client = enter("admin")
    assert client.post(LANGUAGE, content=iter([b"language=en"])).status_code == 411
    assert client.post(LANGUAGE, content=b"x" * 1_048_577).status_code == 413
    assert client.post(LANGUAGE, content=b"x", headers={"content-length": "9" * 5_000}).status_code == 413
