from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.clients import Spending, begin_key, finish_key, forget_old, spend_nonces
from hub.database import Database, run
from hub.errors import Conflict


def spend(session: Session, client: str, nonce: str, at: datetime) -> bool:
    return spend_nonces(session, [Spending(client, nonce, at)]) == [True]


def test_a_nonce_is_spent_once(session: Session, at: datetime) -> None:
    assert spend(session, "mall-pc", "n1", at)
    assert spend(session, "mall-pc", "n2", at)
    assert spend(session, "mall-app", "n1", at)
    assert not spend(session, "mall-pc", "n1", at)


def test_a_nonce_that_eight_spend_at_once_lets_one_through(database: Database, at: datetime) -> None:
    def one(_: int) -> bool:
        with database.transaction() as session:
            return spend(session, "mall-pc", "n1", at)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(8))) == 1


def test_a_finished_key_gives_its_answer_again(session: Session, at: datetime) -> None:
    assert begin_key(session, "mall-pc", "k1", b"hash", at) is None
    finish_key(session, "mall-pc", "k1", 201, b"sealed answer")
    assert begin_key(session, "mall-pc", "k1", b"hash", at) == (201, b"sealed answer")
    assert begin_key(session, "mall-app", "k1", b"hash", at) is None


def test_a_key_without_an_answer_may_be_tried_again(session: Session, at: datetime) -> None:
    assert begin_key(session, "mall-pc", "k1", b"hash", at) is None
    assert begin_key(session, "mall-pc", "k1", b"hash", at) is None


def test_a_key_for_another_request_is_a_conflict(session: Session, at: datetime) -> None:
    begin_key(session, "mall-pc", "k1", b"hash", at)
    with pytest.raises(Conflict, match="another request"):
        begin_key(session, "mall-pc", "k1", b"other", at)


def test_of_eight_requests_with_one_key_one_acts_and_the_rest_hear_its_answer(database: Database, at: datetime) -> None:
    def ask(n: int) -> bytes:
        with database.transaction() as session:
            known = begin_key(session, "mall-pc", "k1", b"hash", at)
            if known is None:
                finish_key(session, "mall-pc", "k1", 201, str(n).encode())
            return known[1] if known else str(n).encode()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1


def test_what_protects_nobody_any_more_is_forgotten(session: Session, at: datetime) -> None:
    spend(session, "mall-pc", "old", at - timedelta(hours=1))
    spend(session, "mall-pc", "new", at + timedelta(hours=1))
    begin_key(session, "mall-pc", "k1", b"hash", at - timedelta(days=2))
    forget_old(session, nonces_before=at, keys_before=at - timedelta(days=1))
    assert spend(session, "mall-pc", "old", at)
    assert run(session, "delete from idempotency_key") == 0
    assert not spend(session, "mall-pc", "new", at)
