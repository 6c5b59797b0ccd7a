"""What counts as tried: a text that was asked about at least one order."""

import pytest
from sqlalchemy.orm import Session

from hub.database import run
from hub.errors import Conflict
from hub.trials import TrialKind, TrialView, find_trial, note_trial, require_trial
from tests.hub.making import AT


def seen(looked: int) -> TrialView:
    return TrialView(days=7, looked=looked, whole=True, tried_at=AT, tried_by="admin-1")


@pytest.mark.parametrize("kind", TrialKind)
def test_what_was_tried_on_no_order_was_not_tried(session: Session, kind: TrialKind) -> None:
    assert note_trial(session, kind, "draft", seen(0)) is None
    with pytest.raises(Conflict, match="on none") as refused:
        require_trial(session, kind, "draft", "")
    assert refused.value.code == "untried"
    assert require_trial(session, kind, "draft", "a recall") == {"untried": "a recall"}


def test_a_trial_on_no_order_leaves_the_earlier_one(session: Session) -> None:
    note_trial(session, TrialKind.RULE, "draft", seen(3))
    assert note_trial(session, TrialKind.RULE, "draft", seen(0)) == seen(3)
    assert require_trial(session, TrialKind.RULE, "draft", "") == {}


def test_a_trial_on_no_order_that_was_noted_once_is_none(session: Session) -> None:
    note_trial(session, TrialKind.GIFT, "draft", seen(3))
    run(session, "update trial set looked = 0")
    assert find_trial(session, TrialKind.GIFT, "draft") is None
