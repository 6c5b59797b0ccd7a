"""Look for a division by a part of its name, as a person does who corrects an address."""

from collections.abc import Mapping, Sequence
from functools import cache

from hub.address.division import ancestry, routable


def find_divisions(words: str, limit: int = 20) -> Sequence[tuple[str, str]]:
    """Give code and full name of the divisions to route by whose names hold all these words, or whose code begins so.

    Those whose own name holds the last word come first: 江苏 南京 gives the counties of 南京, 南京 the same.
    """
    asked = words.split()
    if not asked:
        return ()
    if len(asked) == 1 and asked[0].isdecimal():
        found = [code for code in _names() if code.startswith(asked[0])]
    else:
        found = [code for code, name in _names().items() if all(word in name for word in asked)]
    own = sorted(found, key=lambda code: (asked[-1] not in _names()[code].rpartition(" ")[2], code))
    return [(code, _names()[code]) for code in own[:limit]]


@cache
def _names() -> Mapping[str, str]:
    """Give the full name of each division that a warehouse is chosen by, the province first."""
    return {code: " ".join(above.name for above in ancestry(code)) for code in sorted(routable())}
