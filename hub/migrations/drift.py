"""Compare a migrated database with the tables as declared, CHECK constraints included."""

import re
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, ForeignKeyConstraint, create_engine, text
from sqlalchemy.schema import CreateSchema, DropSchema

from hub.engine import sqlalchemy_url
from hub.migrations.tables import METADATA

PARTITION = re.compile(r"_y\d{4}m\d{2}")
SHADOW = "declared"


def is_ours(found: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:  # noqa: FBT001 # Alembic's hook
    """Leave partitions out: they come and go with the months, and Alembic would drop them.

    PostgreSQL also keeps a foreign key to each partition of a table that has one to the whole.
    """
    if isinstance(found, ForeignKeyConstraint):
        return not any(PARTITION.search(element.target_fullname) for element in found.elements)
    return not (kind in {"table", "index"} and name is not None and PARTITION.search(name))


def differences(url: str) -> list[str]:
    """Say where a database differs from the declared tables; empty when it does not.

    Alembic misses a CHECK that was dropped or altered, so every constraint's definition in pg_constraint is compared
    with what PostgreSQL makes of the declared one, in a schema built for the purpose and dropped again.
    """
    engine = create_engine(sqlalchemy_url(url))
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"include_object": is_ours, "compare_type": True})
            found = [str(change) for change in compare_metadata(context, METADATA)]
            return found + _constraint_differences(connection)
    finally:
        engine.dispose()


def _constraint_differences(connection: Connection) -> list[str]:
    connection.execute(DropSchema(SHADOW, cascade=True, if_exists=True))
    connection.execute(CreateSchema(SHADOW))
    connection.execute(text(f"set local search_path to {SHADOW}"))
    METADATA.create_all(connection.execution_options(schema_translate_map={None: SHADOW}), checkfirst=False)
    declared, there = _constraints(connection, SHADOW), _constraints(connection, "public")
    connection.rollback()
    return [
        f"{'.'.join(key)}: declared {declared.get(key, 'nothing')}, database has {there.get(key, 'nothing')}"
        for key in sorted(declared.keys() | there.keys())
        if declared.get(key) != there.get(key)
    ]


def _constraints(connection: Connection, schema: str) -> dict[tuple[str, str], str]:
    """Read table, name and definition of every CHECK, unique, primary and foreign key, partitions and Alembic's own left out."""
    found: Any = connection.execute(
        text("""select t.relname, c.conname, pg_get_constraintdef(c.oid) as definition
                from pg_constraint c join pg_class t on t.oid = c.conrelid join pg_namespace n on n.oid = t.relnamespace
                where n.nspname = :schema and not t.relispartition and c.conparentid = 0 and c.contype in ('c', 'u', 'p', 'f')"""),
        {"schema": schema},
    )
    return {
        (row.relname, row.conname): row.definition.replace(f"{schema}.", "")
        for row in found
        if row.relname != "alembic_version"
    }
