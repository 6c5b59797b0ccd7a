from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.transport.xml import DEPTH, read_xml, write_xml
from hub.errors import Malformed

WORD = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_.-]{0,8}", fullmatch=True)
TEXT = (
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"))
    .map(str.strip)
    .filter(bool)
)
LEAF = st.one_of(st.none(), TEXT)


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    child = st.one_of(inner, st.lists(inner, min_size=2, max_size=3))
    return st.dictionaries(WORD, child, min_size=1, max_size=3)


TREE = st.dictionaries(WORD, st.recursive(LEAF, _grown, max_leaves=12), max_size=4)


@given(WORD, TREE)
def test_what_is_written_is_read_again(root: str, tree: dict[str, object]) -> None:
    assert read_xml(write_xml(root, tree)) == (root, tree)


def test_repeated_children_are_a_list_and_empty_ones_none() -> None:
    assert read_xml(b"<r><a>1</a><a/><b> </b><c><d>2</d></c></r>") == (
        "r",
        {"a": ["1", None], "b": None, "c": {"d": "2"}},
    )


def test_markup_in_text_stays_text() -> None:
    tree: dict[str, object] = {"a": "<b>&amp;</b> ]]> 中文"}
    assert read_xml(write_xml("r", tree)) == ("r", tree)


@pytest.mark.parametrize(
    "body", [b"", b"text", b"<a>", b"<a></b>", b"<a/><b/>", b'{"a": 1}', b"<a>&unknown;</a>", b"<a>\x01</a>"]
)
def test_what_is_no_xml_is_broken(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read_xml(body)
    assert caught.value.code == "broken_xml"


BOMB = b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><r>&b;</r>'


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE r><r/>",
        BOMB,
        b'<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd"><r/>',
        b'<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/hostname">]><r>&f;</r>',
        '<!DOCTYPE r [<!ENTITY a "a">]><r>&a;</r>'.encode("utf-16"),
    ],
)
def test_a_document_type_or_entity_is_forbidden(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read_xml(body)
    assert caught.value.code == "dtd_forbidden"


@pytest.mark.parametrize(
    "body",
    [
        '<?xml version="1.0" encoding="GBK"?><r>中文</r>'.encode("gbk"),
        b'<?xml version="1.0" encoding="no-such-thing"?><r/>',
    ],
)
def test_an_encoding_that_is_not_taken_is_named(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read_xml(body)
    assert caught.value.code in {"wrong_encoding", "broken_xml"}


def test_gbk_without_a_declaration_is_broken() -> None:
    with pytest.raises(Malformed):
        read_xml("<r>中文</r>".encode("gbk"))


@pytest.mark.parametrize("levels", [DEPTH + 2, 1_000, 100_000])
def test_what_is_nested_too_deep_is_refused(levels: int) -> None:
    with pytest.raises(Malformed):
        read_xml(b"<a>" * levels + b"</a>" * levels)


def test_what_is_nested_just_deep_enough_is_read() -> None:
    assert read_xml(b"<a>" * DEPTH + b"x" + b"</a>" * DEPTH)[0] == "a"


@given(st.binary(max_size=100))
def test_no_bytes_do_more_than_be_malformed(body: bytes) -> None:
    try:
        read_xml(b"<r>" + body)
    except Malformed:
        return
