"""What people put in force: a draft first, in force once, then retired for good; what a version says never changes."""

from datetime import datetime
from enum import StrEnum

from hub.columns import Table, moment, words


class VersionState(StrEnum):
    """Where a version stands; a draft that another one replaces is retired without having been in force."""

    DRAFT = "draft"
    IN_FORCE = "in_force"
    RETIRED = "retired"


class VersionColumns(Table):
    """What every version remembers: where it stands, and who brought it there when."""

    state: str = words()
    drafted_at: datetime = moment()
    drafted_by: str = words()
    published_at: datetime | None = moment(default=None)
    published_by: str = words(default="")
    retired_at: datetime | None = moment(default=None)
    retired_by: str = words(default="")
