from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from hub.catalogue.describe import describe
from hub.database import Database, rows, run
from hub.order.change.expire import Terms, expire
from hub.order.find import get_order
from hub.order.lock import lock_order
from hub.order.rest import source_rest
from hub.order.rules.policy import POLICY
from hub.roles import SYSTEM, Role
from tests.clones import Clones
from tests.conftest import RING
from tests.console.telling import tell
from tests.console.world import HOSTILE, NAME, PHONE, STREET, fill
from tests.dashboards.desk import Desk, plain
from tests.hub.making import ZONE, add_sku, order, placed

WORLD = "template_of_trace"
PERSONAL = (PHONE, NAME, STREET)


@pytest.fixture(scope="module")
def made(clones: Clones, template: str) -> dict[str, int]:
    """Make the small world once; it is cloned for each test."""
    database = Database(clones.make(WORLD, template), RING, connections=1)
    orders = fill(database, datetime.now(UTC))
    database.close()
    return orders


@pytest.fixture
def database(clones: Clones, made: dict[str, int]) -> Iterator[Database]:
    assert made
    with clones.lend(WORLD) as url:
        opened_database = Database(url, RING)
        yield opened_database
        opened_database.close()


@pytest.fixture
def told(database: Database, made: dict[str, int]) -> tuple[int, int]:
    """Tell more of the order that was shipped in part; give its message and its step."""
    with database.transaction() as session:
        return tell(session, made["partial"], datetime.now(UTC))


def lifecycle(desk: Desk, order_id: int) -> str:
    with desk.database.transaction() as session:
        return get_order(session, order_id, SYSTEM).lifecycle


def test_an_order_tells_its_way_from_message_to_parcel(desk: Desk, made: dict[str, int], told: tuple[int, int]) -> None:
    text = plain(desk.see(f"/console/orders/{made['partial']}"))
    for words in ("Message came in", "Order placed", "Routed", "Fulfilment order", "Release to warehouse", "Shipped"):
        assert words in text
    assert "lacks pear × 2" in text
    assert "replays identically" in text
    assert "Out for delivery" in text
    assert all(told)


def test_a_shipment_tells_of_which_lots_it_is_and_what_of_that_is_assumed(desk: Desk, made: dict[str, int]) -> None:
    with desk.database.transaction() as session:
        run(
            session,
            """insert into shipped_lot (order_id, shipment_no, line_no, sku, lot, expires_on, quantity, assumed)
               values (:id, 1, 1, 'apple', 'L-7', '2027-05-01', 2, 1)""",
            id=made["shipped"],
        )
    path = f"/console/orders/{made['shipped']}"
    assert "lot L-7 · expires 2027-05-01 2 · 1 assumed" in plain(desk.see(path))
    assert "批号 L-7 · 2027-05-01 到期" in plain(desk.get(path, **{"accept-language": "zh"}).text)


@pytest.mark.parametrize("name", ["shipped", "slow", "rejected", "cancelled", "short", "review", "unpaid", "open"])
def test_every_state_of_an_order_has_its_page_in_both_languages(desk: Desk, made: dict[str, int], name: str) -> None:
    english = desk.see(f"/console/orders/{made[name]}")
    chinese = desk.get(f"/console/orders/{made[name]}", **{"accept-language": "zh"}).text
    assert "Timeline" in english
    assert "时间线" in chinese


def test_an_unpaid_order_says_what_ends_it_if_nobody_pays(desk: Desk, made: dict[str, int]) -> None:
    path = f"/console/orders/{made['unpaid']}"
    assert "unpaid, it is closed in time" in plain(desk.see(path))
    with desk.database.transaction() as session:
        run(session, "update sales_order set channel = 'connected-no-more' where id = :id", id=made["unpaid"])
    assert "no time closes it, so somebody is called if it stays unpaid" in plain(desk.see(path))
    assert "未设付款时限，长期未付会生成异常单" in desk.get(path, **{"accept-language": "zh"}).text
    with desk.database.transaction() as session:
        told = "update sales_order set payment = 'deposit_paid', balance_due_at = now() where id = :id"
        run(session, told, id=made["unpaid"])
    assert "unpaid, it is closed in time" in plain(desk.see(path))


def test_an_order_that_was_closed_unpaid_says_so_in_both_languages(desk: Desk, made: dict[str, int]) -> None:
    at, path = datetime.now(UTC), f"/console/orders/{made['unpaid']}"
    with desk.database.transaction() as session:
        expire(session, {"mall-pc": Terms(timedelta(minutes=5), told=False)}, at + timedelta(days=1))
    english, chinese = plain(desk.see(path)), plain(desk.get(path, **{"accept-language": "zh"}).text)
    assert "Closed before anything was routed" in english
    assert "Nothing is routed yet" not in english
    assert english.count("Not paid in time") == 2
    assert ("“逾期未付款”" in chinese, "not paid in time" in chinese) == (True, False)


def test_a_hold_of_a_day_that_was_moved_says_so_in_both_languages(desk: Desk) -> None:
    at = datetime.now(UTC)
    with desk.database.transaction() as session:
        add_sku(session, "lamp")
        describe(session, SYSTEM, "lamp", at, available_from=at.date() + timedelta(days=20))
        order_id = placed(session, order({"lamp": 1}))
        describe(session, SYSTEM, "lamp", at, available_from=at.date() + timedelta(days=40))
        source_rest(session, lock_order(session, order_id), POLICY, at.astimezone(ZONE))
    path = f"/console/orders/{order_id}"
    english, chinese = plain(desk.see(path)), plain(desk.get(path, **{"accept-language": "zh"}).text)
    assert "The day was moved" in english
    assert ("到货日已变更" in chinese, "the day was moved" in chinese) == (True, False)


@pytest.mark.parametrize("show", ["order", "routing", "messages", "goods", "people", "nonsense"])
def test_the_line_of_time_can_be_looked_at_by_kind(desk: Desk, made: dict[str, int], show: str) -> None:
    text = plain(desk.see(f"/console/orders/{made['partial']}?show={show}"))
    assert ("Order placed" in text) == (show in {"order", "nonsense"})
    assert ("Release to warehouse" in text) == (show in {"messages", "nonsense"})


def test_a_decision_tells_every_candidates_fate_and_what_would_have_changed_it(
    desk: Desk, made: dict[str, int]
) -> None:
    path = f"/console/orders/{made['shipped']}"
    assert f"{path}/routing/1" in desk.see(path)
    told = plain(desk.drawer(f"{path}/routing/1"))
    assert "Wanted apple × 2" in told
    assert "sh chosen" in told
    assert "replays identically" in told
    assert "lost by" in told
    assert "wins if it costs" in told
    assert 'id="drawer-title"' in desk.see(f"{path}/routing/1")
    assert desk.get(f"{path}/routing/9").status_code == 404


def test_a_shops_own_number_leads_to_its_order(desk: Desk, made: dict[str, int]) -> None:
    answer = desk.get("/console/orders/W-2001")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/console/orders/{made['partial']}")


@pytest.mark.parametrize("number", ["nowhere", "9" * 16, "2611000000000001-1", "%3Cb%3E"])
def test_a_number_of_nothing_is_not_found(desk: Desk, number: str) -> None:
    assert desk.get(f"/console/orders/{number}").status_code == 404


def test_another_brands_order_and_messages_are_not_found(
    desk: Desk, made: dict[str, int], told: tuple[int, int]
) -> None:
    inbox, step = told
    desk.sit("of-other", Role.SUPERVISOR, brand="other")
    order_id = made["partial"]
    for path in (f"orders/{order_id}", "orders/W-2001", f"messages/inbox/{inbox}", f"messages/step/{step}"):
        assert desk.get(f"/console/{path}").status_code == 404
    for act in ("release", "change/cancel/do", f"steps/{step}/retry", "receiver"):
        assert desk.post(f"/console/orders/{order_id}/{act}", reason="mine?").status_code in {403, 404}
    assert lifecycle(desk, order_id) == "in_fulfilment"


def test_no_page_shows_a_phone_a_name_or_a_street_unasked(
    desk: Desk, made: dict[str, int], told: tuple[int, int]
) -> None:
    inbox, step = told
    paths = [f"/console/orders/{one}" for one in made.values()]
    paths += [f"/console/messages/inbox/{inbox}", f"/console/messages/inbox/{inbox}?view=compare"]
    for path in [*paths, f"/console/messages/step/{step}"]:
        text = desk.see(path)
        assert not [one for one in PERSONAL if one in text], path
        assert HOSTILE not in text


def test_hostile_words_of_partners_are_shown_as_words(desk: Desk, made: dict[str, int]) -> None:
    text = desk.see(f"/console/orders/{made['open']}")
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "<img src=x" not in text


def test_a_message_opens_in_the_drawer_and_by_its_own_address(desk: Desk, told: tuple[int, int]) -> None:
    inbox, step = told
    for path in (f"/console/messages/inbox/{inbox}", f"/console/messages/step/{step}"):
        assert "<html" not in desk.drawer(path)
        whole = desk.see(path)
        assert "Timeline" in whole
        assert 'id="drawer-title"' in whole


def test_a_call_shows_what_was_asked_and_answered_each_time(desk: Desk, told: tuple[int, int]) -> None:
    text = plain(desk.drawer(f"/console/messages/step/{told[1]}"))
    assert "the partner did not answer in time" in text
    assert "<flag>success</flag>" in text
    assert "sign=***" in text
    assert "<mobile>100****0042</mobile>" in text


def test_a_message_is_laid_beside_what_it_became(desk: Desk, told: tuple[int, int]) -> None:
    text = plain(desk.drawer(f"/console/messages/inbox/{told[0]}?view=compare"))
    assert "receiver.province data.receiver.province 上海 上海市" in text
    assert "data.campaign double-eleven" in text
    assert "total data.total 50.00 5000 yuan" in text


def test_a_held_order_is_released_with_a_reason(desk: Desk, made: dict[str, int]) -> None:
    path = f"/console/orders/{made['review']}"
    assert desk.post(f"{path}/release", reason=" ").status_code == 422
    assert desk.act(f"{path}/release", reason="the buyer agrees") == path
    assert lifecycle(desk, made["review"]) == "in_fulfilment"
    text = plain(desk.see(path))
    assert "The order goes on." in text
    assert "the buyer agrees" in text


def test_a_dead_call_is_retried_from_its_order(desk: Desk, made: dict[str, int]) -> None:
    with desk.database.transaction() as session:
        step = rows(session, "select id from step where state = 'dead'")[0].id
    assert "Try again" in desk.drawer(f"/console/messages/step/{step}")
    path = f"/console/orders/{made['open']}"
    assert desk.act(f"{path}/steps/{step}/retry", reason="mended") == path
    assert desk.post(f"/console/orders/{made['partial']}/steps/{step}/retry", reason="mended").status_code == 404


@pytest.mark.parametrize("role", [Role.VIEWER])
def test_who_only_looks_sees_no_buttons_and_may_not_act(desk: Desk, made: dict[str, int], role: Role) -> None:
    path = f"/console/orders/{made['review']}"
    desk.sit("looker", role)
    assert "/release" not in desk.see(path)
    for act in ("release", "change/cancel/do", "steps/1/retry", "receiver"):
        assert desk.post(f"{path}/{act}", reason="let me").status_code == 403
    assert lifecycle(desk, made["review"]) == "accepted"


def test_the_receiver_is_shown_to_a_supervisor_who_says_why_and_the_log_keeps_it(
    desk: Desk, made: dict[str, int]
) -> None:
    path = f"/console/orders/{made['partial']}/receiver"
    assert desk.post(path, reason="curious").status_code == 403
    desk.sit("supervisor-1", Role.SUPERVISOR)
    assert desk.post(path, reason="").status_code == 422
    answer = desk.post(path, reason="the courier asks")
    assert all(one in answer.text for one in PERSONAL)
    assert answer.headers["cache-control"] == "no-store"
    assert desk.audited("order.reveal") == [("supervisor-1", f"order:{made['partial']}")]
    assert "looked at the receiver" in plain(desk.see(f"/console/orders/{made['partial']}"))


def test_of_an_erased_buyer_the_page_says_so(desk: Desk, made: dict[str, int]) -> None:
    with desk.database.transaction() as session:
        run(session, "update subject set data_key = null")
    assert "was erased" in desk.see(f"/console/orders/{made['partial']}")
