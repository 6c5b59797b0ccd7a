"""Monthly partitions: made ahead of time, dropped when their retention is over.

What belongs to an order lies in the partitions of the order's own month, so a foreign key is between the two partitions
of one month. One between the whole tables would look for each row's order in every month that there is: ten thousand
orders cost four times as much to write after a year.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.ids import first_id_of, month_before, months_from
from hub.settings import Retention

AHEAD: Final = 3
"""Months made ahead, so that a scheduler that is down for weeks stops nobody."""

LOCK: Final = 7001
"""The advisory lock under which one process at a time makes or drops partitions."""


class Key(NamedTuple):
    """A foreign key from each partition of a table to the partition of the same month of another."""

    table: str
    columns: Sequence[str]
    of: str
    its: Sequence[str]

    @property
    def name(self) -> str:
        return f"fk_{self.table}_{'_'.join(self.columns)}"


def _of_order(table: str) -> Key:
    return Key(table, ("order_id",), "sales_order", ("id",))


KEYS: Final = (
    *map(_of_order, ("order_line", "price_adjustment", "order_hold", "fulfilment_order")),
    *map(_of_order, ("order_revision", "refund_due", "amount_due", "order_payment", "handover", "return_case")),
    Key("refund_line", ("order_id", "no"), "refund_due", ("order_id", "no")),
    Key("return_line", ("order_id", "no"), "return_case", ("order_id", "no")),
    Key("return_receipt", ("order_id", "no"), "return_case", ("order_id", "no")),
    Key("fulfilment_line", ("order_id", "no"), "fulfilment_order", ("order_id", "no")),
    Key("posting", ("order_id", "no"), "fulfilment_order", ("order_id", "no")),
    Key("shipment", ("order_id", "fulfilment_no"), "fulfilment_order", ("order_id", "no")),
    Key("shipped_lot", ("order_id", "shipment_no"), "shipment", ("order_id", "no")),
    Key("parcel", ("order_id", "shipment_no"), "shipment", ("order_id", "no")),
    Key("parcel_line", ("order_id", "shipment_no", "parcel_no"), "parcel", ("order_id", "shipment_no", "no")),
    Key("parcel_track", ("order_id", "shipment_no", "parcel_no"), "parcel", ("order_id", "shipment_no", "no")),
    Key("parcel_intercept", ("order_id", "shipment_no", "parcel_no"), "parcel", ("order_id", "shipment_no", "no")),
)


def partitioned(session: Session) -> Mapping[str, bool]:
    """Name the partitioned tables, and whether they are cut by time (else by an id that carries its month)."""
    statement = (
        "select partrelid::regclass::text as name, pg_get_partkeydef(partrelid) as cut from pg_partitioned_table"
    )
    return {found.name: found.cut.endswith("_at)") for found in rows(session, statement)}


def make_partitions(session: Session, at: datetime) -> list[str]:
    """Make the partitions of last month (for clocks that differ), this one and those ahead; give the new names."""
    run(session, "select pg_advisory_xact_lock(:lock)", lock=LOCK)
    today = at.astimezone(UTC).date()
    months = months_from(month_before(today, 1), AHEAD + 3)
    there = _existing(session)
    made: list[str] = []
    for table, by_time in partitioned(session).items():
        for month, after in pairwise(months):
            name = f"{table}_y{month:%Ym%m}"
            if name in there:
                continue
            low, high = (f"'{month}'", f"'{after}'") if by_time else (first_id_of(month), first_id_of(after))
            run(session, f"create table {name} partition of {table} for values from ({low}) to ({high})")
            made.append(name)
    _tie(session, set(made))
    _guard(session, made)
    return made


def _tie(session: Session, made: Collection[str]) -> None:
    """Give new partitions their foreign keys."""
    for key in KEYS:
        for name in sorted(made):
            table, _, month = name.rpartition("_y")
            if table == key.table:
                run(
                    session,
                    f"""alter table {name} add constraint {key.name} foreign key ({", ".join(key.columns)})
                        references {key.of}_y{month} ({", ".join(key.its)})""",
                )


def _guard(session: Session, made: Collection[str]) -> None:
    """Give new partitions what refuses to empty their table: PostgreSQL hands down triggers of rows alone."""
    whole = rows(
        session,
        """select tgrelid::regclass::text as name, tgname as trigger, tgfoid::regproc::text as act
           from pg_trigger join pg_partitioned_table on partrelid = tgrelid
           where tgtype & 33 = 32""",  # of TRUNCATE, and of no row
    )
    for one in whole:
        for name in sorted(made):
            if name.rpartition("_y")[0] == one.name:
                run(
                    session,
                    f"""create trigger {one.trigger} before truncate on {name}
                        for each statement execute function {one.act}()""",
                )


def drop_partitions(session: Session, at: datetime, retention: Retention) -> list[str]:
    """Drop the partitions by time whose retention is over; give their names."""
    run(session, "select pg_advisory_xact_lock(:lock)", lock=LOCK)
    keep = {
        "inbox": retention.inbox_months,
        "attempt": retention.attempt_months,
        "step_history": retention.history_months,
    }
    today = at.astimezone(UTC).date()
    dropped: list[str] = []
    for table, months in keep.items():
        oldest = month_before(today, months)
        limit = f"{table}_y{oldest:%Ym%m}"
        for name in sorted(_existing(session)):
            if name.rpartition("_y")[0] == table and name < limit:
                run(session, f"drop table {name}")
                dropped.append(name)
    return dropped


def _existing(session: Session) -> set[str]:
    statement = """select child.relname as name from pg_inherits
                   join pg_class child on child.oid = inhrelid where child.relkind = 'r'"""
    return {found.name for found in rows(session, statement)}
