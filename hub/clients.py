"""What the hub remembers of its API's callers: nonces that are spent, and answers already given to a key."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Session

from hub.columns import Table, moment, number, sealed, words
from hub.database import row, run
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


def spend_nonce(session: Session, client: str, nonce: str, expires_at: datetime) -> None:
    """Use a nonce up.

    Raises: Unauthorised when it was used before.
    """
    spent = run(
        session,
        """insert into client_nonce (client, nonce, expires_at) values (:client, :nonce, :expires)
           on conflict do nothing""",
        client=client,
        nonce=nonce,
        expires=expires_at,
    )
    if not spent:
        raise Unauthorised("this nonce was used before", code="nonce_replayed")


def begin_key(session: Session, client: str, key: str, request_hash: bytes, at: datetime) -> tuple[int, bytes] | None:
    """Claim a key for a request; give status and answer if the same request was answered under it before.

    Raises: Conflict when the key was used for another request.
    """
    run(
        session,
        """insert into idempotency_key (client, key, request_hash, created_at) values (:client, :key, :hash, :at)
           on conflict do nothing""",
        client=client,
        key=key,
        hash=request_hash,
        at=at,
    )
    known = row(
        session,
        "select request_hash, status, answer from idempotency_key where client = :client and key = :key",
        client=client,
        key=key,
    )
    if known is None or bytes(known.request_hash) != request_hash:
        raise Conflict("this Idempotency-Key was used for another request", code="idempotency_key_reused")
    return (known.status, bytes(known.answer)) if known.status is not None else None


def finish_key(session: Session, client: str, key: str, status: int, answer: bytes) -> None:
    """Remember the answer that a key got."""
    run(
        session,
        "update idempotency_key set status = :status, answer = :answer where client = :client and key = :key",
        client=client,
        key=key,
        status=status,
        answer=answer,
    )


def forget_old(session: Session, nonces_before: datetime, keys_before: datetime) -> None:
    """Drop what no longer protects anybody."""
    run(session, "delete from client_nonce where expires_at < :at", at=nonces_before)
    run(session, "delete from idempotency_key where created_at < :at", at=keys_before)
