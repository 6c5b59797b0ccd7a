"""Tokens that let us call a platform in a shop's name: sealed, one a connection, each replaced as a whole."""

import time
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from sqlalchemy.orm import Session

from hub.access import Token
from hub.columns import Table, moment, number, sealed, words
from hub.database import Database, keyring_of, row, run
from hub.errors import Misconfigured

FRESH_S: Final = 5.0
"""How long a process trusts a token it has read; a platform takes the old one for some minutes after a change."""


class ConnectionToken(Table, table=True):
    """The token that a connection holds now."""

    connection: str = words(primary_key=True)
    token: bytes = sealed()
    expires_at: datetime = moment()
    version: int = number(default=1)
    updated_at: datetime = moment()


def store_token(session: Session, connection: str, token: Token, at: datetime) -> None:
    """Replace a connection's token."""
    run(
        session,
        """insert into connection_token (connection, token, expires_at, version, updated_at)
           values (:connection, :token, :expires_at, 1, :at)
           on conflict (connection) do update set token = excluded.token, expires_at = excluded.expires_at,
                                                  version = connection_token.version + 1, updated_at = :at""",
        connection=connection,
        token=keyring_of(session).seal(token.model_dump_json().encode(), _place(connection)),
        expires_at=token.expires_at,
        at=at,
    )


def exchange_token(session: Session, connection: str, old: Token, new: Token, at: datetime) -> bool:
    """Replace a token by the one it was exchanged for; False when it is another by now, given by a person meanwhile."""
    run(session, "select 1 from connection_token where connection = :connection for update", connection=connection)
    current = find_token(session, connection)
    if current is None or current.access != old.access:
        return False
    store_token(session, connection, new, at)
    return True


def find_token(session: Session, connection: str) -> Token | None:
    """Open a connection's token, if it has one."""
    statement = "select token, expires_at from connection_token where connection = :connection"
    found = row(session, statement, connection=connection)
    if found is None:
        return None
    token = Token.model_validate_json(keyring_of(session).open(bytes(found.token), _place(connection)))
    return token.model_copy(update={"expires_at": found.expires_at})


def distrust_token(session: Session, connection: str, at: datetime) -> None:
    """Take a token for expired, because the platform says so; one that was only just exchanged is not meant."""
    run(
        session,
        """update connection_token set expires_at = :at
           where connection = :connection and expires_at > :at and updated_at < :before""",
        connection=connection,
        at=at,
        before=at - timedelta(seconds=2 * FRESH_S),
    )


class Tokens:
    """Gives tokens to partners, read from the database once every few seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._read: dict[str, tuple[float, Token]] = {}
        self._lock = Lock()

    def current(self, connection: str) -> Token:
        """Give the connection's token.

        Raises: Misconfigured when it has none.
        """
        with self._lock:
            known = self._read.get(connection)
            if known is None or time.monotonic() - known[0] > FRESH_S:
                with self._database.transaction() as session:
                    token = find_token(session, connection)
                if token is None:
                    raise Misconfigured(
                        f"{connection} has no token: set one with ./oms connection token {connection}",
                        code="token_missing",
                    )
                known = self._read[connection] = (time.monotonic(), token)
            return known[1]


def _place(connection: str) -> str:
    return f"connection_token|token|{connection}"
