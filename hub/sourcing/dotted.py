"""Keys of TOML of so many parts that reading them alone would take minutes: the reader's time grows with their cube."""

import re
from typing import Final

MOST: Final = 16
"""Parts of a key; ours have four at most."""

DOTTED: Final = re.compile(rf"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){{{MOST}}}""")


def too_deep(written: str) -> bool:
    """Say whether a text may have a key of more parts than any of ours, also if it is in a string or a remark."""
    return DOTTED.search(written) is not None
