from alembic import context
from sqlalchemy import create_engine, text

from hub.migrations.drift import is_ours
from hub.migrations.tables import METADATA

LOCK = 7003

engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "")
with engine.connect() as connection:
    connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": LOCK})
    connection.commit()
    context.configure(connection=connection, target_metadata=METADATA, include_object=is_ours, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
    connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": LOCK})
    connection.commit()
engine.dispose()
