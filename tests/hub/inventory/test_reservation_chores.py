from datetime import datetime, timedelta

from commands.conservation import RULES
from flows.housekeeping import KEEP_RESERVATIONS, Rounds, chores
from hub.database import Database, rows, run
from hub.inventory.level import free_pieces
from hub.inventory.soft import Wish, hold
from hub.settings import Settings
from tests.hub.making import AT, BRAND, stock

TTL = timedelta(minutes=15)
HELD_RULE = "stock held is what reservations hold"


def housekeep(database: Database, at: datetime) -> None:
    Rounds(database, chores(Settings()), lambda: at).go()


def cart(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 5}})
        hold(session, BRAND, "pc", "c1", [Wish("apple", 4)], TTL, AT)


def test_the_schedule_gives_back_what_carts_held_too_long_and_forgets_it_later(database: Database) -> None:
    cart(database)
    housekeep(database, AT + TTL)
    with database.transaction() as session:
        assert free_pieces(session, {"apple": 0}, AT) == {("sh", "apple"): 5}
        assert [one.state for one in rows(session, "select state from reservation")] == ["expired"]
    housekeep(database, AT + TTL + KEEP_RESERVATIONS + timedelta(seconds=1))
    with database.transaction() as session:
        assert rows(session, "select 1 from reservation") == []


def test_the_checker_compares_carts_with_counters(database: Database) -> None:
    cart(database)
    with database.transaction() as session:
        assert rows(session, RULES[HELD_RULE]) == []
        run(session, "update reservation set state = 'released'")
        assert [one.what for one in rows(session, RULES[HELD_RULE])] == ["sh/apple"]
