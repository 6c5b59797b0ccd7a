"""The two ways in which a worker runs steps."""

from enum import StrEnum


class Mode(StrEnum):
    EMBEDDED = "embedded"
    CELERY = "celery"
