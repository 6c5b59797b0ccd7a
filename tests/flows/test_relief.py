from datetime import timedelta

from structlog.testing import capture_logs

from flows.housekeeping import Rounds, chores
from hub.cases import open_list
from hub.database import Database, rows, run
from hub.fullness import Full, full_of
from hub.inbox import keep
from hub.settings import Connection, Limits, Settings
from hub.steps import NewStep, add
from tests.hub.making import AT

SETTINGS = Settings(
    limits=Limits(backlog_alert_s=60, inbox_waiting=1, free_disk_mb=0),
    connections={"sap": Connection(kind="erp.sap", brand="demo")},
)


def go(database: Database, seconds: int) -> list[tuple[str, str]]:
    """Do the chores so much later; give what is logged of the load."""
    at = AT + timedelta(seconds=seconds)
    with capture_logs() as logs:
        Rounds(
            database, [one for one in chores(SETTINGS) if one.name in {"steps.backlog", "hub.fullness"}], lambda: at
        ).go()
    return [(one["event"], str(one.get("of") or one.get("connection"))) for one in logs]


def test_a_partner_that_falls_behind_is_a_case_of_its_brand_and_a_line_in_the_log(database: Database) -> None:
    with database.transaction() as session:
        add(session, [NewStep("f", "a", "sap", "a", 1, {})], AT)
    assert [go(database, seconds) for seconds in (30, 90, 120)] == [[], [("backlog", "sap")], []]
    with database.transaction() as session:
        (case,) = open_list(session)
        assert rows(session, "select brand from case_file where id = :id", id=case.id)[0].brand == "demo"
        run(session, "update step set state = 'done', settled_at = :at", at=AT)
    assert go(database, 150) == [("backlog.over", "sap")]


def test_a_hub_that_is_full_says_so_once_and_once_when_it_is_not(database: Database) -> None:
    with database.transaction() as session:
        keep(session, "mall-pc", "order", "a", b"", AT)
    assert [go(database, seconds) for seconds in (10, 20)] == [[("hub.full", "inbox")], []]
    with database.transaction() as session:
        assert full_of(session) is Full.INBOX
        run(session, "update inbox set state = 'done'")
    assert go(database, 30) == [("hub.full", "nothing")]
