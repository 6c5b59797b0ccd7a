from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.inbox import keep
from hub.partitions import AHEAD, KEYS, drop_partitions, make_partitions, partitioned
from hub.settings import Retention

ONE_MONTH = Retention(inbox_months=1, attempt_months=1, history_months=1)


def names(session: Session, table: str) -> list[str]:
    statement = """select inhrelid::regclass::text as name from pg_inherits
                   where inhparent = cast(:table as regclass) order by 1"""
    return [found.name for found in rows(session, statement, table=table)]


def test_last_month_this_one_and_three_ahead_are_there(session: Session) -> None:
    months = ["2026m10", "2026m11", "2026m12", "2027m01", "2027m02"]
    assert len(months) == 2 + AHEAD
    for table in partitioned(session):
        assert names(session, table) == [f"{table}_y{month}" for month in months]


def test_partitions_that_are_there_are_not_made_again(session: Session, at: datetime) -> None:
    assert make_partitions(session, at) == []
    made = make_partitions(session, datetime(2026, 12, 1, tzinfo=UTC))
    assert len(made) == len(partitioned(session))
    assert all(name.endswith("_y2027m03") for name in made)


def test_each_partition_is_tied_to_that_of_its_own_month(session: Session, at: datetime) -> None:
    make_partitions(session, at + timedelta(days=31))
    found = rows(
        session,
        """select conrelid::regclass::text as child, conname, confrelid::regclass::text as parent from pg_constraint
           where contype = 'f' and confrelid in (select inhrelid from pg_inherits)""",
    )
    tied = {(one.child, one.conname, one.parent) for one in found}
    months = [name.removeprefix("sales_order") for name in names(session, "sales_order")]
    assert tied == {(key.table + month, key.name, key.of + month) for key in KEYS for month in months}


def test_a_row_without_its_order_is_refused(session: Session) -> None:
    statement = "insert into fulfilment_line values (2611000000000001, 1, 1, 'apple', 1, 0, 0)"
    with pytest.raises(IntegrityError, match="fk_fulfilment_line_order_id_no"):
        run(session, statement)


def test_tables_are_cut_by_time_or_by_an_id_that_carries_it(session: Session) -> None:
    by_time = {name for name, cut_by_time in partitioned(session).items() if cut_by_time}
    assert by_time == {"inbox", "attempt", "step_history"}


def test_the_bounds_are_those_of_utc(session: Session) -> None:
    midnight = datetime(2026, 12, 1, tzinfo=UTC)
    keep(session, "mall-pc", "order", "last", b"{}", midnight - timedelta(microseconds=1))
    keep(session, "mall-pc", "order", "first", b"{}", midnight)
    found = rows(session, "select message_id, tableoid::regclass::text as part from inbox order by received_at")
    assert [(one.message_id, one.part) for one in found] == [("last", "inbox_y2026m11"), ("first", "inbox_y2026m12")]


def test_only_what_is_older_than_its_retention_is_dropped(session: Session, at: datetime) -> None:
    assert drop_partitions(session, at, ONE_MONTH) == []
    after = datetime(2026, 12, 1, tzinfo=UTC)
    assert drop_partitions(session, after, ONE_MONTH) == [f"{t}_y2026m10" for t in ("inbox", "attempt", "step_history")]
    assert names(session, "sales_order")[0] == "sales_order_y2026m10"


def test_a_month_that_nobody_made_is_loud(session: Session) -> None:
    keep(session, "mall-pc", "order", "m1", b"{}", datetime(2030, 1, 1, tzinfo=UTC))
    with pytest.raises(IntegrityError, match="no partition"):
        session.commit()  # which what was kept goes along with
