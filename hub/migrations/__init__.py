"""The schema's history, and the way to bring a database up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from hub.engine import sqlalchemy_url
from hub.errors import TryLater

HERE = Path(__file__).parent


def config(url: str) -> Config:
    """Make Alembic's configuration without a file of it."""
    settings = Config()
    settings.set_main_option("script_location", str(HERE))
    settings.set_main_option("sqlalchemy.url", sqlalchemy_url(url).replace("%", "%%"))
    return settings


def upgrade(url: str) -> None:
    """Bring the schema to the newest revision, one after the other; two processes at once wait for each other.

    Raises: TryLater when others use a table that is to be changed; the revisions before stay, and it goes on from there.
    """
    try:
        command.upgrade(config(url), "head")
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable | DeadlockDetected):
            raise
        told = f"a table is in use that is to be changed: stop workers and API, then upgrade again ({error.orig})"
        raise TryLater(told, code="tables_in_use") from error


def newest(url: str) -> str:
    """Give the revision that the code expects."""
    return ScriptDirectory.from_config(config(url)).get_current_head() or ""


def revision_of(url: str) -> str:
    """Give the revision a database stands at; empty when it has none."""
    engine = create_engine(sqlalchemy_url(url))
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision() or ""
    finally:
        engine.dispose()
