"""What a cause consists of: why a person is called, what ends it, and in which words."""

from dataclasses import dataclass
from enum import StrEnum

from hub.language import Words


class Remedy(StrEnum):
    """What ends a case; the console offers it beside the case."""

    REPLAY = "replay"
    BIND = "bind"
    DIVISION = "division"
    RELEASE = "release"
    RETRY = "retry"
    RESUME = "resume"
    BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a person is called, and what that person does: `how` names commands, `hint` what the console offers."""

    what: Words
    how: Words
    remedy: Remedy
    hint: Words
