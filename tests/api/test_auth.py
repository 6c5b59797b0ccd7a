import pytest

from tests.api.calling import Mall, problem
from tests.staging import encoded, order_of, signed

ORDER = encoded(order_of())


def test_a_signed_call_is_let_in(stranger: Mall) -> None:
    assert stranger.get("/v1/orders").json() == {"orders": [], "next": ""}


def test_the_query_is_signed_as_it_was_sent(stranger: Mall) -> None:
    assert stranger.get("/v1/orders?limit=3&external_id=%E4%B8%AD%20%2B").status_code == 200


def test_a_wrong_signature_and_an_unknown_client_are_told_apart_by_nobody(stranger: Mall) -> None:
    wrong = stranger.call("POST", "/v1/orders", ORDER, secret="another")
    unknown = stranger.call("POST", "/v1/orders", ORDER, client="stranger", secret="another")
    assert problem(wrong) == problem(unknown) == (401, "wrong_signature")
    assert wrong.json()["detail"] == unknown.json()["detail"]


@pytest.mark.parametrize(("language", "told"), [("en", "five lines joined by line feeds"), ("zh-CN", "共五行")])
def test_who_signs_wrongly_is_told_what_to_sign(stranger: Mall, language: str, told: str) -> None:
    answer = stranger.call("GET", "/v1/orders", secret="another", headers={"Accept-Language": language})
    assert told in answer.json()["detail"]


def test_a_warehouse_may_not_call_the_api(stranger: Mall) -> None:
    assert problem(stranger.call("GET", "/v1/orders", client="wms-sh")) == (401, "wrong_signature")


@pytest.mark.parametrize("name", ["X-OMS-Client", "X-OMS-Timestamp", "X-OMS-Nonce", "X-OMS-Signature"])
def test_a_missing_header_is_named(stranger: Mall, name: str) -> None:
    answer = stranger.call("GET", "/v1/orders", headers={name: ""})
    assert problem(answer) == (401, "signature_missing")
    assert name in answer.json()["detail"]


@pytest.mark.parametrize("change", [{"method": "PUT"}, {"target": "/v1/orders?a=1"}, {"body": b"other"}])
def test_whatever_is_changed_under_way_breaks_the_signature(stranger: Mall, change: dict[str, str]) -> None:
    meant = {"method": "POST", "target": "/v1/orders", "body": ORDER, **change}
    proof = signed(nonce="n" * 16, **meant)  # pyright: ignore[reportArgumentType] # three words and some bytes
    answer = stranger.http.post("/v1/orders", content=ORDER, headers=proof)
    assert problem(answer) == (401, "wrong_signature")


@pytest.mark.parametrize("timestamp", [1_600_000_000, 4_000_000_000, 999_999_999_999, 10**13, -5, "now", "٣", "1e9"])
def test_a_timestamp_far_off_or_no_time_at_all_is_stale(stranger: Mall, timestamp: object) -> None:
    proof = signed("GET", "/v1/orders", b"", "n" * 16, timestamp=timestamp)
    headers = [(key.encode(), value.encode("latin-1", "replace")) for key, value in proof.items()]
    answer = stranger.http.get("/v1/orders", headers=headers)
    assert problem(answer)[1] in {"stale_timestamp", "wrong_signature"}


def test_a_nonce_is_taken_once(stranger: Mall) -> None:
    assert stranger.call("GET", "/v1/orders", nonce="b" * 16).status_code == 200
    assert problem(stranger.call("GET", "/v1/orders", nonce="b" * 16)) == (401, "nonce_replayed")


def test_a_nonce_is_not_spent_by_a_wrong_signature(stranger: Mall) -> None:
    stranger.call("GET", "/v1/orders", nonce="a" * 16, secret="another")
    assert stranger.call("GET", "/v1/orders", nonce="a" * 16).status_code == 200


@pytest.mark.parametrize("nonce", ["short", "x" * 65, "with a space in it", "a" * 15 + ";"])
def test_a_nonce_has_its_form(stranger: Mall, nonce: str) -> None:
    assert problem(stranger.call("GET", "/v1/orders", nonce=nonce)) == (401, "bad_nonce")
