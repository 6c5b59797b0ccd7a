"""What every marketplace must keep to: pulls, hints, tokens and shipments, on a broken wire and with its stand-in."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, ClassVar

import pytest
import requests
from fastapi import FastAPI

from hub.access import Token
from hub.errors import NeedsOperator, OutcomeUnknown, TryLater
from hub.fulfilment.model import ShipmentNotice, ShippedLine, ShippedParcel
from hub.order.model import Order, check_totals
from hub.ports import Fetched, OrderFeed, OrderHints, Probe, ShipmentProbe, TokenKeeper
from sandbox.baskets import StorefrontOrder, orders
from sandbox.listen import serving
from tests.connectors.contracts import OutboundContract
from tests.connectors.exemplars import AT, NOTICE, TOKEN, told

SHOP = "shop"


def now() -> datetime:
    """Give the time of a clock five seconds fast, which saves waiting until what was just put is past."""
    return datetime.now(UTC) + timedelta(seconds=5)


class MarketContract(OutboundContract):
    """A marketplace and its stand-in; a partner's tests say once what is here, for all suites below."""

    path: ClassVar[str] = ""
    """Where the stand-in takes calls."""

    def application(self) -> FastAPI:
        """Make a stand-in with a shop called SHOP, which takes SECRET and TOKEN."""
        raise NotImplementedError

    def put(self, url: str, placed: Sequence[StorefrontOrder]) -> None:
        """Have the stand-in hold these orders, paid and with a hint for each."""
        raise NotImplementedError

    def parcels(self, url: str) -> Mapping[str, int]:
        """Say how often telling of each tracking number had an effect."""
        raise NotImplementedError

    @pytest.fixture
    def market(self) -> Iterator[str]:
        with serving(self.application()) as url:
            yield url

    def live(self, url: str, token: Token = TOKEN) -> Any:  # noqa: ANN401 # whatever ports it serves
        """Make the partner as it calls the stand-in, by a clock that runs."""
        return self.partner(f"{url}{self.path}", now, token)

    def placed(self, url: str, count: int) -> list[StorefrontOrder]:
        found = list(islice(orders(count, 7, [SHOP]), count))
        self.put(url, found)
        return found


def lines_of(placed: Sequence[StorefrontOrder]) -> list[tuple[int, int]]:
    """Tell orders apart by what a platform does not rewrite: total in fen and pieces."""
    payloads: list[Any] = [one.payload for one in placed]
    return sorted(
        (round(float(one["total"]) * 100), sum(line["quantity"] for line in one["lines"])) for one in payloads
    )


def read(partner: Any, messages: Sequence[Fetched]) -> list[Order]:  # noqa: ANN401 # whatever ports it serves
    return [partner.read_order(one.body) for one in messages]


class OrderFeedContract(MarketContract):
    many: ClassVar[int] = 85
    """Orders that fill several pages."""

    def send(self, partner: Any) -> object:  # noqa: ANN401 # as above
        assert isinstance(partner, OrderFeed)
        return list(partner.fetch_orders(AT - timedelta(hours=1), AT))

    def fetched(
        self, url: str, since: timedelta = timedelta(minutes=5), until: timedelta = timedelta()
    ) -> list[Fetched]:
        partner = self.live(url)
        return [one for page in partner.fetch_orders(now() - since, now() + until) for one in page]

    def test_every_order_comes_and_adds_up(self, market: str) -> None:
        placed = self.placed(market, self.many)
        found = {one.message_id: one for one in self.fetched(market)}
        read_orders = read(self.live(market), list(found.values()))
        for order in read_orders:
            check_totals(order)
        seen = sorted((one.total, sum(line.quantity for line in one.lines)) for one in read_orders)
        assert seen == lines_of(placed)

    def test_an_order_that_has_not_changed_is_the_same_message(self, market: str) -> None:
        self.placed(market, 3)
        first, second = self.fetched(market), self.fetched(market)
        assert first == second

    def test_a_window_before_all_orders_is_empty(self, market: str) -> None:
        self.placed(market, 3)
        assert self.fetched(market, timedelta(hours=2), timedelta(hours=-1)) == []

    def test_no_question_covers_more_than_the_window(self, market: str) -> None:
        partner = self.live(market)
        assert list(partner.fetch_orders(now() - partner.window, now())) in ([], [[]])

    def test_an_ended_token_is_for_its_keeper_to_replace(self, market: str) -> None:
        ended = TOKEN.model_copy(update={"access": "of-yesterday"})
        with pytest.raises(TryLater) as caught:
            list(self.live(market, ended).fetch_orders(now() - timedelta(hours=1), now()))
        assert caught.value.code == "token_expired"
        assert ended.access not in told(caught.value)


class OrderHintsContract(MarketContract):
    def send(self, partner: Any) -> object:  # noqa: ANN401 # as above
        assert isinstance(partner, OrderHints)
        return partner.fetch_hinted()

    def test_every_hinted_order_is_read(self, market: str) -> None:
        placed = self.placed(market, 5)
        partner = self.live(market)
        hinted = partner.fetch_hinted()
        seen = sorted((one.total, sum(line.quantity for line in one.lines)) for one in read(partner, hinted.messages))
        assert seen == lines_of(placed)

    def test_hints_come_until_they_are_confirmed(self, market: str) -> None:
        self.placed(market, 5)
        partner = self.live(market)
        hinted = partner.fetch_hinted()
        assert partner.fetch_hinted() == hinted
        partner.confirm_hints(hinted.receipts)
        assert partner.fetch_hinted().receipts == ()

    def test_confirming_nothing_calls_nobody(self) -> None:
        self.partner("http://127.0.0.1:9/closed").confirm_hints(())


class TokenKeeperContract(MarketContract):
    def send(self, partner: Any) -> object:  # noqa: ANN401 # as above
        assert isinstance(partner, TokenKeeper)
        return partner.refresh_token(TOKEN)

    def test_the_next_token_is_taken(self, market: str) -> None:
        token = self.live(market).refresh_token(TOKEN)
        assert token.access != TOKEN.access
        assert token.expires_at > now()
        partner = self.live(market, token)
        assert isinstance(partner, Probe)
        partner.probe()

    def test_an_exchange_whose_answer_was_lost_is_repeated(self, market: str) -> None:
        partner = self.live(market)
        first, again = partner.refresh_token(TOKEN), partner.refresh_token(TOKEN)
        assert (first.access, first.refresh) == (again.access, again.refresh)

    def test_a_strange_token_needs_an_operator_and_stays_secret(self, market: str) -> None:
        strange = TOKEN.model_copy(update={"refresh": "of-nobody"})
        with pytest.raises(NeedsOperator) as caught:
            self.live(market).refresh_token(strange)
        assert strange.refresh not in told(caught.value)


class ShipmentProbeContract(MarketContract):
    send_method: ClassVar[str]
    """The stand-in's word for being told of a shipment, to break it with."""

    def send(self, partner: Any) -> object:  # noqa: ANN401 # as above
        assert isinstance(partner, ShipmentProbe)
        return partner.find_shipment(NOTICE)

    def read_all(self, url: str) -> list[Order]:
        partner = self.live(url)
        pages = partner.fetch_orders(now() - timedelta(minutes=5), now())
        return read(partner, [one for page in pages for one in page])

    def order(self, url: str) -> Order:
        """Give an order of several lines, one of them of several pieces, as the partner reads it."""
        self.placed(url, 12)
        found = (one for one in self.read_all(url) if len(one.lines) > 1)
        return next(one for one in found if any(line.quantity > 1 for line in one.lines))

    def test_a_shipment_is_known_once_it_was_told(self, market: str) -> None:
        order, partner = self.order(market), self.live(market)
        notice = notice_of(order, "SB1")
        assert not partner.find_shipment(notice)
        partner.send_shipment(notice)
        assert partner.find_shipment(notice)
        assert not partner.find_shipment(notice_of(order, "SB2"))

    def test_several_parcels_are_told_at_once_and_once_each(self, market: str) -> None:
        partner, notice = self.live(market), notice_of(self.order(market), "SB1", "SB2")
        partner.send_shipment(notice)
        partner.send_shipment(notice)
        assert self.parcels(market) == {"SB1": 1, "SB2": 1}

    def test_an_order_may_go_in_parts(self, market: str) -> None:
        order, partner = self.order(market), self.live(market)
        whole = notice_of(order, "SB1", "SB2")
        for parcel in whole.parcels:
            assert not partner.find_shipment(whole)
            partner.send_shipment(whole.model_copy(update={"parcels": (parcel,)}))
        assert partner.find_shipment(whole)

    def test_an_order_reads_the_same_when_a_part_has_gone(self, market: str) -> None:
        order, partner = self.order(market), self.live(market)
        whole = notice_of(order, "SB1", "SB2")
        partner.send_shipment(whole.model_copy(update={"parcels": whole.parcels[:1]}))
        again = [one for one in self.read_all(market) if one.external_id == order.external_id]
        assert [one.model_copy(update={"source_revision": order.source_revision}) for one in again] == [order]

    def test_a_shipment_whose_answer_was_lost_can_be_asked_for(self, market: str) -> None:
        partner, notice = self.live(market), notice_of(self.order(market), "SB1")
        requests.post(f"{market}/faults", json={"method": self.send_method, "mode": "lost_answer"}, timeout=3)
        with pytest.raises(OutcomeUnknown):
            partner.send_shipment(notice)
        assert partner.find_shipment(notice)
        assert self.parcels(market) == {"SB1": 1}

    def test_a_shipment_that_never_arrived_is_not_known(self, market: str) -> None:
        partner, notice = self.live(market), notice_of(self.order(market), "SB1")
        requests.post(f"{market}/faults", json={"method": self.send_method, "mode": "reset"}, timeout=3)
        with pytest.raises(OutcomeUnknown):
            partner.send_shipment(notice)
        assert not partner.find_shipment(notice)


def notice_of(order: Order, *tracking_nos: str) -> ShipmentNotice:
    """Tell of a whole order: the first parcels take a piece of every line that has one to spare, the last the rest."""
    left = {line.external_line_id: line.quantity for line in order.lines}
    parcels: list[ShippedParcel] = []
    for no in tracking_nos:
        last = no == tracking_nos[-1]
        taken = {oid: quantity if last else 1 for oid, quantity in left.items() if quantity > (0 if last else 1)}
        left = {oid: quantity - taken.get(oid, 0) for oid, quantity in left.items()}
        lines = tuple(
            ShippedLine(external_line_id=line.external_line_id, channel_sku=line.channel_sku, quantity=taken[oid])
            for line in order.lines
            if (oid := line.external_line_id) in taken
        )
        parcels.append(ShippedParcel(courier="SF", tracking_no=no, lines=lines))
    return NOTICE.model_copy(update={"external_id": order.external_id, "parcels": tuple(parcels)})
