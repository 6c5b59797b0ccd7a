"""Patterns of review rules, each compiled once: the library of the expressions would compile it anew for every text."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from pydantic_core import SchemaError, SchemaValidator, core_schema

from hub.unfit import Unfit

MATCHED: Final = "matched"
"""What `matches` is called in a program, and as long: the library does not let a function of its own be replaced."""

TEXTS: Final = re.compile(r'"(?:\\.|[^"\\\n])*"' r"|'(?:\\.|[^'\\\n])*'" "|//[^\n]*")
"""Texts and comments of an expression, whose contents mean nothing to its structure."""

KEPT: Final = 512

_WORD: Final = re.compile(rf"({TEXTS.pattern})|\bmatches\b")
_BEFORE: Final = re.compile(r"\bmatches\s*\(\s*$")
_AFTER: Final = re.compile(r"\s*\)")


def matched(text: object, pattern: object) -> bool:
    """Say whether a pattern is found in a text; it takes no longer than their lengths multiplied.

    Raises: TypeError when one of them is no text; ValueError when the pattern is none.
    """
    if not isinstance(text, str) or not isinstance(pattern, str):
        raise TypeError("a pattern is looked for in a text")
    return compile_pattern(pattern).isinstance_python(text)


@lru_cache(maxsize=KEPT)
def compile_pattern(pattern: str) -> SchemaValidator:
    """Compile a pattern of the syntax that CEL has.

    It is the engine of pydantic's own patterns, which is the one that the library of the expressions has as well.
    Raises: ValueError when it is no pattern, or one too large.
    """
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, strict=True, regex_engine="rust-regex"))
    except SchemaError as error:
        raise Unfit(f"{pattern[:80]} 不是有效的正则表达式", f"{pattern[:80]} is no pattern") from error


def renamed(source: str) -> str:
    """Give an expression as it is compiled, with our own function for its patterns and every character in its place."""
    return _WORD.sub(lambda found: found[1] or MATCHED, source)


def patterns_of(source: str) -> Iterator[str]:
    """Give the texts, in their quotes, that are written as patterns in an expression."""
    before, end = "", 0
    for found in TEXTS.finditer(source):
        before += source[end : found.start()]
        end = found.end()
        if found[0].startswith("//"):
            before += " "
        else:
            if _BEFORE.search(before) and _AFTER.match(source, end):
                yield found[0]
            before += '""'
