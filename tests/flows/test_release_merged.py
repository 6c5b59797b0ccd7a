"""A merged delivery on its way through the engine's effects, Qimen's words and the warehouse's stand-in, and back."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from connectors.registry import Registry
from connectors.transport.xml import write_xml
from connectors.warehouses.qimen import TABLE
from connectors.warehouses.qimen.delivery import write_delivery
from flows.effect import Claimed
from flows.receive_shipments import ReceiveShipments
from flows.release_orders import CancelFulfilment, ReleaseFulfilment
from hub.database import rows
from hub.fulfilment.model import Accepted, CancelAnswer, Delivery
from hub.fulfilment.release import CANCEL, RELEASE
from hub.inbox import claim, keep
from hub.inventory.ledger import drift
from hub.order.change.cancel import cancel
from hub.order.ship.outbound import read_shipment
from hub.partitions import make_partitions
from mappings.table import Table
from sandbox.qimen_fate import Fate, decide
from sandbox.qimen_order import DeliveryOrder, read_delivery_order
from sandbox.qimen_pushes import write_confirm
from sandbox.qimen_sites import Behaviour, Site
from sandbox.qimen_wire import read_request
from tests.hub.inventory.lotted import tell
from tests.hub.making import AT, ZONE, line, order, placed, see, stock
from tests.hub.merge.merging import close, merging, releases
from tests.staging import settings_in

NOW = datetime.now(UTC)
SITE = Site(connection="wms-sh", app_key="k", secret="s", customer_id="c1", webhook="", warehouses=("sh",))
FATES = {
    "plain": Behaviour(),
    "short": Behaviour(short=1),
    "two_confirms": Behaviour(two_confirms=1),
    "two_parcels": Behaviour(two_parcels=1),
}


@pytest.fixture
def ids(session: Session) -> list[int]:
    make_partitions(session, NOW)
    stock(session, {"sh": {"apple": 20}})
    merging(session)
    made = [placed(session, order({"apple": n}, f"T{n}")) for n in (2, 3)]
    close(session)
    return made


def step_of(session: Session, flow: str = RELEASE) -> Claimed:
    found = rows(session, "select id, order_id, subject from step where flow = :flow order by id desc", flow=flow)[0]
    where = (found.id, flow, "lane", "wms-sh", "key", found.order_id, found.subject)
    return Claimed(*where, 1, 0, 1, was="pending", doubt=False, traceparent="", claimed_s=0)


def effect(folder: Path, name_lots: str = "no") -> ReleaseFulfilment:
    settings = settings_in(folder)
    wms = settings.connections["wms-sh"].model_copy(update={"options": {"name_lots": name_lots}})
    return ReleaseFulfilment(settings.model_copy(update={"connections": {**settings.connections, "wms-sh": wms}}))


def prepare(session: Session, flow: ReleaseFulfilment) -> Delivery:
    request = flow.prepare(session, step_of(session), AT)
    assert request
    return request


def taken(delivery: Delivery) -> DeliveryOrder:
    """Give what the warehouse reads of a delivery."""
    contents = write_delivery(Table.named(TABLE), delivery)
    return read_delivery_order(read_request(write_xml("request", contents)), SITE)


def push(session: Session, folder: Path, document: DeliveryOrder, fate: Fate) -> None:
    """Have the warehouse tell of all that it does with a document."""
    taker = ReceiveShipments(Registry(settings_in(folder)), ZONE)
    for n, one in enumerate(fate.confirms):
        keep(session, "wms-sh", "confirm", str(n), write_confirm(document, one, f"C{n}", NOW), NOW)
    while messages := claim(session, taker.kinds, taker.batch, NOW):
        taker.handle(session, messages, NOW)
    assert {one.state for one in rows(session, "select state from inbox")} == {"done"}


def test_a_group_is_one_document_whose_lines_name_their_orders(
    session: Session, ids: list[int], tmp_path: Path
) -> None:
    assert [one["order_id"] for one in releases(session)] == [ids[0]]
    delivery = prepare(session, effect(tmp_path))
    assert (delivery.code, delivery.total, delivery.goods) == (f"{ids[0]}-1", 5_000, 5_000)
    assert [one.source_order_code for one in delivery.lines] == ["T2", "T3"]
    document = taken(delivery)
    assert [(one.line_no, one.quantity) for one in document.lines] == [("10001", 2), ("20001", 3)]
    assert "10000000001" not in repr(delivery.lines)


@pytest.mark.parametrize("fate", FATES)
def test_whatever_a_warehouse_makes_of_it_each_channel_hears_of_its_own(
    session: Session, ids: list[int], tmp_path: Path, fate: str
) -> None:
    flow = effect(tmp_path)
    document = taken(prepare(session, flow))
    flow.settle(session, step_of(session), Accepted(partner_id=document.wms_id), AT)
    assert {see(session, order_id).fulfilments[0].negotiation for order_id in ids} == {"submitted"}
    planned = decide(document, FATES[fate])
    push(session, tmp_path, document, planned)
    left = {"10001": 0, "20001": 0}
    for one in planned.confirms:
        for ref, pieces in one.quantities().items():
            left[ref] += pieces
    assert [line(session, order_id).shipped for order_id in ids] == [*left.values()]
    assert drift(session) == []
    for order_id, external_id in zip(ids, ("T2", "T3"), strict=True):
        for n, _ in enumerate(see(session, order_id).parcels[:1], 1):
            notice = read_shipment(session, order_id, n)
            assert (notice.external_id, notice.parcels[0].tracking_no[:2]) == (external_id, "SB")


def test_lots_are_named_for_each_order_and_never_twice(session: Session, ids: list[int], tmp_path: Path) -> None:
    tell(session, "count", {"A": 3, "B": 17}, -1)
    delivery = prepare(session, effect(tmp_path, "yes"))
    assert [(one.ref, one.lot, one.quantity) for one in delivery.lines] == [
        ("10001", "A", 2),
        ("20001-1", "A", 1),
        ("20001-2", "B", 2),
    ]
    document = taken(delivery)
    push(session, tmp_path, document, decide(document, Behaviour()))
    assert [see(session, order_id).lifecycle for order_id in ids] == ["completed"] * 2


def test_a_stopped_document_is_sent_again_for_whoever_stays(session: Session, ids: list[int], tmp_path: Path) -> None:
    flow = effect(tmp_path)
    flow.settle(session, step_of(session), Accepted(partner_id="W1"), AT)
    # The engine has written the release as done.
    rows(
        session, "update step set state = 'done', settled_at = :at where flow = :flow returning 1", at=AT, flow=RELEASE
    )
    cancel(session, ids[1], "buyer", "", AT)
    stopping = CancelFulfilment(settings_in(tmp_path))
    wish = stopping.prepare(session, step_of(session, CANCEL), AT)
    assert wish.code == f"{ids[0]}-1"
    stopping.settle(session, step_of(session, CANCEL), CancelAnswer(stopped=True), AT)
    close(session, AT)
    delivery = prepare(session, flow)
    assert (delivery.code, delivery.attempt, [one.ref for one in delivery.lines]) == (f"{ids[0]}-2", 2, ["1"])
    assert see(session, ids[1]).lifecycle == "cancelled"


def test_nothing_is_sent_of_a_group_that_has_ended(session: Session, ids: list[int], tmp_path: Path) -> None:
    flow, step = effect(tmp_path), step_of(session)
    document = taken(prepare(session, flow))
    push(session, tmp_path, document, decide(document, Behaviour()))
    assert flow.prepare(session, step, AT) is None
    assert ids
