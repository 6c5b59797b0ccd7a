from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from dashboards import case_many
from dashboards.pages import new_key
from hub.cases import NewCase, open_cases
from hub.connections import heed
from hub.database import Database, row, rows
from hub.errors import Misconfigured
from hub.inbox import read
from hub.roles import Role
from tests.dashboards.desk import NOW, Desk, opened, plain
from tests.dashboards.troubles import case_of, dead, lost, parked, short
from tests.hub.making import BRAND, add_sku, open_causes, stock
from tests.staging import CANARY, CANARY_NAME

AGO = NOW - timedelta(hours=5)
HOME = "/console/exceptions"
REASON = "mended"


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    with opened(database, tmp_path) as made:
        yield made


def case(database: Database, cause: str) -> int:
    with database.transaction() as session:
        return case_of(session, cause)


def causes(database: Database) -> list[str]:
    with database.transaction() as session:
        return open_causes(session)


def step_state(database: Database, step_id: int) -> str:
    with database.transaction() as session:
        found = row(session, "select state from step where id = :id", id=step_id)
    return found.state if found else ""


@pytest.fixture
def troubles(database: Database) -> dict[str, int]:
    """Make one trouble of each kind, and give their cases by cause."""
    with database.transaction() as session:
        dead(session, AGO)
        parked(session, AGO)
        parked(session, AGO, "m2", cause="malformed")
        lost(session)
        short(session)
        heed(session, "wms-sh", BRAND, Misconfigured("refused"), AGO, AGO)
        open_cases(session, [NewCase("cancel_refused", "order:1", BRAND, "sh: gone")], AGO)
        return {one.cause: one.id for one in rows(session, "select cause, id from case_file")}


def test_an_empty_queue_says_so_and_what_comes_here(desk: Desk) -> None:
    assert "No case needs anybody." in desk.sit("op", Role.OPERATOR).see(HOME)


def test_causes_are_counted_with_what_mends_them(desk: Desk, troubles: dict[str, int]) -> None:
    text = plain(desk.sit("op", Role.OPERATOR).see(HOME))
    assert "An outbound call failed for good Look at the partner's answer, mend the cause, then try again 1 1 1" in text
    assert len(troubles) == 7


@pytest.mark.parametrize("cause", ["step_dead", "unknown_sku", "address", "stock", "connection_paused", "malformed"])
def test_a_list_and_its_drawers_show_nobody(desk: Desk, troubles: dict[str, int], cause: str) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    whole = seat.see(f"{HOME}/{troubles[cause]}")
    drawer = seat.drawer(f"{HOME}/{troubles[cause]}?type={cause}")
    assert 'id="drawer-title"' in whole
    assert "<table" in whole
    for text in (whole, drawer, seat.see(f"{HOME}?type={cause}")):
        assert CANARY not in text
        assert CANARY_NAME not in text


def test_lists_are_narrowed_by_whose_they_are_by_age_and_by_order(desk: Desk, troubles: dict[str, int]) -> None:
    seat = desk.sit("op", Role.OPERATOR)
    seat.act(f"{HOME}/{troubles['step_dead']}/assign", to="me")
    link = f'href="/console/exceptions/{troubles["step_dead"]}?'
    asked = {
        "assignee=me": True,
        "assignee=-": False,
        "age=4h": True,
        "age=1d": False,
        "order=T1": True,
        "order=X": False,
    }
    for query, there in asked.items():
        assert (link in seat.see(f"{HOME}?type=step_dead&{query}")) is there


def test_a_case_is_given_to_who_may_work_on_it_and_to_nobody_else(desk: Desk, troubles: dict[str, int]) -> None:
    desk.sit("eye", Role.VIEWER)
    seat = desk.sit("op", Role.OPERATOR)
    path = f"{HOME}/{troubles['stock']}/assign"
    assert seat.act(path, to="me").startswith(f"{HOME}/{troubles['stock']}")
    assert "The case is op" in seat.see(HOME)
    assert seat.post(path, to="eye").status_code == 404
    seat.act(path, to="")
    assert len(seat.audited("case.assign")) == 2


def test_a_code_is_bound_once_and_every_message_goes_on(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        add_sku(session, "apple")
        waiting = [parked(session, AGO, f"m{no}") for no in range(3)]
    seat = desk.sit("op", Role.OPERATOR)
    assert "Bind and replay 3" in seat.drawer(f"{HOME}/bind?connection=mall-pc&code=new")
    fields = {"connection": "mall-pc", "code": "new", "sku": "apple", "reason": REASON}
    assert seat.act(f"{HOME}/bind", **fields) == f"{HOME}?type=unknown_sku"
    assert "new is apple now: 3 messages go on." in seat.see(HOME)
    with database.transaction() as session:
        assert {read(session, one).state for one in waiting} == {"received"}


def test_a_double_click_acts_once(desk: Desk, troubles: dict[str, int]) -> None:
    seat, key = desk.sit("op", Role.OPERATOR), new_key()
    path = f"{HOME}/{troubles['step_dead']}/retry"
    assert [seat.post(path, key=key, reason=REASON).status_code for _ in range(2)] == [303, 303]
    assert len(seat.audited("step.retry")) == 1


def test_an_address_is_found_by_name_corrected_and_the_order_goes_on(
    desk: Desk, database: Database, troubles: dict[str, int]
) -> None:
    seat = desk.sit("op", Role.OPERATOR)
    assert 'value="310115"' in seat.get(f"{HOME}/divisions?words=浦东").text
    path = f"{HOME}/{troubles['address']}/release"
    assert seat.post(path, reason=REASON).status_code == 409
    seat.act(path, reason=REASON, division="310115")
    assert "address" not in causes(database)


def test_an_order_is_released_when_its_goods_have_come(
    desk: Desk, database: Database, troubles: dict[str, int]
) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"pear": 5}}, "ASN-pear")
    seat = desk.sit("op", Role.OPERATOR)
    assert seat.post(f"{HOME}/{troubles['stock']}/release", reason=" ").status_code == 422
    seat.act(f"{HOME}/{troubles['stock']}/release", reason=REASON)
    assert "stock" not in causes(database)


def test_a_message_is_replayed_or_set_aside(desk: Desk, database: Database, troubles: dict[str, int]) -> None:
    seat = desk.sit("op", Role.OPERATOR)
    seat.act(f"{HOME}/{troubles['malformed']}/replay")
    seat.act(f"{HOME}/{troubles['unknown_sku']}/discard", reason=REASON)
    assert not {"malformed", "unknown_sku"} & set(causes(database))
    assert seat.post(f"{HOME}/{troubles['stock']}/replay").status_code == 409


def test_a_paused_connection_goes_on_from_its_case(desk: Desk, database: Database, troubles: dict[str, int]) -> None:
    desk.sit("boss", Role.SUPERVISOR).act(f"{HOME}/{troubles['connection_paused']}/resume", reason=REASON)
    assert "connection_paused" not in causes(database)


def test_only_what_a_person_alone_can_end_is_closed_by_hand(
    desk: Desk, database: Database, troubles: dict[str, int]
) -> None:
    seat = desk.sit("op", Role.OPERATOR)
    assert seat.post(f"{HOME}/{troubles['stock']}/resolve", reason=REASON).status_code == 409
    seat.act(f"{HOME}/{troubles['cancel_refused']}/resolve", reason=f"stopped, {CANARY}")
    assert "cancel_refused" not in causes(database)
    assert CANARY not in seat.see(f"{HOME}/{troubles['cancel_refused']}")


def test_all_calls_with_one_error_are_counted_and_then_retried(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        steps = [dead(session, AGO, f"T{no}") for no in range(3)]
    seat = desk.sit("boss", Role.SUPERVISOR)
    counted = seat.drawer(f"{HOME}/alike?connection=wms-sh&flow=release_fulfilment&error=http_400")
    assert "Retry 3 runs" in counted
    ids = ",".join(map(str, steps))
    assert f'value="{ids}"' in counted
    seat.act(f"{HOME}/many?type=step_dead", doing="retry", things=ids, reason=REASON)
    assert {step_state(database, one) for one in steps} == {"unknown"}
    assert len(seat.audited("step.retry")) == 3


def test_what_is_ticked_is_counted_by_what_can_be_done(desk: Desk, troubles: dict[str, int]) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    for cause, told in (("malformed", "Replay 1 messages"), ("stock", "Release 1 orders"), ("address", "one by one")):
        assert told in seat.drawer(f"{HOME}/selected?type={cause}&case={troubles[cause]}")
    assert "Retry 1 runs" in seat.drawer(f"{HOME}/selected?type=step_dead&every=true")
    assert "Nothing is selected." in seat.drawer(f"{HOME}/selected")


def test_many_messages_and_orders_are_acted_on_with_one_reason(
    desk: Desk, database: Database, troubles: dict[str, int]
) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    with database.transaction() as session:
        inbox = rows(session, "select detail ->> 'inbox' as id from case_file where cause = 'malformed'")[0].id
        order_id = rows(session, "select order_id as id from case_file where cause = 'stock'")[0].id
        stock(session, {"sh": {"pear": 5}}, "ASN-pear")
    assert troubles
    seat.act(f"{HOME}/many", doing="replay", things=inbox, reason=REASON)
    seat.act(f"{HOME}/many", doing="release", things=order_id, reason=REASON)
    assert not {"malformed", "stock"} & set(causes(database))


def test_so_many_are_acted_on_only_when_their_number_was_typed(
    desk: Desk, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_many, "TYPED_ABOVE", 1)
    with database.transaction() as session:
        steps = [dead(session, AGO, f"T{no}") for no in range(2)]
    seat = desk.sit("boss", Role.SUPERVISOR)
    assert 'name="typed"' in seat.drawer(f"{HOME}/selected?type=step_dead&every=true")
    fields = {"doing": "retry", "things": ",".join(map(str, steps)), "reason": REASON}
    assert seat.post(f"{HOME}/many", **fields).status_code == 422
    seat.act(f"{HOME}/many", typed="2", **fields)


@pytest.mark.parametrize("things", ["1,x", "1;drop", "9" * 19, "²"])
def test_what_is_no_list_of_numbers_is_refused(desk: Desk, things: str) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    assert seat.post(f"{HOME}/many", doing="retry", things=things, reason=REASON).status_code == 422


def test_many_cases_are_assigned_at_once(desk: Desk, troubles: dict[str, int]) -> None:
    seat = desk.sit("op", Role.OPERATOR)
    cases = ",".join(str(troubles[cause]) for cause in ("stock", "address"))
    seat.act(f"{HOME}/assign", cases=cases, to="me")
    assert len(seat.audited("case.assign")) == 2


def test_cases_of_another_brand_are_neither_seen_nor_touched(
    desk: Desk, database: Database, troubles: dict[str, int]
) -> None:
    before = causes(database)
    seat = desk.sit("stranger", Role.SUPERVISOR, brand="other")
    assert "No case needs anybody." in seat.see(HOME)
    for cause, act in (("step_dead", "retry"), ("malformed", "replay"), ("stock", "release"), ("address", "assign")):
        assert seat.get(f"{HOME}/{troubles[cause]}").status_code == 404
        assert seat.post(f"{HOME}/{troubles[cause]}/{act}", reason=REASON, to="me").status_code == 404
    assert seat.post(f"{HOME}/bind", connection="mall-pc", code="new", sku="apple").status_code == 404
    assert seat.get(f"{HOME}/skus?connection=mall-pc&words=a").status_code == 404
    assert "Retry 0 runs" in seat.drawer(f"{HOME}/selected?type=step_dead&case={troubles['step_dead']}")
    assert causes(database) == before


ACTS = {
    "assign": ("stock", Role.OPERATOR),
    "resolve": ("cancel_refused", Role.OPERATOR),
    "release": ("stock", Role.OPERATOR),
    "retry": ("step_dead", Role.OPERATOR),
    "replay": ("malformed", Role.OPERATOR),
    "discard": ("malformed", Role.OPERATOR),
    "resume": ("connection_paused", Role.SUPERVISOR),
}
RANK = [Role.ANALYST, Role.VIEWER, Role.OPERATOR, Role.SUPERVISOR, Role.ADMIN]


@pytest.mark.parametrize("act", sorted(ACTS))
@pytest.mark.parametrize("role", list(Role))
def test_each_act_needs_its_role(desk: Desk, troubles: dict[str, int], role: Role, act: str) -> None:
    cause, least = ACTS[act]
    answer = desk.sit("me", role).post(f"{HOME}/{troubles[cause]}/{act}", reason=REASON, to="")
    assert (answer.status_code == 403) is (RANK.index(role) < RANK.index(least))


@pytest.mark.parametrize(
    ("path", "least"),
    [
        ("", Role.VIEWER),
        ("/groups", Role.VIEWER),
        ("?type=stock", Role.VIEWER),
        ("/{case}", Role.VIEWER),
        ("/bind?connection=mall-pc&code=new", Role.OPERATOR),
        ("/skus?connection=mall-pc", Role.OPERATOR),
        ("/divisions", Role.OPERATOR),
        ("/selected?type=stock&case={case}", Role.OPERATOR),
        ("/alike?connection=wms-sh&flow=x", Role.SUPERVISOR),
    ],
)
@pytest.mark.parametrize("role", list(Role))
def test_each_view_needs_its_role(desk: Desk, troubles: dict[str, int], role: Role, path: str, least: Role) -> None:
    status = desk.sit("me", role).get(HOME + path.format(case=troubles["stock"])).status_code
    assert status == (403 if RANK.index(role) < RANK.index(least) else 200)


@pytest.mark.parametrize("role", list(Role))
def test_acts_on_many_are_for_supervisors(desk: Desk, role: Role) -> None:
    status = desk.sit("me", role).post(f"{HOME}/many", doing="retry", things="1", reason=REASON).status_code
    assert status == (303 if role in {Role.SUPERVISOR, Role.ADMIN} else 403)


def test_a_case_is_given_only_to_who_may_work_on_its_shop(desk: Desk, troubles: dict[str, int]) -> None:
    desk.sit("of-h5", Role.OPERATOR, BRAND, "h5")
    desk.sit("of-pc", Role.OPERATOR, BRAND, "pc")
    seat = desk.sit("boss", Role.SUPERVISOR)
    path = f"{HOME}/{troubles['stock']}/assign"
    assert seat.post(path, to="of-h5").status_code == 404
    seat.act(path, to="of-pc")
    for cause in ("malformed", "step_dead"):
        assert "of-pc" in seat.drawer(f"{HOME}/{troubles[cause]}")
        assert "of-h5" not in seat.drawer(f"{HOME}/{troubles[cause]}")
    assert (
        seat.post(
            f"{HOME}/assign", cases=f"{troubles['stock']},{troubles['connection_paused']}", to="of-pc"
        ).status_code
        == 404
    )
