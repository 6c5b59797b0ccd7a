"""What every courier must keep to, as a suite: a partner's own test names its samples and inherits it."""

from typing import Any, ClassVar, Final

import pytest
import responses

from hub.errors import Malformed, OutcomeUnknown, Rejected
from hub.fulfilment.courier import Subscription
from hub.ports import ParcelTracker
from tests.connectors.contracts import BREAKS, Break, OutboundContract
from tests.connectors.exemplars import AT, CANARY, URL, sample, told

SUBSCRIPTION: Final = Subscription(
    key="track:2611000000000001-1-1", courier="SF", tracking_no="SB1", phone_tail=CANARY[-4:], shipped_at=AT
)


class ParcelTrackerContract(OutboundContract):
    """A courier, or whoever speaks for several."""

    tracks_sample: ClassVar[str]
    track_answer: ClassVar[bytes]
    """What it answers when asked for the parcel of SUBSCRIPTION."""
    unknown_answer: ClassVar[bytes]
    """What it answers for a parcel that nothing is known of."""

    def send(self, partner: Any) -> object:  # noqa: ANN401 # whatever ports it serves
        assert isinstance(partner, ParcelTracker)
        partner.send_subscription(SUBSCRIPTION)
        return None

    def push(self, content: bytes) -> bytes:
        """Give the whole body of a push with this content."""
        return content

    def test_a_push_tells_of_parcels_oldest_line_first(self) -> None:
        tracks = self.partner().read_tracks(self.push(sample(self.tracks_sample)))
        assert any(track.events for track in tracks)
        for track in tracks:
            assert [one.at for one in track.events] == sorted(one.at for one in track.events)

    def test_reading_a_push_is_pure(self) -> None:
        body = self.push(sample(self.tracks_sample))
        assert self.partner().read_tracks(body) == self.partner().read_tracks(body)

    @pytest.mark.parametrize("spoil", BREAKS.values(), ids=list(BREAKS))
    def test_a_spoilt_push_is_malformed_and_stays_private(self, spoil: Break) -> None:
        content = spoil(sample(self.tracks_sample).replace(b"10000000001", CANARY.encode()))
        with pytest.raises(Malformed) as caught:
            self.partner().read_tracks(self.push(content))
        assert CANARY not in told(caught.value)

    @responses.activate
    def test_a_subscription_names_courier_and_number(self) -> None:
        call = responses.post(URL, self.good_answer)
        self.send(self.partner())
        request = call.calls[0].request
        assert all(word in f"{request.url} {request.body!r}" for word in ("SB1", "SF"))

    @responses.activate
    def test_a_courier_that_it_does_not_know_is_rejected_unasked(self) -> None:
        stranger = SUBSCRIPTION.model_copy(update={"courier": "NOBODY"})
        for act in (self.partner().send_subscription, self.partner().fetch_track):
            with pytest.raises(Rejected):
                act(stranger)

    @pytest.mark.parametrize("answer", [b"", b"<html>", b"{}", b"\xff\xfe", b'{"Success": "perhaps"}', b"[]"])
    def test_only_a_clear_answer_is_believed(self, answer: bytes) -> None:
        for act in (self.partner().send_subscription, self.partner().fetch_track):
            with responses.RequestsMock() as wire:
                wire.post(URL, answer)
                with pytest.raises(OutcomeUnknown):
                    act(SUBSCRIPTION)

    @responses.activate
    def test_a_parcel_that_is_asked_for_comes_with_its_log(self) -> None:
        responses.post(URL, self.track_answer)
        track = self.partner().fetch_track(SUBSCRIPTION)
        assert (track.courier, track.tracking_no) == ("SF", "SB1")
        assert track.events

    @responses.activate
    def test_a_parcel_that_nothing_is_known_of_is_none(self) -> None:
        responses.post(URL, self.unknown_answer)
        assert self.partner().fetch_track(SUBSCRIPTION) is None
