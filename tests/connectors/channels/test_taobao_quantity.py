"""Stock told to Taobao's listings: at its stand-in, and with answers that are not what they should be."""

from collections.abc import Mapping
from typing import Any

import pytest
import requests
import responses

from connectors.channels.taobao import quantity
from hub.errors import OutcomeUnknown, TryLater
from hub.inventory.telling import Refusal, Telling
from hub.ports import StockSink
from sandbox.taobao_wire import FIND_SKUS, UPDATE_SKUS
from tests.connectors.channels.taobao_market import Market, answered, form_of, on, refusal
from tests.connectors.feed_contracts import SHOP

LISTED = answered(FIND_SKUS, skus={"sku": [{"num_iid": 7, "sku_id": 71}]})
TAKEN = answered(UPDATE_SKUS, item={"num_iid": 7, "skus": {"sku": [{"sku_id": 71, "quantity": 5}]}})


def level(code: str = "A", pieces: int = 5, sku: str = "apple") -> Telling:
    return Telling(sku=sku, channel_sku=code, pieces=pieces, version=1)


def listed(url: str, *listings: tuple[int, int, str]) -> None:
    rows = [{"num_iid": num_iid, "sku_id": sku_id, "outer_id": code} for num_iid, sku_id, code in listings]
    requests.post(f"{url}/listings", json={"connection": SHOP, "listings": rows}, timeout=3).raise_for_status()


def shelf(url: str) -> Mapping[str, Any]:
    return requests.get(f"{url}/stock", timeout=3).json()[SHOP]


class TestTaobaoStock(Market):
    def answer(self) -> None:
        on(FIND_SKUS, LISTED)
        on(UPDATE_SKUS, TAKEN)

    def send(self, partner: Any) -> object:  # noqa: ANN401 # whatever ports it serves
        assert isinstance(partner, StockSink)
        return partner.send_stock([level()])

    def test_every_listing_of_a_code_offers_what_was_told(self, market: str) -> None:
        listed(market, (7, 71, "A"), (8, 81, "A"), (9, 0, "B"))
        told = self.live(market).send_stock([level("A", 5), level("B", 0, "pear")])
        assert shelf(market)["pieces"] == {"7/71": 5, "8/81": 5, "9/0": 0}
        assert [one.sku for one in told.told] == ["apple", "pear"]

    def test_twenty_skus_of_an_item_are_one_call(self, market: str) -> None:
        listed(market, *((7, number, f"A{number}") for number in range(1, 42)))
        partner = self.live(market)
        levels = [level(f"A{number}", number, f"s{number}") for number in range(1, 42)]
        while len(told := partner.send_stock(levels).told) < len(levels):
            levels = [one for one in levels if one not in told]
        assert shelf(market)["pieces"] == {f"7/{number}": number for number in range(1, 42)}
        assert shelf(market)["calls"] <= 5

    def test_a_code_that_is_not_listed_is_refused_and_the_others_are_told(self, market: str) -> None:
        listed(market, (7, 71, "A"))
        told = self.live(market).send_stock([level("?", 3, "plum"), level()])
        assert told.refused == (Refusal(sku="plum", code=quantity.UNLISTED),)
        assert told.told == (level(),)

    def test_more_than_a_listing_can_offer_is_told_as_the_most_it_can(self, market: str) -> None:
        listed(market, (7, 71, "A"))
        self.live(market).send_stock([level(pieces=2**62)])
        assert shelf(market)["pieces"]["7/71"] == quantity.MOST_PIECES

    @responses.activate
    def test_skus_that_are_refused_together_are_told_one_by_one(self) -> None:
        on(FIND_SKUS, answered(FIND_SKUS, skus={"sku": [{"num_iid": 7, "sku_id": n} for n in (71, 72)]}))
        update = on(UPDATE_SKUS, refusal("isv.item-is-delete"))
        told = self.partner().send_stock([level()])
        asked = [form_of(call.request)["skuid_quantities"] for call in update.calls]
        assert (asked, told.refused[0].code) == (["71:5;72:5", "71:5", "72:5"], "isv.item-is-delete")

    @responses.activate
    def test_a_number_that_the_platform_shows_otherwise_is_refused(self) -> None:
        on(FIND_SKUS, LISTED)
        on(UPDATE_SKUS, TAKEN.replace(b'"quantity": 5', b'"quantity": 4'))
        assert self.partner().send_stock([level()]).refused == (Refusal(sku="apple", code=quantity.DIFFERS),)

    @responses.activate
    @pytest.mark.parametrize("item", [None, {}, {"num_iid": 8}, "7"])
    def test_an_answer_about_another_item_is_no_success(self, item: object) -> None:
        on(FIND_SKUS, LISTED)
        on(UPDATE_SKUS, answered(UPDATE_SKUS, item=item))
        with pytest.raises(OutcomeUnknown):
            self.partner().send_stock([level()])

    @responses.activate
    @pytest.mark.parametrize("row", [{}, {"num_iid": "x"}, {"num_iid": 7, "sku_id": "7;8"}])
    def test_a_listing_without_a_number_is_no_listing(self, row: dict[str, object]) -> None:
        on(FIND_SKUS, answered(FIND_SKUS, skus={"sku": [row]}))
        with pytest.raises(OutcomeUnknown):
            self.partner().send_stock([level()])

    @responses.activate
    def test_what_was_taken_before_the_platform_was_busy_counts(self) -> None:
        on(FIND_SKUS, LISTED)
        on(FIND_SKUS, answered(FIND_SKUS, skus={"sku": [{"num_iid": 8, "sku_id": 81}]}))
        on(UPDATE_SKUS, TAKEN)
        on(UPDATE_SKUS, refusal("accesscontrol.limited-by-api-access-count", code=7))
        partner, levels = self.partner(), [level(), level("B", 1, "pear")]
        assert [one.sku for one in partner.send_stock(levels).told] == ["apple"]
        with pytest.raises(TryLater):
            partner.send_stock(levels[1:])

    @responses.activate
    def test_a_repeated_call_is_the_same_call(self) -> None:
        self.answer()
        partner = self.partner()
        assert self.send(partner) == self.send(partner)
        first, second = (call.request.body for call in responses.calls if UPDATE_SKUS in str(call.request.url))
        assert first == second

    @responses.activate
    def test_when_time_is_over_what_was_found_is_told_next_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        find = on(FIND_SKUS, LISTED)
        on(UPDATE_SKUS, TAKEN)
        partner = self.partner()
        with monkeypatch.context() as patch:
            patch.setattr(quantity, "LONGEST_S", -1)
            assert partner.send_stock([level(), level("B", 1, "pear")]).told == ()
        assert (partner.send_stock([level()]).told, find.call_count) == ((level(),), 1)
