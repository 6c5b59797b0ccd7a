"""An order that a person has set aside, or replaced by an edited one, is sent once more by its shop."""

from datetime import UTC, datetime

import pytest

from hub.database import Database, rows
from hub.repair import discard_message
from hub.replay_edit import edit_message, open_message
from tests.api.calling import Mall, problem
from tests.hub.making import stock
from tests.hub.trouble import SUPERVISOR
from tests.staging import order_of

NOW = datetime.now(UTC)
WRONG = order_of(pieces={"grape": 1})


@pytest.fixture
def refused(mall: Mall, database: Database) -> int:
    """Give the message of an order that was refused, and whose cause is mended by now."""
    assert problem(mall.post(WRONG))[1] == "unknown_sku"
    with database.transaction() as session:
        [message] = rows(session, "select id from inbox where state = 'refused'")
        stock(session, {"sh": {"grape": 10}}, "ASN-grape")
    return message.id


def placed(database: Database) -> int:
    with database.transaction() as session:
        return len(rows(session, "select 1 from sales_order"))


def test_what_was_set_aside_for_good_is_not_placed(mall: Mall, refused: int, database: Database) -> None:
    with database.transaction() as session:
        discard_message(session, SUPERVISOR, refused, "the buyer rang", NOW)
    assert problem(mall.post(WRONG)) == (409, "message_set_aside")
    assert placed(database) == 0


def test_what_was_edited_is_not_placed_beside_the_edited_one(mall: Mall, refused: int, database: Database) -> None:
    with database.transaction() as session:
        text = open_message(session, SUPERVISOR, refused, "a slip", NOW)
        edit_message(session, SUPERVISOR, refused, text.replace("grape", "apple"), "a slip", NOW)
    assert problem(mall.post(WRONG)) == (409, "message_set_aside")
    assert placed(database) == 0
