from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.access import Token
from hub.database import Database, rows
from hub.errors import Misconfigured, NeedsOperator
from hub.tokens import Tokens, find_token, store_token
from tests.hub.making import AT

TOKEN = Token(access="canary-access", refresh="canary-refresh", expires_at=AT + timedelta(days=7))


def test_a_token_is_kept_sealed_and_replaced_whole(session: Session) -> None:
    store_token(session, "tmall", TOKEN, AT)
    store_token(session, "tmall", TOKEN.model_copy(update={"access": "second"}), AT)
    found = rows(session, "select token, version from connection_token")
    assert (len(found), found[0].version) == (1, 2)
    assert b"second" not in bytes(found[0].token)
    assert find_token(session, "tmall") == TOKEN.model_copy(update={"access": "second"})


def test_a_token_shows_in_no_message(session: Session) -> None:
    assert "canary" not in repr(TOKEN)
    assert find_token(session, "nobody") is None


def test_a_token_of_one_connection_opens_for_no_other(session: Session) -> None:
    store_token(session, "tmall", TOKEN, AT)
    rows(session, "update connection_token set connection = 'other' returning 1")
    with pytest.raises(NeedsOperator):
        find_token(session, "other")


def test_a_process_is_given_the_token_that_is_kept(database: Database) -> None:
    with database.transaction() as session:
        store_token(session, "tmall", TOKEN, AT)
    tokens = Tokens(database)
    assert tokens.current("tmall") == TOKEN
    with pytest.raises(Misconfigured) as caught:
        tokens.current("nobody")
    assert caught.value.code == "token_missing"
