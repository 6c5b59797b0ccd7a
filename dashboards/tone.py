"""A state's word in both languages, and the tone that colours it."""

from dataclasses import dataclass
from enum import StrEnum

from hub.language import Words


class Tone(StrEnum):
    """What a colour says; a badge always carries its word as well."""

    GOOD = "good"
    RUNNING = "running"
    WAITING = "waiting"
    FAILED = "failed"
    DEAD = "dead"
    ENDED = "ended"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class State:
    words: Words
    tone: Tone


def state(zh: str, en: str, tone: Tone = Tone.PLAIN) -> State:
    return State(Words(zh, en), tone)
