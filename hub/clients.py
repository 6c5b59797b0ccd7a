"""What the hub remembers of its API's callers: nonces that are spent, and answers already given to a key."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Index
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.columns import Table, moment, number, sealed, words
from hub.database import rows, run
from hub.errors import Conflict, Unauthorised


class ClientNonce(Table, table=True):
    """A nonce that a client has used; kept as long as its timestamp would be accepted."""

    __table_args__ = (Index("ix_client_nonce_expiry", "expires_at"),)
    client: str = words(primary_key=True)
    nonce: str = words(primary_key=True)
    expires_at: datetime = moment()


class IdempotencyKey(Table, table=True):
    """What a client sent under an Idempotency-Key, and the answer it got."""

    __table_args__ = (Index("ix_idempotency_key_created", "created_at"),)
    client: str = words(primary_key=True)
    key: str = words(primary_key=True)
    request_hash: bytes = sealed()
    status: int | None = number(default=None)
    answer: bytes | None = sealed(default=None)
    created_at: datetime = moment()


class Spending(NamedTuple):
    """A nonce that a client has signed with."""

    client: str
    nonce: str
    expires_at: datetime


class Claim(NamedTuple):
    """A client's Idempotency-Key, and the hash of the request it was sent with."""

    client: str
    key: str
    request_hash: bytes


def nonce_replayed() -> Unauthorised:
    return Unauthorised("this nonce was used before", code="nonce_replayed")


def spend_nonces(session: Session, nonces: Sequence[Spending]) -> list[bool]:
    """Use nonces up, and say of each whether that was possible; of two alike the first has it."""
    firsts = {(one.client, one.nonce): one for one in reversed(nonces)}
    made = rows(
        session,
        """insert into client_nonce (client, nonce, expires_at)
           select * from unnest(cast(:clients as text[]), cast(:nonces as text[]), cast(:expiries as timestamptz[]))
                as new (client, nonce, expires_at) order by client, nonce
           on conflict do nothing returning client, nonce""",
        clients=[one.client for one in firsts.values()],
        nonces=[one.nonce for one in firsts.values()],
        expiries=[one.expires_at for one in firsts.values()],
    )
    left = {(one.client, one.nonce) for one in made}
    spent: list[bool] = []
    for one in nonces:
        spent.append((one.client, one.nonce) in left)
        left.discard((one.client, one.nonce))
    return spent


def begin_key(session: Session, client: str, key: str, request_hash: bytes, at: datetime) -> tuple[int, bytes] | None:
    """Claim a key for a request; give status and answer if the same request was answered under it before.

    Raises: Conflict when the key was used for another request.
    """
    begun = begin_keys(session, [Claim(client, key, request_hash)], at)[0]
    if isinstance(begun, Conflict):
        raise begun
    return begun


def begin_keys(session: Session, claims: Sequence[Claim], at: datetime) -> list[tuple[int, bytes] | Conflict | None]:
    """Claim keys, and give of each the answer of before, the conflict, or None where the request is to be done."""
    if not claims:
        return []
    firsts = {(one.client, one.key): one.request_hash for one in reversed(claims)}
    columns = {"clients": [client for client, _ in firsts], "keys": [key for _, key in firsts]}
    run(
        session,
        """insert into idempotency_key (client, key, request_hash, created_at)
           select client, key, hash, :at
           from unnest(cast(:clients as text[]), cast(:keys as text[]), cast(:hashes as bytea[]))
                as new (client, key, hash)
           order by client, key on conflict do nothing""",
        hashes=list(firsts.values()),
        at=at,
        **columns,
    )
    known = {
        (one.client, one.key): one
        for one in rows(
            session,
            """select client, key, request_hash, status, answer from idempotency_key
               where (client, key) in (select * from unnest(cast(:clients as text[]), cast(:keys as text[])))""",
            **columns,
        )
    }
    return [_begun(known.get((one.client, one.key)), one.request_hash) for one in claims]


def _begun(known: Row[Any] | None, request_hash: bytes) -> tuple[int, bytes] | Conflict | None:
    if known is None or bytes(known.request_hash) != request_hash:
        return Conflict("this Idempotency-Key was used for another request", code="idempotency_key_reused")
    return (known.status, bytes(known.answer)) if known.status is not None else None


def finish_key(session: Session, client: str, key: str, status: int, answer: bytes) -> None:
    """Remember the answer that a key got."""
    finish_keys(session, [(client, key, status, answer)])


def finish_keys(session: Session, answers: Sequence[tuple[str, str, int, bytes]]) -> None:
    """Remember the answers (client, key, status, answer) that keys got."""
    if not answers:
        return
    clients, keys, statuses, texts = map(list, zip(*answers, strict=True))
    run(
        session,
        """update idempotency_key set status = new.status, answer = new.answer
           from unnest(cast(:clients as text[]), cast(:keys as text[]), cast(:statuses as bigint[]),
                       cast(:answers as bytea[])) as new (client, key, status, answer)
           where (idempotency_key.client, idempotency_key.key) = (new.client, new.key)""",
        clients=clients,
        keys=keys,
        statuses=statuses,
        answers=texts,
    )


def free_keys(session: Session, keys: Sequence[tuple[str, str]]) -> None:
    """Let keys (client, key) go whose requests came to nothing: who mends such a request may keep its key."""
    if not keys:
        return
    clients, names = map(list, zip(*keys, strict=True))
    run(
        session,
        """delete from idempotency_key
           where (client, key) in (select * from unnest(cast(:clients as text[]), cast(:keys as text[])))""",
        clients=clients,
        keys=names,
    )


def forget_old(session: Session, nonces_before: datetime, keys_before: datetime) -> None:
    """Drop what no longer protects anybody."""
    run(session, "delete from client_nonce where expires_at < :at", at=nonces_before)
    run(session, "delete from idempotency_key where created_at < :at", at=keys_before)
