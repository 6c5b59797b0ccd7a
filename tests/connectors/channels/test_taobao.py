import json
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
import responses

from connectors.channels.taobao.consign import Consigned
from connectors.channels.taobao.trade import Trade
from hub.errors import Malformed, OutcomeUnknown, TryLater
from hub.order.model import Order
from hub.ports import Fetched
from sandbox.taobao_trades import in_full, in_steps
from sandbox.taobao_wire import CONFIRM, CONSUME, LIST, READ, REFRESH
from tests.connectors.channels.taobao_market import TRADE, Market, answered, form_of, on, refusal
from tests.connectors.exemplars import AT, TOKEN, URL, sample, told
from tests.connectors.feed_contracts import OrderFeedContract, OrderHintsContract, TokenKeeperContract

FILLS = {"order": Trade, "consigned": Consigned}
NO_TOKEN = r'{"access_token": "s\ud800", "refresh_token": "r", "expire_time": 0, "refresh_token_valid_time": 0}'
TOKEN_RESULT = {"access_token": "a", "refresh_token": "r", "expire_time": 0, "refresh_token_valid_time": 0}


class TestTaobaoFeed(Market, OrderFeedContract):
    good_answer = answered(LIST, total_results=0)

    @responses.activate
    @pytest.mark.parametrize("place", [0, 25, 60])
    def test_trades_that_leave_the_list_meanwhile_hide_no_other(self, place: int) -> None:
        rows, trade = list(range(1, 101)), json.loads(sample(TRADE))

        def act(request: Any) -> tuple[int, dict[str, str], bytes]:  # noqa: ANN401 # a prepared request
            asked = form_of(request)
            if request.params["method"] == READ:
                return 200, {}, answered(READ, trade={**trade, "tid": int(asked["tid"])})
            if asked["use_has_next"] == "false":
                return 200, {}, answered(LIST, total_results=len(rows))
            first, size = (int(asked["page_no"]) - 1) * int(asked["page_size"]), int(asked["page_size"])
            listed = [{"tid": tid, "status": trade["status"]} for tid in rows[first : first + size]]
            rows.pop(place)
            return 200, {}, answered(LIST, trades={"trade": listed})

        responses.add_callback(responses.POST, URL, act)
        found = [one for page in self.partner().fetch_orders(AT - timedelta(hours=1), AT) for one in page]
        assert {int(one.message_id.partition(":")[0]) for one in found} >= set(rows)

    @responses.activate
    def test_only_trades_with_something_to_send_are_read(self) -> None:
        states = ("WAIT_SELLER_SEND_GOODS", "WAIT_BUYER_PAY", "TRADE_FINISHED", "PAID_FORBID_CONSIGN")
        listed = [{"tid": n, "status": status} for n, status in enumerate(states)]
        on(LIST, answered(LIST, total_results=4, trades={"trade": listed}))
        read = on(READ, answered(READ, trade={**json.loads(sample(TRADE)), "tid": 0}))
        assert len(self.fetch()) == read.call_count == 1

    def test_a_trade_paid_in_steps_comes_with_its_deposit_and_again_with_its_balance(self, market: str) -> None:
        trade = json.loads(sample(TRADE))
        unpaid = {**trade, "tid": 1, "status": "WAIT_BUYER_PAY"}
        found = list[Order]()
        for shown in (in_steps(trade, "50.00"), in_full(trade)):
            self.put_trades(market, [unpaid, shown])
            found += [self.live(market).read_order(one.body) for one in self.fetched(market)]
        assert [(one.deposit, one.paid_at is not None, one.total) for one in found] == [
            (5000, False, 16350),
            (None, True, 16350),
        ]

    @responses.activate
    @pytest.mark.parametrize("changes", [{"status": "TRADE_FINISHED"}, {"type": "cod"}])
    def test_a_trade_that_has_moved_on_meanwhile_is_left_out(self, changes: dict[str, str]) -> None:
        self.list_one()
        on(READ, answered(READ, trade={**json.loads(sample(TRADE)), **changes}))
        assert self.fetch() == []

    @responses.activate
    def test_a_trade_that_cannot_be_read_is_kept_for_a_person(self) -> None:
        self.list_one()
        on(READ, refusal("isv.trade-not-exist"))
        (kept,) = self.fetch()
        assert json.loads(kept.body)["refused"] == "isv.trade-not-exist"
        with pytest.raises(Malformed):
            self.partner().read_order(kept.body)

    @responses.activate
    def test_the_same_trade_in_another_order_is_the_same_message(self) -> None:
        trade = json.loads(sample(TRADE))
        names = list[str]()
        for shown in (trade, dict(reversed(trade.items()))):
            responses.reset()
            self.list_one()
            on(READ, answered(READ, trade=shown))
            names.append(self.fetch()[0].message_id)
        assert names[0] == names[1]
        assert names[0].startswith("3000000000000000001:")

    @responses.activate
    @pytest.mark.parametrize("answer", [b"", b"[]", b"{}", answered(READ), answered(LIST, total_results="many")])
    def test_only_a_clear_answer_is_believed(self, answer: bytes) -> None:
        responses.post(URL, answer)
        with pytest.raises(OutcomeUnknown):
            self.fetch()

    @responses.activate
    @pytest.mark.parametrize("tid", ["", "\ud800", "7 or 8", None, 7.5, [7]])
    def test_a_trade_listed_without_a_number_is_not_asked_for(self, tid: object) -> None:
        listed = [{"tid": tid, "status": "WAIT_SELLER_SEND_GOODS"}]
        on(LIST, answered(LIST, total_results=1, trades={"trade": listed}))
        with pytest.raises(OutcomeUnknown):
            self.fetch()

    @responses.activate
    def test_an_answer_about_another_trade_is_not_believed(self) -> None:
        self.list_one()
        on(READ, answered(READ, trade={**json.loads(sample(TRADE)), "tid": 8}))
        with pytest.raises(OutcomeUnknown, match="another trade"):
            self.fetch()

    def test_a_window_within_one_second_asks_nothing(self) -> None:
        assert list(self.partner("http://127.0.0.1:9/").fetch_orders(AT, AT)) == []

    def test_an_answer_that_holds_an_oaid_was_asked_for_with_what_it_needs(self, market: str) -> None:
        self.placed(market, 1)
        (kept,) = self.fetched(market)
        assert json.loads(kept.body)["oaid"]

    def list_one(self) -> None:
        listed = [{"tid": json.loads(sample(TRADE))["tid"], "status": "WAIT_SELLER_SEND_GOODS"}]
        on(LIST, answered(LIST, total_results=1, trades={"trade": listed}))

    def fetch(self) -> list[Fetched]:
        return [one for page in self.partner().fetch_orders(AT - timedelta(hours=1), AT) for one in page]


class InGroup(Market):
    fields: ClassVar = {"app_key": "k", "options": {"group_name": "g1", "platform": "TM"}}


class TestTaobaoHints(Market, OrderHintsContract):
    good_answer = answered(CONSUME)

    @responses.activate
    def test_what_is_no_trade_is_only_confirmed(self) -> None:
        told = [
            ("taobao_item_ItemUpdate", '{"tid": 1}'),
            ("taobao_trade_TradeChanged", "<xml>"),
            ("taobao_trade_X", "{}"),
        ]
        queued = [{"id": n, "topic": topic, "content": content} for n, (topic, content) in enumerate(told)]
        on(CONSUME, answered(CONSUME, messages={"tmc_message": queued}))
        hinted = self.partner().fetch_hinted()
        assert (hinted.messages, hinted.receipts) == ((), ("0", "1", "2"))

    @responses.activate
    def test_a_hint_without_a_number_cannot_be_confirmed(self) -> None:
        on(CONSUME, answered(CONSUME, messages={"tmc_message": [{"id": "\ud800", "topic": "taobao_item_ItemUpdate"}]}))
        with pytest.raises(OutcomeUnknown):
            self.partner().fetch_hinted()

    @responses.activate
    def test_a_hint_at_a_trade_that_is_not_ours_is_only_confirmed(self) -> None:
        queued = [{"id": 1, "topic": "taobao_trade_TradeBuyerPay", "content": '{"tid": 9}'}]
        on(CONSUME, answered(CONSUME, messages={"tmc_message": queued}))
        on(READ, refusal("isv.trade-not-exist"))
        assert self.partner().fetch_hinted().receipts == ("1",)

    @responses.activate
    def test_two_hints_at_one_trade_read_it_once(self) -> None:
        queued = [{"id": n, "topic": "taobao_trade_TradeBuyerPay", "content": '{"tid": 9}'} for n in (1, 2)]
        on(CONSUME, answered(CONSUME, messages={"tmc_message": queued}))
        read = on(READ, answered(READ, trade={**json.loads(sample(TRADE)), "tid": 9}))
        assert len(self.partner().fetch_hinted().messages) == read.call_count == 1

    @responses.activate
    def test_receipts_are_confirmed_two_hundred_at_a_time_in_their_group(self) -> None:
        confirmed = on(CONFIRM, answered(CONFIRM, is_success=True))
        InGroup().partner().confirm_hints([str(n) for n in range(401)])
        assert [len(form_of(call.request)["s_message_ids"].split(",")) for call in confirmed.calls] == [200, 200, 1]
        assert form_of(confirmed.calls[0].request)["group_name"] == "g1"

    def test_the_platform_is_the_connections_to_say(self) -> None:
        assert (self.partner().platform, InGroup().partner().platform) == ("TB", "TM")

    @responses.activate
    def test_what_was_not_confirmed_comes_again(self) -> None:
        on(CONFIRM, answered(CONFIRM, is_success=False))
        with pytest.raises(TryLater):
            self.partner().confirm_hints(["1"])


class TestTaobaoToken(Market, TokenKeeperContract):
    good_answer = answered(REFRESH, token_result=json.dumps({**TOKEN_RESULT, "expire_time": 1_800_000_000_000}))

    @responses.activate
    def test_times_are_read_in_milliseconds(self) -> None:
        responses.post(URL, self.good_answer)
        token = self.partner().refresh_token(TOKEN)
        assert token.expires_at == datetime(2027, 1, 15, 8, tzinfo=UTC)

    @responses.activate
    @pytest.mark.parametrize(
        "result",
        [
            "",
            "{}",
            json.dumps({**TOKEN_RESULT, "expire_time": 10**18 - 1}),
            NO_TOKEN,
        ],
    )
    def test_an_answer_without_a_token_may_have_made_one(self, result: str) -> None:
        responses.post(URL, answered(REFRESH, token_result=result))
        with pytest.raises(OutcomeUnknown) as caught:
            self.partner().refresh_token(TOKEN)
        assert "ud800" not in told(caught.value)

    @responses.activate
    def test_a_busy_platform_is_no_refusal(self) -> None:
        responses.post(URL, refusal("isp.call-limited", code=7))
        with pytest.raises(TryLater):
            self.partner().refresh_token(TOKEN)
