import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import NeedsOperator
from hub.keyring import KEY_BYTES, Keyring
from tests.conftest import RING

CANARY = "收件人甲 10000000001 测试路1号"
PLACE = "sales_order|receiver_name|1"


@given(st.binary(max_size=200), st.text(max_size=30))
def test_what_is_sealed_opens_at_its_place(plain: bytes, place: str) -> None:
    assert RING.open(RING.seal(plain, place), place) == plain
    assert RING.open_body(RING.seal_body(plain, place), place) == plain


def test_a_sealed_value_moved_elsewhere_does_not_open(keyring: Keyring) -> None:
    sealed = keyring.seal(CANARY.encode(), PLACE)
    with pytest.raises(NeedsOperator, match="changed, moved"):
        keyring.open(sealed, "sales_order|receiver_name|2")


SEALED = RING.seal(b"plain", PLACE)


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_a_changed_byte_is_an_operators_matter(at: int, by: int) -> None:
    changed = bytes(byte ^ by if i == at else byte for i, byte in enumerate(SEALED))
    with pytest.raises(NeedsOperator):
        RING.open(changed, PLACE)


@given(st.integers(0, len(SEALED) - 1))
def test_a_cut_value_is_an_operators_matter(length: int) -> None:
    with pytest.raises(NeedsOperator):
        RING.open(SEALED[:length], PLACE)


def test_plain_text_is_nowhere_in_sealed_bytes(keyring: Keyring) -> None:
    [(key, kept)] = keyring.new_subject_keys(["subject|data_key|demo|00"])
    sealed = [key.seal(CANARY, PLACE), keyring.seal(CANARY.encode(), PLACE), keyring.seal_body(CANARY.encode(), PLACE)]
    assert not [one for one in sealed for word in CANARY.split() if word.encode() in one]
    assert keyring.open(kept, "subject|data_key|demo|00") not in kept


def test_equal_texts_are_sealed_differently(keyring: Keyring) -> None:
    assert keyring.seal(b"same", PLACE) != keyring.seal(b"same", PLACE)


def test_a_subject_key_kept_in_its_place_opens_what_it_sealed(keyring: Keyring) -> None:
    [(key, kept)] = keyring.new_subject_keys(["subject|1"])
    sealed = key.seal(CANARY, PLACE)
    assert keyring.open_subject_key(kept, "subject|1").open(sealed, PLACE) == CANARY
    with pytest.raises(NeedsOperator):
        keyring.open_subject_key(kept, "subject|2")


def test_an_older_key_still_opens_and_a_lost_one_is_named(keyring: Keyring) -> None:
    sealed = keyring.seal(b"old", PLACE)
    newer = replace(keyring, active="k2", keys={**keyring.keys, "k2": b"2" * KEY_BYTES})
    assert newer.open(sealed, PLACE) == b"old"
    with pytest.raises(NeedsOperator, match="key k1 is not in the key ring"):
        replace(newer, keys={"k2": b"2" * KEY_BYTES}).open(sealed, PLACE)


def test_a_blind_index_tells_kinds_brands_and_values_apart(keyring: Keyring) -> None:
    asked = [("phone", "a", "1"), ("phone", "a", "2"), ("phone", "b", "1"), ("tail", "a", "1")]
    assert len({keyring.index(*one) for one in asked}) == len(asked)
    assert keyring.index(*asked[0]) == keyring.index(*asked[0])


def test_a_generated_ring_reads_back_and_shows_no_key() -> None:
    ring = Keyring.read(Keyring.generate().encode())
    assert ring.open(ring.seal(b"plain", PLACE), PLACE) == b"plain"
    assert repr(ring) == "Keyring(active='k1')"


def test_a_broken_ring_is_an_operators_matter() -> None:
    whole: dict[str, Any] = json.loads(Keyring.generate())
    broken: list[Any] = [
        {},
        [],
        {**whole, "active": "k9"},
        {**whole, "index": "AAAA"},
        {**whole, "keys": {"k1": "AAAA"}},
    ]
    for each in broken:
        with pytest.raises(NeedsOperator):
            Keyring.read(json.dumps(each).encode())
    with pytest.raises(NeedsOperator):
        Keyring.read(b"\xff no json")
