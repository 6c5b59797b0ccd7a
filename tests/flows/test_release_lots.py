from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from flows.effect import Claimed
from flows.release_orders import ReleaseFulfilment
from hub.errors import HubError, OutcomeUnknown, Rejected
from hub.fulfilment.release import RELEASE
from tests.hub.inventory.lotted import named, tell
from tests.hub.making import AT, order, placed, stock
from tests.staging import settings_in


@pytest.fixture
def order_id(session: Session) -> int:
    stock(session, {"sh": {"apple": 5}})
    tell(session, "count", {"A": 2, "B": 3}, -1)
    return placed(session, order({"apple": 2}))


def effect(folder: Path, name_lots: str = "yes") -> ReleaseFulfilment:
    settings = settings_in(folder)
    wms = settings.connections["wms-sh"].model_copy(update={"options": {"name_lots": name_lots}})
    return ReleaseFulfilment(settings.model_copy(update={"connections": {**settings.connections, "wms-sh": wms}}))


def step(order_id: int, *, doubt: bool = False) -> Claimed:
    subject = {"order_id": order_id, "no": 1}
    return Claimed(1, RELEASE, "lane", "wms-sh", "key", order_id, subject, 1, 0, 1, "pending", doubt, "", 0)


def lots(session: Session, flow: ReleaseFulfilment, order_id: int, *, days: int = 0, doubt: bool = False) -> list[str]:
    request = flow.prepare(session, step(order_id, doubt=doubt), AT + timedelta(days=days))
    return [line.lot for line in request.lines] if request else []


def test_lots_are_named_only_where_the_connection_wishes_it(session: Session, order_id: int, tmp_path: Path) -> None:
    assert lots(session, effect(tmp_path, "no"), order_id) == [""]
    assert lots(session, effect(tmp_path), order_id) == ["A"]


def test_what_may_have_arrived_is_sent_again_as_it_was(session: Session, order_id: int, tmp_path: Path) -> None:
    flow = effect(tmp_path)
    assert lots(session, flow, order_id) == ["A"]
    tell(session, "count", {"B": 5}, 1)
    assert lots(session, flow, order_id, doubt=True) == ["A"]
    assert lots(session, flow, order_id) == ["B"]


def test_the_day_that_lots_expire_by_is_the_business_day(session: Session, order_id: int, tmp_path: Path) -> None:
    flow = effect(tmp_path)
    evening = AT.replace(year=2027, month=4, day=30, hour=17)  # past one in the morning of the first of May in China
    assert lots(session, flow, order_id, days=(evening - AT).days) == ["A"]
    request = flow.prepare(session, step(order_id), evening)
    assert request
    assert request.lines[0].lot == "B"


@pytest.mark.parametrize(
    ("error", "doubt", "kept"),
    [(Rejected("no"), False, {}), (Rejected("no"), True, {"A": 2}), (OutcomeUnknown("what?"), False, {"A": 2})],
)
def test_what_was_surely_refused_names_no_lots_any_more(
    session: Session, order_id: int, tmp_path: Path, error: HubError, *, doubt: bool, kept: dict[str, int]
) -> None:
    flow = effect(tmp_path)
    lots(session, flow, order_id)
    flow.give_up(session, step(order_id, doubt=doubt), error, AT)
    assert named(session) == kept
