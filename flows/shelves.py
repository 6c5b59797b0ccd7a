"""Whose shelves a connection counts: those of its own locations, and those that its options say it has books of.

An ERP has the stock of locations that ship through a warehouse's connection. `stock_at.<location>` in its options names
them, so that nobody counts at a location whom its owner has not told to.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy.orm import Session

from hub.database import rows
from hub.inventory.asking import Shelf, shelves_of
from hub.settings import Connection

STOCK_AT: Final = "stock_at."


def shelves_asked(session: Session, name: str, connection: Connection) -> Sequence[Shelf]:
    """Give what a connection is asked about; another connection's location only if the options name it."""
    named = _named(connection)
    others = sorted(set(_behind(session, named).values()) - {name})
    lent = [shelf for other in others for shelf in shelves_of(session, other) if shelf.location in named]
    return [*shelves_of(session, name), *lent]


def stands_behind(session: Session, name: str, connection: Connection, location: str) -> str:
    """Name the connection under which a location's counts are taken over: its own where this one may count for it."""
    if location not in _named(connection):
        return name
    return _behind(session, [location]).get(location, name)


def _named(connection: Connection) -> frozenset[str]:
    return frozenset(key.removeprefix(STOCK_AT) for key in connection.options if key.startswith(STOCK_AT))


def _behind(session: Session, locations: Sequence[str] | frozenset[str]) -> Mapping[str, str]:
    statement = "select code, connection from location where code = any(:codes)"
    return {one.code: one.connection for one in rows(session, statement, codes=sorted(locations))}
