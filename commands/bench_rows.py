"""The rows that placed orders have left behind, taken out of one database to be written again into another."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString, cast

import psycopg
from psycopg import sql
from psycopg.types.json import set_json_loads

GROUP: Final = 500
"""Orders in one transaction."""

OF_FULFILMENT: Final = "split_part(split_part(t.ref, ':', 2), '-', 1)::bigint"

TABLES: Final[Mapping[LiteralString, LiteralString]] = {
    "order_key": "t.order_id",
    "sales_order": "t.id",
    "order_line": "t.order_id",
    "price_adjustment": "t.order_id",
    "order_hold": "t.order_id",
    "routing_decision": "t.order_id",
    "fulfilment_order": "t.order_id",
    "fulfilment_line": "t.order_id",
    "stock_movement": f"case when t.reason = 'allocate' then {OF_FULFILMENT} end",
    "stock_movement_key": f"case when t.reason = 'allocate' then {OF_FULFILMENT} end",
    "step": "t.order_id",
    "case_file": "t.order_id",
    "audit_entry": "case when t.subject like 'order:%' then split_part(t.subject, ':', 2)::bigint end",
}
"""What placing writes, in the order of foreign keys, and which order a row is of; people are of many (`SHARED`)."""

SHARED: Final[LiteralString] = "subject"

STOCK: Final[LiteralString] = """
    update stock_level level set allocated = level.allocated + new.pieces, version = level.version + 1
    from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[])
         as new (location, sku, owner, condition, pieces)
    where (level.location, level.sku, level.owner, level.condition)
        = (new.location, new.sku, new.owner, new.condition)"""
"""Two groups at once would deadlock on counters in no order: they are locked in the order of their keys first."""

LOCK: Final[LiteralString] = """
    select 1 from stock_level level
    join unnest(%s::text[], %s::text[], %s::text[], %s::text[]) as new (location, sku, owner, condition)
         using (location, sku, owner, condition)
    order by location, sku, owner, condition for update of level"""

Stock = tuple[list[str], list[str], list[str], list[str], list[int]]


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of some orders, table by table: as COPY takes them, and what they took from the counters."""

    buffers: Sequence[tuple[str, bytes]]
    stock: Stock


@dataclass(frozen=True, slots=True)
class Single:
    """The rows of one order as statements with their parameters."""

    statements: Sequence[tuple[bytes, Sequence[Any]]]
    stock: Stock


def count_rows(connection: psycopg.Connection) -> int:
    """Count the rows that all orders together have in these tables."""
    total = 0
    for table, order in TABLES.items():
        statement = sql.SQL(f"select count(*) from {table} t where {order} is not null")
        found = connection.execute(statement).fetchone()
        total += found[0] if found else 0
    return total


def number_orders(connection: psycopg.Connection) -> int:
    """Put the orders into numbered groups, for the readers of this database; give how many orders there are."""
    connection.execute("create table bench_chosen (id bigint primary key, part bigint)")
    connection.execute(
        "insert into bench_chosen select id, (row_number() over (order by id) - 1) / %s from sales_order", [GROUP]
    )
    connection.execute("analyze bench_chosen")
    found = connection.execute("select count(*) from bench_chosen").fetchone()
    return found[0] if found else 0


def carry_shared(source: psycopg.Connection, target: psycopg.Connection) -> None:
    """Write the rows that orders share, ahead of any group: two groups at once may need the same one first."""
    with (
        source.cursor().copy(sql.SQL("copy {} to stdout").format(sql.Identifier(SHARED))) as rows,
        target.cursor().copy(sql.SQL("copy {} from stdin").format(sql.Identifier(SHARED))) as stream,
    ):
        for one in rows:
            stream.write(one)


def read_group(connection: psycopg.Connection, part: int) -> Group:
    """Read the rows of one group as COPY gives them."""
    buffers: list[tuple[str, bytes]] = []
    for table, order in TABLES.items():
        rows = _rows_of(table, order, part)
        with connection.cursor().copy(sql.SQL("copy ({}) to stdout").format(rows)) as stream:
            buffers.append((table, b"".join(bytes(one) for one in stream)))
    return Group(buffers, _stock_of(connection, part))


def write_group(connection: psycopg.Connection, group: Group) -> None:
    """Write a group in one transaction: all its rows by COPY, all its counters by one update."""
    with connection.transaction():
        for table, buffer in group.buffers:
            statement = sql.SQL("copy {} from stdin").format(sql.Identifier(table))
            with connection.cursor().copy(statement) as stream:
                stream.write(buffer)
        _take(connection, group.stock)


def read_singles(connection: psycopg.Connection, part: int) -> list[Single]:
    """Read the rows of a group order by order, ready to be inserted."""
    set_json_loads(_as_text, connection)
    found: dict[int, list[tuple[bytes, Sequence[Any]]]] = {}
    for table, order in TABLES.items():
        by_order: dict[int, list[Sequence[Any]]] = {}
        cursor = connection.execute(
            sql.SQL("select {}, part.* from ({}) part").format(_order_of(order), _rows_of(table, order, part))
        )
        width = len(cursor.description or ()) - 1
        for order_id, *values in cursor:
            by_order.setdefault(order_id, []).append(values)
        for order_id, rows in by_order.items():
            places = ", ".join(f"({', '.join(['%s'] * width)})" for _ in rows)
            statement = f"insert into {table} overriding system value values {places}".encode()
            found.setdefault(order_id, []).append((statement, [value for row in rows for value in row]))
    return [Single(statements, _stock_of(connection, part, order_id)) for order_id, statements in found.items()]


def write_single(connection: psycopg.Connection, single: Single) -> None:
    """Write one order in a transaction of its own, its statements sent without waiting for each answer."""
    with connection.pipeline(), connection.transaction():
        for statement, values in single.statements:
            connection.execute(statement, values)
        _take(connection, single.stock)


def _as_text(document: str | bytes) -> str:
    """Leave a document as the text that it came as."""
    return document.decode() if isinstance(document, bytes) else document


def _take(connection: psycopg.Connection, stock: Stock) -> None:
    connection.execute(LOCK, stock[:4])
    connection.execute(STOCK, stock)


def _rows_of(table: LiteralString, order: LiteralString, part: int) -> sql.Composed:
    text = sql.SQL(f"select t.* from {table} t join bench_chosen c on c.id = {order} where c.part = {{}}")
    return text.format(sql.Literal(part))


def _order_of(order: LiteralString) -> sql.SQL:
    return sql.SQL(order.replace("t.", "part."))


def _stock_of(connection: psycopg.Connection, part: int, order_id: int | None = None) -> Stock:
    """Sum what the orders of a group, or one of them, took from each counter, in the order of the keys."""
    text: LiteralString = f"""
        select location, sku, owner, condition, sum(allocated)::bigint from stock_movement t
        join bench_chosen c on c.id = {TABLES["stock_movement"]}
        where c.part = %s and (%s::bigint is null or c.id = %s) group by 1, 2, 3, 4 order by 1, 2, 3, 4"""
    columns: Iterator[Any] = zip(*connection.execute(text, [part, order_id, order_id]), strict=True)
    lists = [list(column) for column in columns] or [[] for _ in range(5)]
    return cast("Stock", tuple(lists))
