"""Acts of a person: done once however often the button is pressed, told on the next page, and led on from there."""

import hashlib
import re
from collections.abc import Callable
from typing import Annotated, Final

from fastapi import Form, Response
from fastapi.responses import RedirectResponse

from dashboards.visit import Visit, local
from hub.clients import begin_key, finish_key
from hub.errors import Malformed
from hub.visits import leave_notice

KEY: Final = re.compile(r"[0-9a-f]{32}")
SEE_OTHER: Final = 303

ActionKey = Annotated[str, Form()]
"""The hidden field of every form: `{{ parts.action_key() }}`."""


def act(visit: Visit, action_key: str, work: Callable[[], str], *, then: str) -> Response:
    """Do something once and lead on to `then`, a path of the console; `work` gives the sentence that tells what it did.

    A second press of the same button waits for the first and is led to the same place without doing anything.

    Raises: Malformed for a form without its key; Conflict when the key was spent on something else.
    """
    return act_towards(visit, action_key, lambda: (work(), then))


def act_towards(visit: Visit, action_key: str, work: Callable[[], tuple[str, str]]) -> Response:
    """Do something once, as above, where only `work` can say where it leads: it gives the sentence and the path.

    Raises: as `act`.
    """
    if not KEY.fullmatch(action_key):
        raise Malformed("the form carries no key: load the page again", code="action_key")
    client = f"console:{visit.actor.name}"
    asked = hashlib.sha256(f"{visit.request.method} {visit.request.url.path}".encode()).digest()
    known = begin_key(visit.session, client, action_key, asked, visit.at)
    if known is not None:
        return lead(visit, known[1].decode())
    told, then = work()
    leave_notice(visit.session, visit.token, told)
    finish_key(visit.session, client, action_key, SEE_OTHER, then.encode())
    return lead(visit, then)


def lead(visit: Visit, then: str) -> Response:
    """Lead on to a page, by htmx or by the browser itself."""
    if visit.in_part:
        return Response(status_code=204, headers={"HX-Redirect": local(then)})
    return RedirectResponse(local(then), SEE_OTHER)
