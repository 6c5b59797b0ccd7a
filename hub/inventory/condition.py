"""In which state goods are, as far as selling them goes."""

from enum import StrEnum


class Condition(StrEnum):
    SALEABLE = "saleable"
    DAMAGED = "damaged"
