"""Query parameters that a path does not know, or has once, are refused by name, for all of /v1.

Else a misspelt one asks for more, and of one that is sent again only the last would count.
"""

from collections import Counter
from typing import get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from hub.errors import Malformed


async def known_query(request: Request) -> None:  # a coroutine, for else a thread would be asked
    """Look whether the path has all parameters that were sent, as often as they were.

    Raises: Malformed, naming the first that it has not.
    """
    route = request.scope.get("route")
    if not request.scope["query_string"] or not isinstance(route, APIRoute):
        return
    known = _known(route.dependant)
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if name not in known:
            told = ", ".join(sorted(known)) or "-"
            text, zh = f"{name[:60]}: is not known here; known: {told}", f"没有查询参数 {name[:60]}；可用：{told}"
            raise Malformed(text, field=name[:60], zh=zh)
        if times > 1 and not known[name]:
            raise Malformed(f"{name}: name it once", field=name, zh=f"查询参数 {name} 只能出现一次")


def _known(of: Dependant) -> dict[str, bool]:
    """Give the parameters that there are, and whether each may be sent more than once."""
    known = {one.alias: get_origin(one.field_info.annotation) is tuple for one in of.query_params}
    for part in of.dependencies:
        known |= _known(part)
    return known
