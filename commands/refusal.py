"""A refusal as a terminal tells it: what the API calls it, where its message is in no language but English."""

from typing import Final

from sqlalchemy.exc import DBAPIError, ProgrammingError, SQLAlchemyError

from api.titles import TITLES
from hub.errors import HubError, NeedsOperator

NOT_MADE: Final = frozenset({"42P01", "42703"})
"""What PostgreSQL calls a table or a column that is not there."""


def refusal(error: HubError, language: str) -> str:
    """Say an error and its code in a line; a message that is not in the person's language stands behind its title."""
    message = error.say(language)
    if language == "zh" and message == error.message and error.code in TITLES:
        message = f"{TITLES[error.code].zh}：{message}"
    return f"{message} ({error.code})"


def database_fault(error: SQLAlchemyError) -> HubError:
    """Say what keeps a command from its database; a fault that is no matter of the set-up is raised again."""
    said = str(error.orig).partition("\n")[0] if isinstance(error, DBAPIError) else str(error)
    if not isinstance(error, ProgrammingError):
        told, zh = f"the database does not answer: {said}", f"数据库没有应答：{said}"
        return NeedsOperator(told, code="database_away", zh=zh)
    if getattr(error.orig, "sqlstate", None) not in NOT_MADE:
        raise error
    told, zh = f"the database is of another version: run ./oms db upgrade ({said})", "数据库表结构不是当前版本"
    return NeedsOperator(told, code="database_schema", zh=f"{zh}：请执行 ./oms db upgrade（{said}）")
