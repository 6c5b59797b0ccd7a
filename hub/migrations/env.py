from alembic import context
from sqlalchemy import NullPool, create_engine, text

from hub.migrations.drift import is_ours
from hub.migrations.tables import METADATA

LOCK = 7003

PATIENCE = "3s"
"""How long a change waits for tables that others use: everybody else queues behind it meanwhile."""

# No pool: a connection that is closed lets go of the lock, however it ended.
engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "", poolclass=NullPool)
with engine.connect() as connection:
    connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": LOCK})
    connection.execute(text("select set_config('lock_timeout', :patience, false)"), {"patience": PATIENCE})
    connection.commit()
    # Each by itself: what one has locked is free before the next begins, and what went well stays.
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        include_object=is_ours,
        compare_type=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
