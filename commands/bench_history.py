"""A long history of orders, made of placed ones: their rows are copied under new numbers into the months before."""

from datetime import UTC, datetime, timedelta
from typing import Final, LiteralString

import psycopg
from psycopg import sql

from hub.database import Database
from hub.ids import PER_MONTH, month_of
from hub.partitions import make_partitions

MONTHS: Final = 12
MONTH: Final = timedelta(days=30)
APART: Final = 10**8
"""How far the numbers of two copies lie apart."""

ORDER: Final[LiteralString] = "(%(base)s + mod({}, 1000000000000) + %(shift)s)"
CODE: Final[LiteralString] = "split_part({}, '-', 1)::bigint"

COPIED: Final[dict[LiteralString, dict[LiteralString, LiteralString]]] = {
    "subject": {"id": "t.id + %(shift)s", "reference_index": "decode(md5(t.id || '-' || %(copy)s), 'hex')"},
    "inbox_key": {"message_id": "t.message_id || '-' || %(copy)s", "inbox_id": "t.inbox_id + %(shift)s"},
    "inbox": {
        "id": "t.id + %(shift)s",
        "message_id": "t.message_id || '-' || %(copy)s",
        "order_id": ORDER.format("t.order_id"),
    },
    "order_key": {"external_id": "t.external_id || '-' || %(copy)s", "order_id": ORDER.format("t.order_id")},
    "sales_order": {
        "id": ORDER.format("t.id"),
        "external_id": "t.external_id || '-' || %(copy)s",
        "subject_id": "t.subject_id + %(shift)s",
        "lifecycle": "'completed'",
    },
    "order_line": {"order_id": ORDER.format("t.order_id")},
    "price_adjustment": {"order_id": ORDER.format("t.order_id")},
    "routing_decision": {"order_id": ORDER.format("t.order_id")},
    "fulfilment_order": {
        "order_id": ORDER.format("t.order_id"),
        "code": ORDER.format("t.order_id") + " || '-' || t.no",
        "execution": "'closed'",
    },
    "fulfilment_line": {"order_id": ORDER.format("t.order_id")},
    "stock_movement": {"id": ORDER.format("t.id"), "ref": "t.ref || '-' || %(copy)s"},
    "stock_movement_key": {"movement_id": ORDER.format("t.movement_id"), "ref": "t.ref || '-' || %(copy)s"},
    "audit_entry": {"id": "", "subject": "t.subject || '-' || %(copy)s"},
}
"""The tables of an order in the order of their foreign keys, and what is written instead of what stands there."""

ONLY: Final[dict[LiteralString, LiteralString]] = {
    "stock_movement": "where reason = 'allocate'",
    "stock_movement_key": "where reason = 'allocate'",
}
"""What of a table is an order's: goods that came in are not copied."""

STEPS: Final[LiteralString] = f"""
    insert into step_history (id, flow, lane, connection, idempotency_key, order_id, subject, traceparent, state,
                              run_at, attempts, token, doubt, unheard, lease_until, last_error, created_at, settled_at)
    select id + %(shift)s, flow, lane || '-' || %(copy)s, connection, idempotency_key || '-' || %(copy)s,
           {ORDER.format("order_id")}, subject, '', 'done', run_at - %(age)s, 1, 1, false, 0, null, '',
           created_at - %(age)s, created_at - %(age)s
    from bench_step"""

COUNTERS: Final[LiteralString] = """
    update stock_level level set allocated = level.allocated + %s * booked.pieces
    from (select location, sku, owner, condition, sum(allocated)::bigint as pieces
          from stock_movement where id = any(select id from bench_stock_movement) group by 1, 2, 3, 4) booked
    where (level.location, level.sku, level.owner, level.condition)
        = (booked.location, booked.sku, booked.owner, booked.condition)"""


def lengthen(database: Database, at: datetime, copies: int) -> None:
    """Copy every order of the database so often into the months before, with its messages, calls and movements."""
    for months in range(MONTHS + 1):
        with database.transaction() as session:
            make_partitions(session, at - months * MONTH)
    with psycopg.connect(database.url, autocommit=True) as connection:
        for table in (*COPIED, "step"):
            only = sql.SQL(ONLY.get(table, ""))
            connection.execute(sql.SQL(f"create table bench_{table} as select * from {table} {{}}").format(only))
        for copy in range(1, copies + 1):
            _copy(connection, at, copy)
        connection.execute(COUNTERS, [copies])
        for table in (*COPIED, "step"):
            connection.execute(sql.SQL(f"drop table bench_{table}"))
        connection.execute("vacuum analyze")


def _copy(connection: psycopg.Connection, at: datetime, copy: int) -> None:
    age = (1 + copy % MONTHS) * MONTH
    then = (at - age).astimezone(UTC)
    values = {"base": month_of(then) * PER_MONTH, "shift": copy * APART, "copy": copy, "age": age}
    with connection.transaction():
        for table, changed in COPIED.items():
            connection.execute(_statement(connection, table, changed), values)
        connection.execute(STEPS, values)


def _statement(
    connection: psycopg.Connection, table: LiteralString, changed: dict[LiteralString, LiteralString]
) -> sql.Composed:
    """Write the insert of one table: what is not changed stays as it is, but for times, which lie further back."""
    found = connection.execute(
        """select column_name, data_type from information_schema.columns
           where table_schema = 'public' and table_name = %s order by ordinal_position""",
        [table],
    ).fetchall()
    kinds = {name: kind for name, kind in found if changed.get(name) != ""}
    values: list[sql.Composable] = []
    for name, kind in kinds.items():
        if name in changed:
            values.append(sql.SQL(changed[name]))
        elif kind == "timestamp with time zone":
            values.append(sql.SQL("t.{} - %(age)s").format(sql.Identifier(name)))
        else:
            values.append(sql.SQL("t.{}").format(sql.Identifier(name)))
    return sql.SQL("insert into {} ({}) overriding system value select {} from {} t").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, kinds)),
        sql.SQL(", ").join(values),
        sql.Identifier(f"bench_{table}"),
    )
