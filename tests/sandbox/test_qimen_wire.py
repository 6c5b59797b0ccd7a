import hashlib
from datetime import UTC, datetime
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.qimen_wire import (
    Refused,
    bare_method,
    failure,
    is_signed,
    is_success,
    node,
    read_request,
    sign,
    signed_query,
    success,
    write_time,
)

_QUERY = {"method": "order.cancel", "app_key": "k", "v": "2.0"}


def test_the_signature_is_upper_md5_of_secret_sorted_query_body_secret() -> None:
    expected = hashlib.md5(b"sapp_keykmethodorder.cancelv2.0<request/>s", usedforsecurity=False).hexdigest().upper()
    assert sign("s", _QUERY, b"<request/>") == expected


@given(body=st.binary(max_size=50), other=st.binary(max_size=50))
def test_a_signature_holds_for_its_own_body_only(body: bytes, other: bytes) -> None:
    signed = {**_QUERY, "sign": sign("s", _QUERY, body)}
    assert is_signed("s", signed, other) == (body == other)


def test_a_signed_query_names_the_time_in_china() -> None:
    now = datetime(2026, 11, 11, 16, 30, tzinfo=UTC)
    query = signed_query("order.cancel", app_key="k", customer_id="C1", secret="s", body=b"", now=now)
    assert query["timestamp"] == write_time(now) == "2026-11-12 00:30:00"
    assert is_signed("s", query, b"")


def test_a_missing_or_foreign_signature_is_no_signature() -> None:
    assert not is_signed("s", _QUERY, b"")
    assert not is_signed("s", {**_QUERY, "sign": "签名"}, b"")


def test_the_prefix_of_a_method_may_be_left_out() -> None:
    assert bare_method("taobao.qimen.order.cancel") == bare_method("order.cancel") == "order.cancel"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "xml-malformed"),
        (b"<request>", "xml-malformed"),
        (b"<order/>", "xml-malformed"),
        (b"<!DOCTYPE request><request/>", "xml-forbidden"),
        (b'<!DOCTYPE r [<!ENTITY a "b">]><request>&a;</request>', "xml-forbidden"),
    ],
)
def test_what_is_no_plain_request_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        read_request(body)
    assert refused.value.code == code


def test_a_failure_reads_as_a_router_writes_it() -> None:
    root = fromstring(failure(Refused("sign-check-failure", "Illegal request")))  # noqa: S314 - our own text
    assert [(child.tag, child.text) for child in root] == [
        ("flag", "failure"),
        ("code", "sign-check-failure"),
        ("message", "Illegal request"),
    ]


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, success("ok", node("deliveryOrderId", "WMS1")), True),
        (200, failure(Refused("x", "y")), False),
        (500, success("ok"), False),
        (200, b"<html>", False),
        (200, b"", False),
    ],
)
def test_only_flag_success_acknowledges_a_push(status: int, body: bytes, expected: bool) -> None:  # noqa: FBT001 - a table column
    assert is_success(status, body) is expected
