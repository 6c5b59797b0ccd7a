from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.database import FEW, copy, rows, run
from hub.inbox import Arrival, keep_all, read_all
from hub.literals import array_of, copied, plain
from tests.hub.making import AT

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
KINDS = {
    "text": TEXTS,
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "bytea": st.binary(max_size=8),
    "boolean": st.booleans(),
    "timestamptz": st.integers(0, 4 * 10**15).map(lambda us: EPOCH + timedelta(microseconds=us)),
}
LISTS = st.sampled_from(sorted(KINDS)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.lists(st.none() | KINDS[kind], max_size=6))
)


def test_every_list_arrives_as_it_was(session: Session) -> None:
    @settings(max_examples=150, deadline=None)
    @given(LISTS)
    def arrives(one: tuple[str, list[object]]) -> None:
        kind, values = one
        statement = f"select value from unnest(cast(:values as {kind}[])) with ordinality as t (value, no) order by no"
        found = [row.value for row in rows(session, statement, values=values)]
        assert found == values

    arrives()


def test_numbers_beyond_a_bigint_are_left_to_the_driver() -> None:
    assert array_of([2**63]) == [2**63]
    assert array_of([{"a": 1}]) == [{"a": 1}]


def test_every_row_is_written_as_it_was_be_they_few_or_many(session: Session) -> None:
    kinds = {**KINDS, "date": st.dates(), "numeric": st.decimals(-(10**6), 10**6, places=6), "text[]": st.lists(TEXTS)}
    run(session, f"create temp table kept (no int, {', '.join(f'c{no} {kind}' for no, kind in enumerate(kinds))})")

    @settings(max_examples=150, deadline=None)
    @given(st.lists(st.tuples(*[st.none() | kind for kind in kinds.values()]), max_size=2 * FEW))
    def arrives(records: list[tuple[object, ...]]) -> None:
        run(session, "truncate kept")
        columns = ["no", *(f"c{no}" for no in range(len(kinds)))]
        copy(session, "kept", columns, ((no, *record) for no, record in enumerate(records)))
        assert [tuple(one)[1:] for one in rows(session, "select * from kept order by no")] == records

    arrives()


def test_what_no_column_holds_is_named() -> None:
    with pytest.raises(TypeError, match="complex"):
        copied([(1, 1j), (2, 2j)])
    with pytest.raises(TypeError, match="complex"):
        plain(1j)
    with pytest.raises(TypeError, match="list"):
        copied([(1, [{}]), (2, ["a"])])


def test_many_messages_are_kept_once_each_in_their_order(session: Session) -> None:
    first = keep_all(session, "order", [Arrival("mall-pc", "a", b"1")], AT)
    arrivals = [Arrival("mall-pc", one, one.encode()) for one in ("c", "a", "b", "c")]
    kept = keep_all(session, "order", arrivals, AT + timedelta(seconds=1))
    assert kept[1] == (first[0][0], False)
    assert (kept[0], [new for _, new in kept]) == (kept[3], [True, False, True, True])
    bodies = {one.id: one.body for one in read_all(session, [inbox_id for inbox_id, _ in kept])}
    assert [bodies[inbox_id] for inbox_id, _ in kept] == [b"c", b"1", b"b", b"c"]
