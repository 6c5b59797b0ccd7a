"""Logs as JSON lines with order and request ids, and never a word of personal data."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Final

import structlog

PERSONAL: Final = frozenset(
    {"name", "phone", "mobile", "street", "address", "receiver", "buyer", "body", "payload", "remark"}
)


def drop_personal(_logger: object, _method: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Replace the values of keys that could carry personal data, wherever somebody logs one by mistake."""
    for key in PERSONAL & event.keys():
        event[key] = "[left out]"
    return event


def start_logging(level: int = logging.INFO) -> None:
    """Send every log line of this process to standard error as JSON."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            drop_personal,
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
