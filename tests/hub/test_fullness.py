from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import row, run
from hub.fullness import Full, full_of, look
from hub.inbox import keep
from hub.settings import Limits
from tests.hub.making import AT

ROOMY = Limits(free_disk_mb=0)
NO_DISK = Limits(free_disk_mb=10**12)


def test_nothing_is_full_before_anybody_has_looked(session: Session) -> None:
    assert full_of(session) is Full.NOTHING


@pytest.mark.parametrize(("limit", "full"), [(3, Full.NOTHING), (2, Full.INBOX)])
def test_the_inbox_is_full_when_as_much_waits_as_may(session: Session, limit: int, full: Full) -> None:
    for number in "ab":
        keep(session, "mall-pc", "order", number, b"", AT)
    assert look(session, Limits(inbox_waiting=limit, free_disk_mb=0), AT) == (Full.NOTHING, full)
    assert full_of(session) is full


def test_it_is_full_no_more_once_the_inbox_is_worked_off(session: Session) -> None:
    limits = Limits(inbox_waiting=1, free_disk_mb=0)
    keep(session, "mall-pc", "order", "a", b"", AT)
    look(session, limits, AT)
    run(session, "update inbox set state = 'done'")
    assert look(session, limits, AT + timedelta(seconds=10)) == (Full.INBOX, Full.NOTHING)
    assert full_of(session) is Full.NOTHING


def test_a_disk_with_little_room_is_full(session: Session) -> None:
    assert look(session, NO_DISK, AT)[1] is Full.DISK
    assert look(session, ROOMY, AT)[1] is Full.NOTHING
    seen = row(session, "select free_disk_mb, database_mb, inbox_waiting from fullness")
    assert seen
    assert (seen.free_disk_mb > 0, seen.database_mb, seen.inbox_waiting) == (True, None, 0)


def test_a_database_that_has_outgrown_its_limit_is_full(session: Session) -> None:
    assert look(session, Limits(free_disk_mb=0, database_mb=1), AT)[1] is Full.DATABASE
    assert look(session, Limits(free_disk_mb=0, database_mb=10**6), AT)[1] is Full.NOTHING


def test_a_folder_that_cannot_be_seen_says_nothing(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def unseen(path: str) -> None:
        raise FileNotFoundError(path)

    monkeypatch.setattr("os.statvfs", unseen)
    assert look(session, NO_DISK, AT)[1] is Full.NOTHING
