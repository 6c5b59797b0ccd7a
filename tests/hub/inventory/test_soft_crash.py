import signal
from pathlib import Path

from hub.database import Database, rows
from hub.inbox import keep
from hub.inventory.ledger import drift
from hub.inventory.soft import Wish, hold
from tests.forked import FORKED
from tests.hub.inventory.paying import take_orders
from tests.hub.inventory.racing import TTL
from tests.hub.making import AT, BRAND, stock
from tests.staging import encoded, order_of


def standing(database: Database) -> list[tuple[str, int, int]]:
    """Give the cart's state, and what is held and allocated, where the ledger bears it out."""
    with database.transaction() as session:
        assert drift(session) == []
        found = rows(session, "select r.state, l.soft, l.allocated from reservation r cross join stock_level l")
    return [(one.state, one.soft, one.allocated) for one in found]


def test_an_order_whose_process_dies_before_its_commit_takes_its_cart_once_from_the_next(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    paid = order_of("T1", {"apple": 2}, reservation="c1", placed_at=AT.isoformat(), paid_at=AT.isoformat())
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 2}})
        hold(session, BRAND, "pc", "c1", [Wish("apple", 2)], TTL, AT)
        keep(session, "mall-pc", "order", "T1", encoded(paid), AT)
    dying = FORKED.Process(target=take_orders, args=(database_url, tmp_path, "intake.handled"))
    dying.start()
    dying.join()
    assert (dying.exitcode, standing(database)) == (-signal.SIGKILL, [("held", 2, 0)])
    take_orders(database_url, tmp_path)
    assert standing(database) == [("taken", 0, 2)]
