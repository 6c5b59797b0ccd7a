"""Where a version of a rule or a policy stands, in both languages."""

from collections.abc import Mapping
from typing import Final

from hub.language import Words
from hub.versions import VersionState

STATES: Final[Mapping[VersionState, Words]] = {
    VersionState.DRAFT: Words("草稿", "draft"),
    VersionState.IN_FORCE: Words("生效", "in force"),
    VersionState.RETIRED: Words("已停用", "retired"),
}
