"""The schema's history, and the way to bring a database up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from hub.database import sqlalchemy_url

HERE = Path(__file__).parent


def config(url: str) -> Config:
    """Make Alembic's configuration without a file of it."""
    settings = Config()
    settings.set_main_option("script_location", str(HERE))
    settings.set_main_option("sqlalchemy.url", sqlalchemy_url(url).replace("%", "%%"))
    return settings


def upgrade(url: str) -> None:
    """Bring the schema to the newest revision; two processes at once wait for each other."""
    command.upgrade(config(url), "head")


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
