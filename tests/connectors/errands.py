"""Errands that every connector can run at its stand-in, each under a key of its own, for whoever gets in their way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from itertools import count
from typing import Any, ClassVar, Final, Protocol

import requests

from connectors.partner import Partner
from hub.errors import HubError, OutcomeUnknown
from hub.settings import Connection, Http
from tests.connectors.exemplars import SECRET, TOKEN

NUMBERS: Final = count(1)
PATIENT: Final = Http(connect_s=5, read_s=20)
HASTY: Final = Http(connect_s=0.5, read_s=0.3)


def nothing_known(_partner: object) -> object:
    """Stand for a question that a partner need not be asked, for it takes a repeated key once."""
    return None


@dataclass(frozen=True, slots=True)
class Errand:
    """One piece of business.

    `holding` is in the request whose answer gets into trouble; `effects` counts executions by the partner's own books,
    and is left out for a question; `unheard` is what a missed answer to that request means for the whole errand.
    """

    do: Callable[[Any], object]
    holding: bytes
    effects: Callable[[], int] | None = None
    ask: Callable[[Any], object] = nothing_known
    fields: Mapping[str, object] = field(default_factory=dict[str, object])
    unheard: type[HubError] = OutcomeUnknown


class Stand(Protocol):
    """A partner's stand-in, running at `url`; `path` is where it takes calls."""

    kind: ClassVar[str]
    path: ClassVar[str]
    fields: ClassVar[Mapping[str, object]]
    errands: ClassVar[Mapping[str, Callable[[Any], Errand]]]
    url: str


def partner_of(stand: Stand, url: str, limits: Http = PATIENT, **fields: object) -> Any:  # noqa: ANN401 # any ports
    """Make a stand's partner as it calls an address, by a clock that runs."""
    fixed = {"kind": stand.kind, "brand": "demo", "shop": "pc", "base_url": f"{url}{stand.path}"}
    connection = Connection.model_validate({**fixed, **stand.fields, **fields})
    partner = Partner("test", connection, SECRET, limits, lambda: datetime.now(UTC), lambda: TOKEN)
    return import_module(f"connectors.{stand.kind}").connect(partner)


def books_of(stand: Stand) -> Any:  # noqa: ANN401 # each partner's books have a shape of their own
    return requests.get(f"{stand.url}/books", timeout=5).json()


def run_to_the_end(errand: Errand, partner: Any) -> None:  # noqa: ANN401 # whatever ports it serves
    """Do what the engine does after an unheard answer: ask where that is needed, and send again what is not known."""
    if not errand.ask(partner):
        errand.do(partner)
