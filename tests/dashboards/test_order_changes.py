"""Changes of an order on its page: looked at first, done with a reason, and who comes second is told what is new."""

import html
import re
from dataclasses import replace
from typing import Any, cast

import pytest
from fastapi import FastAPI

from dashboards.pages import new_key
from hub.aftersale.intercepted import lose_intercept
from hub.database import rows, run
from hub.order.change.table import Charge
from hub.order.change.wanted import WantedLine
from hub.order.find import get_order
from hub.order.rules.policy import POLICY
from hub.order.ship.progress import record_confirm, record_report
from hub.order.ship.track import Parcel
from hub.order.view import OrderView
from hub.roles import SYSTEM, Role
from hub.settings import Orders
from tests.dashboards.desk import NOW, Desk, plain
from tests.hub.making import RECEIVER, confirm, order, placed, rejection, stock
from tests.hub.order.changing import send, want
from tests.hub.stopping import NO, SF, YES, answered, served


@pytest.fixture
def order_id(desk: Desk) -> int:
    """Place an order of three apples and two pears, which Shanghai takes although Beijing could."""
    with desk.database.transaction() as session:
        stock(session, {"sh": {"apple": 9, "pear": 9}, "bj": {"apple": 9, "pear": 9}})
        return placed(session, order({"apple": 3, "pear": 2}, freight=500, placed_at=NOW, paid_at=NOW))


def change(order_id: int, name: str) -> str:
    return f"/console/orders/{order_id}/change/{name}"


def ahead(desk: Desk, path: str, **fields: Any) -> str:  # noqa: ANN401 # any field of the form
    """Look at what a change would come to."""
    answer = desk.post(path, **fields)
    assert answer.status_code == 200, answer.text
    return answer.text


def confirmed(page: str) -> dict[str, Any]:
    """Give the hidden fields of the form that has it done."""
    form = page[page.index('/do" method') :]
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form):
        fields.setdefault(name, []).append(html.unescape(value))
    return {name: values for name, values in fields.items() if name != "action_key"}


def done(desk: Desk, path: str, **fields: Any) -> str:  # noqa: ANN401 # any field of the form
    return desk.act(f"{path}/do", **confirmed(ahead(desk, path, **fields)))


def seen(desk: Desk, order_id: int) -> OrderView:
    with desk.database.transaction() as session:
        return get_order(session, order_id, SYSTEM)


def test_pieces_are_cancelled_after_the_money_was_shown(desk: Desk, order_id: int) -> None:
    path, fields = change(order_id, "pieces"), {"line": ["L1", "L2"], "n": ["2", ""], "reason": "one is enough"}
    told = plain(ahead(desk, path, **fields))
    assert "Money that goes back" in told
    assert "In all ¥20.00" in told
    assert seen(desk, order_id).refunds == ()
    assert done(desk, path, **fields) == f"/console/orders/{order_id}"
    assert [one.amount for one in seen(desk, order_id).refunds] == [2000]
    assert "The change is made." in plain(desk.see(f"/console/orders/{order_id}"))


def test_pieces_of_a_line_that_grew_are_named_once(desk: Desk, order_id: int) -> None:
    with desk.database.transaction() as session:
        want(session, order_id, WantedLine("L1", 5), charge=Charge.FREE)
    form = desk.see(change(order_id, "pieces"))
    assert re.findall(r'name="line" value="(\w+)".*? max="(\d+)"', form) == [("L1", "5"), ("L2", "2")]
    done(desk, change(order_id, "pieces"), line=["L1", "L2"], n=["3", ""], reason="two are enough")
    assert "2 / 2" in plain(desk.see(change(order_id, "pieces")))


def test_a_new_address_is_shown_masked_with_what_it_replaced(desk: Desk, order_id: int) -> None:
    fields = {"name": "收件人乙", "division": "110105", "street": "新路9号", "reason": "the buyer moved"}
    assert "Shipped by: " in plain(ahead(desk, change(order_id, "address"), **fields))
    done(desk, change(order_id, "address"), **fields)
    page = desk.see(f"/console/orders/{order_id}")
    told = plain(page)
    assert "Instead of:" in told
    assert "北京市 朝阳区" in told
    assert "the buyer moved" in told
    assert not [one for one in (RECEIVER.name, RECEIVER.phone, RECEIVER.street, "新路9号", "收件人乙") if one in page]


def test_a_street_that_is_another_is_said_though_the_mask_hides_both(desk: Desk, order_id: int) -> None:
    done(desk, change(order_id, "address"), street="新路9号", reason="the buyer moved")
    assert "Street changed" in plain(desk.see(f"/console/orders/{order_id}"))
    page = desk.get(f"/console/orders/{order_id}", **{"accept-language": "zh"}).text
    assert "门牌有变" in page
    assert "新路9号" not in page


def test_why_a_document_has_ended_is_said_in_words(desk: Desk, order_id: int) -> None:
    done(desk, change(order_id, "pieces"), line=["L1"], n=["1"], reason="one less")
    page = desk.get(f"/console/orders/{order_id}", **{"accept-language": "zh"}).text
    assert "已撤回" in page
    assert "cancelled" not in plain(page)


def test_a_location_that_has_it_is_asked_and_the_change_waits(desk: Desk, order_id: int) -> None:
    with desk.database.transaction() as session:
        send(session, order_id)
    fields = {"street": "新路9号", "reason": "the buyer moved"}
    assert "Asked to stop:" in plain(ahead(desk, change(order_id, "address"), **fields))
    done(desk, change(order_id, "address"), **fields)
    assert "once it agrees" in plain(desk.see(f"/console/orders/{order_id}"))
    assert "Waits for the location" in plain(desk.see(f"/console/orders/{order_id}"))


def test_a_remark_is_replaced_and_the_same_one_is_no_change(desk: Desk, order_id: int) -> None:
    done(desk, change(order_id, "remark"), remark="放门口", reason="asked")
    assert [one.kinds for one in seen(desk, order_id).changes] == [["remark"]]
    assert "nothing_to_change" in ahead(desk, change(order_id, "remark"), remark="放门口", reason="asked")


def test_an_order_is_cancelled_once_however_often_the_button_is_pressed(desk: Desk, order_id: int) -> None:
    told = ahead(desk, change(order_id, "cancel"), reason="no longer wanted")
    assert "Freight ¥5.00" in plain(told)
    key = new_key()
    led = [desk.act(f"{change(order_id, 'cancel')}/do", key=key, **confirmed(told)) for _ in range(2)]
    assert led == [f"/console/orders/{order_id}"] * 2
    assert seen(desk, order_id).lifecycle == "cancelled"
    assert desk.audited("order.cancel") == [("operator-1", f"order:{order_id}")]


def test_a_deposit_is_kept_where_it_is_ticked_that_the_buyer_withdraws(desk: Desk) -> None:
    console = cast("FastAPI", desk.client.app).state.console
    keeping = console.settings.model_copy(update={"orders": Orders(deposit="keep")})
    cast("FastAPI", desk.client.app).state.console = replace(console, settings=keeping)
    with desk.database.transaction() as session:
        stock(session, {"sh": {"apple": 9}})
        first, second = (
            placed(session, order({"apple": 3}, no, paid_at=None, deposit_paid_at=NOW, deposit=1000, total=3000))
            for no in ("T1", "T2")
        )
    assert "The buyer wants it: the deposit is kept" in desk.see(change(first, "cancel"))
    done(desk, change(first, "cancel"), reason="no longer wanted", by="buyer")
    done(desk, change(second, "cancel"), reason="no goods")
    moved = [[one.amount - one.set_off for one in seen(desk, no).refunds] for no in (first, second)]
    assert moved == [[], [1000]]


def test_a_reroute_leads_to_why_it_ships_from_there_now(desk: Desk, order_id: int) -> None:
    assert f"/console/orders/{order_id}/routing/1" in desk.see(change(order_id, "reroute"))
    led = done(desk, change(order_id, "reroute"), to="bj", reason="shanghai is full")
    assert led == f"/console/orders/{order_id}/routing/2"
    assert [one.location for one in seen(desk, order_id).fulfilments] == ["sh", "bj"]
    assert "Anywhere else" in desk.see(change(order_id, "reroute"))


def test_what_was_refused_too_often_is_sent_where_the_form_says(desk: Desk, order_id: int) -> None:
    with desk.database.transaction() as session:
        record_report(session, rejection(order_id, 1), NOW, replace(POLICY, tries=1))
    page = desk.see(change(order_id, "reroute"))
    assert ("What waits for a source" in page, "None is under way" in page) == (True, False)
    done(desk, change(order_id, "reroute"), no="0", to="bj", reason="they have some")
    assert [(one.location, one.execution) for one in seen(desk, order_id).fulfilments][-1] == ("bj", "open")


def test_that_a_place_has_none_of_what_waits_is_said_in_both_languages(desk: Desk, order_id: int) -> None:
    with desk.database.transaction() as session:
        record_report(session, rejection(order_id, 1), NOW, replace(POLICY, tries=1))
        run(session, "update stock_level set on_hand = 0 where location = 'bj'")
    done(desk, change(order_id, "reroute"), no="0", to="bj", reason="they have some")
    path = f"/console/orders/{order_id}"
    text = plain(desk.see(path))
    assert ("it goes on waiting" in text, "The change is made" in text) == (True, False)
    assert "Some of it has no source there" in text
    assert "该地点无法全部供货" in plain(desk.get(path, **{"accept-language": "zh"}).text)


def test_goods_are_sent_again_or_in_exchange_by_an_order_of_their_own(desk: Desk, order_id: int) -> None:
    with desk.database.transaction() as session:
        record_confirm(session, confirm(order_id, 1, {"apple": 3, "pear": 2}), NOW)
    fields = {"line": ["L1", "L2"], "n": ["1", "0"], "sku": ["pear", ""], "reason": "bruised"}
    assert "A new order, free of charge." in plain(ahead(desk, change(order_id, "exchange"), **fields))
    made = int(done(desk, change(order_id, "exchange"), **fields).rpartition("/")[2])
    assert ([one.sku for one in seen(desk, made).lines], seen(desk, order_id).links[0].type) == (["pear"], "exchange")
    again = int(done(desk, change(order_id, "reship"), **fields).rpartition("/")[2])
    assert [one.sku for one in seen(desk, again).lines] == ["apple"]
    assert "Followed by" in plain(desk.see(f"/console/orders/{order_id}"))
    assert "Follows from" in plain(desk.see(f"/console/orders/{made}"))


def test_parcels_under_way_are_stopped_by_somebody_who_is_called(desk: Desk, order_id: int) -> None:
    with desk.database.transaction() as session:
        record_confirm(session, confirm(order_id, 1, {"apple": 3, "pear": 2}), NOW)
    done(desk, change(order_id, "intercept"), reason="wrong house")
    assert desk.audited("order.intercept") == [("operator-1", f"order:{order_id}")]


def test_a_parcel_shows_what_its_courier_made_of_stopping_it(desk: Desk, order_id: int) -> None:
    with desk.database.transaction() as session:
        served(session)
        record_confirm(session, confirm(order_id, 1, {"apple": 3, "pear": 2}), NOW)
    done(desk, change(order_id, "intercept"), reason="wrong house")
    assert "Asked to be stopped" in plain(desk.see(f"/console/orders/{order_id}"))
    with desk.database.transaction() as session:
        lose_intercept(session, Parcel(order_id, 1, 1), SF, "sf_A1001", NOW, doubt=True)
    assert "Stopping: outcome unknown sf_A1001" in plain(desk.see(f"/console/orders/{order_id}"))
    for answer, state, happened in (
        (NO, "Not stopped", "does not stop a parcel"),
        (YES, "Being brought back", "brings"),
    ):
        with desk.database.transaction() as session:
            answered(session, order_id, answer)
        page = plain(desk.see(f"/console/orders/{order_id}"))
        assert state in page
        assert happened in page
    assert f"return {order_id}-r1" in page
    assert "运单已签收 (20011)" in page
    assert "To be decided" in page


@pytest.mark.parametrize(
    ("name", "fields", "code"),
    [
        ("pieces", {"line": ["L1"], "n": ["4"]}, "more_than_left"),
        ("pieces", {"line": ["L1"], "n": ["some"]}, "pieces"),
        ("pieces", {"line": ["nothing"], "n": ["1"]}, "unknown_line"),
        ("pieces", {}, "nothing_to_change"),
        ("address", {"phone": "10"}, "malformed"),
        ("address", {"division": "999999"}, "unknown_division"),
        ("reroute", {"to": "nowhere"}, "unknown_location"),
        ("reship", {"line": ["L1"], "n": ["1"]}, "not_shipped"),
        ("goods", {"line": ["L9"], "n": ["1"], "sku": ["pear"], "price": [""]}, "price_needed"),
        ("intercept", {}, "nothing_to_intercept"),
    ],
)
def test_what_is_refused_says_why_before_anything_is_done(
    desk: Desk, order_id: int, name: str, fields: dict[str, object], code: str
) -> None:
    told = ahead(desk, change(order_id, name), reason="try", **fields)
    assert f">{code}<" in told
    assert "This could not be done" not in told
    assert "/do" not in told
    assert [one.location for one in seen(desk, order_id).fulfilments] == ["sh"]


def test_without_a_reason_nothing_is_foreseen(desk: Desk, order_id: int) -> None:
    assert ">reason_missing<" in ahead(desk, change(order_id, "cancel"), reason=" ")


def test_of_two_people_the_second_is_told_what_the_first_has_done(desk: Desk, order_id: int) -> None:
    path = change(order_id, "pieces")
    second = confirmed(ahead(desk, path, line=["L1"], n=["1"], reason="mine"))
    desk.sit("operator-2", Role.OPERATOR)
    done(desk, path, line=["L2"], n=["1"], reason="theirs")
    answer = desk.post(f"{path}/do", **second)
    told = plain(answer.text)
    assert (answer.status_code, "nothing was done" in told) == (409, True)
    assert "operator-2, Fewer pieces theirs" in told
    assert authors(desk, order_id) == ["operator-2"]
    desk.act(f"{path}/do", **confirmed(answer.text))
    assert authors(desk, order_id) == ["operator-2", "operator-2"]


def authors(desk: Desk, order_id: int) -> list[str]:
    with desk.database.transaction() as session:
        found = rows(session, "select actor from order_revision where order_id = :id order by no", id=order_id)
    return [one.actor for one in found]


def test_who_looks_only_or_works_for_another_brand_changes_nothing(desk: Desk, order_id: int) -> None:
    for name, role, brand, status in (("looker", Role.VIEWER, "", 403), ("other", Role.OPERATOR, "other", 404)):
        desk.sit(name, role, brand=brand)
        assert desk.get(change(order_id, "cancel")).status_code == status
        assert desk.post(change(order_id, "cancel"), reason="let me").status_code == status
        assert desk.post(f"{change(order_id, 'cancel')}/do", reason="let me", seen="{}").status_code == status
    assert seen(desk, order_id).lifecycle == "in_fulfilment"


def test_an_unknown_act_and_a_form_from_nowhere_are_refused(desk: Desk, order_id: int) -> None:
    assert desk.get(change(order_id, "gild")).status_code == 404
    for seen_as in ("not json", "[]"):
        assert desk.post(f"{change(order_id, 'cancel')}/do", reason="x", seen=seen_as).status_code == 422


def test_only_what_fits_the_order_is_offered(desk: Desk, order_id: int) -> None:
    page = desk.see(f"/console/orders/{order_id}")
    assert change(order_id, "cancel") in page
    assert change(order_id, "reship") not in page
    with desk.database.transaction() as session:
        record_confirm(session, confirm(order_id, 1, {"apple": 3, "pear": 2}), NOW)
    page = desk.see(f"/console/orders/{order_id}")
    assert change(order_id, "cancel") not in page
    assert change(order_id, "reship") in page
