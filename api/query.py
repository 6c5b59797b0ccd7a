"""Query parameters that a path does not know are refused by name, for all of /v1: else a misspelt one asks for more."""

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from hub.errors import Malformed


async def known_query(request: Request) -> None:  # a coroutine, for else a thread would be asked
    """Look whether the path has all parameters that were sent.

    Raises: Malformed, naming the first that it has not.
    """
    route = request.scope.get("route")
    if not request.scope["query_string"] or not isinstance(route, APIRoute):
        return
    known = _known(route.dependant)
    for name in request.query_params:
        if name not in known:
            told = ", ".join(sorted(known)) or "-"
            text, zh = f"{name[:60]}: is not known here; known: {told}", f"没有查询参数 {name[:60]}；可用：{told}"
            raise Malformed(text, field=name[:60], zh=zh)


def _known(of: Dependant) -> set[str]:
    return {one.alias for one in of.query_params}.union(*map(_known, of.dependencies))
