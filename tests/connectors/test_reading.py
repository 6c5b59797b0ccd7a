from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from connectors.reading import read_as, read_json, write_with
from hub.document import Document
from hub.errors import Malformed
from hub.language import Words
from hub.unfit import said_of
from mappings.table import Table
from tests.connectors.exemplars import CANARY, told

TABLE = Table("test", {"row": {"count": {"from": "n", "via": "whole"}, "name": "name"}})


class Row(Document):
    count: int
    name: str


class Short(Document):
    count: int
    name: bool


def test_a_number_with_a_point_stays_exact() -> None:
    assert read_json(b'{"price": 0.1}') == {"price": Decimal("0.1")}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b"null",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b"[" * 100_000,
        b'{"a": 1e1000000000000000000}',
    ],
)
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read_json(body)
    assert caught.value.code == "malformed"


@pytest.mark.parametrize("body", ['{"a": "中"}'.encode("gbk"), '{"a": 1}'.encode("utf-16"), b'{"a": "\xe4\xb8'])
def test_another_encoding_is_named_with_its_place(body: bytes) -> None:
    with pytest.raises(Malformed, match="not UTF-8 at byte") as caught:
        read_json(body)
    assert caught.value.code == "wrong_encoding"


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_malformed(body: bytes) -> None:
    with suppress(Malformed):
        assert isinstance(read_json(body), dict)


def test_a_payload_is_read_through_its_table() -> None:
    assert read_as(Row, TABLE, "row", {"n": "3", "name": "a"}) == Row(count=3, name="a")


@pytest.mark.parametrize(("payload", "field"), [({"n": "x", "name": "a"}, "n"), ({"n": 1}, "name")])
def test_a_wrong_value_is_malformed_and_named(payload: dict[str, object], field: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_as(Row, TABLE, "row", payload)
    assert caught.value.field == field


def test_a_value_that_the_document_refuses_is_named_but_not_shown() -> None:
    with pytest.raises(Malformed, match=r"test\[row\] name") as caught:
        read_as(Short, TABLE, "row", {"n": 1, "name": CANARY})
    assert CANARY not in told(caught.value)


def test_a_document_that_a_table_cannot_write_is_malformed() -> None:
    class Wrong(BaseModel):
        n: str = "x"
        name: str = "a"

    with pytest.raises(Malformed):
        write_with(TABLE, "row", Wrong())


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            {"loc": ("lines", 0, "sku"), "type": "missing", "msg": "Field required"},
            ("lines[0].sku", Words("缺少", "is missing")),
        ),
        (
            {"loc": (), "type": "value_error", "msg": "Value error, two are the same"},
            ("", Words(*["two are the same"] * 2)),
        ),
        (
            {"loc": ("lines",), "type": "too_short", "msg": "Tuple should have"},
            ("lines", Words("项数过少", "has too few items")),
        ),
    ],
)
def test_a_fault_names_its_place_as_a_path_and_its_cause_in_plain_words(
    fault: dict[str, object], said: tuple[str, Words]
) -> None:
    assert said_of(fault) == said
