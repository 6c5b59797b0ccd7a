"""What the small world leaves out of its orders: a message as it came, calls with their attempts, a courier's log."""

import json
from datetime import datetime, timedelta
from typing import Final, cast

from sqlalchemy.orm import Session

from hub.audience import set_audience
from hub.database import keyring_of, rows, run
from hub.exchange import Exchange, place, write_exchanges
from hub.fulfilment.courier import CourierStatus, Track, TrackEvent
from hub.inbox import InboxState, keep, read, settle
from hub.order.ship.track import record_tracks
from tests.console.world import HOSTILE, NAME, PHONE, STREET
from tests.hub.making import BRAND, ZONE

XML: Final = """<request><deliveryOrder><deliveryOrderCode>{id}-1</deliveryOrderCode><warehouseCode>sh</warehouseCode>
<receiverInfo><name>{name}</name><mobile>{phone}</mobile><province>上海市</province><city>上海市</city>
<detailAddress>{street}</detailAddress></receiverInfo><remark>{hostile}</remark></deliveryOrder></request>"""


def tell(session: Session, order_id: int, now: datetime) -> tuple[int, int]:
    """Tell more of one order that was shipped; give its inbox row and the step that was tried twice."""
    inbox = _message(session, order_id, now)
    step = rows(session, "select id from step where order_id = :id order by id limit 1", id=order_id)[0].id
    body = XML.format(id=order_id, name=NAME, phone=PHONE, street=STREET, hostile=HOSTILE.replace("<", "&lt;"))
    url = f"POST http://127.0.0.1:9/router?method=taobao.qimen.deliveryorder.create&sign=made-up&mobile={PHONE}"
    tries = (
        ("unknown", None, b"", "timeout", "the partner did not answer in time", 10.004),
        (
            "done",
            200,
            b"<response><flag>success</flag><deliveryOrderId>WMS1</deliveryOrderId></response>",
            "",
            "",
            0.184,
        ),
    )
    for token, (outcome, status, answer, code, error, seconds) in enumerate(tries, 1):
        said = Exchange(
            request=url,
            request_body=body.encode(),
            status=status,
            answer_body=answer,
            seconds=seconds,
            error=error,
        )
        at = now - timedelta(minutes=40 - token)
        run(
            session,
            """insert into attempt (step_id, token, started_at, finished_at, outcome, error_code, error, exchanges)
               values (:step, :token, :at, :until, :outcome, :code, :error, :said)""",
            step=step,
            token=token,
            at=at,
            until=at + timedelta(seconds=seconds),
            outcome=outcome,
            code=code,
            error=error,
            said=keyring_of(session).seal_body(write_exchanges([said]), place(step, token)),
        )
    run(session, "update step set state = 'done', attempts = 2, token = 2 where id = :id", id=step)
    _courier(session, order_id, now)
    return inbox, step


def _message(session: Session, order_id: int, now: datetime) -> int:
    found = rows(session, "select external_id, placed_at from sales_order where id = :id", id=order_id)[0]
    number, placed = str(found.external_id), cast("datetime", found.placed_at)
    order = {
        "external_id": number,
        "placed_at": placed.astimezone(ZONE).isoformat(timespec="seconds"),
        "buyer": {"id": f"buyer-of-{number}", "nick": HOSTILE},
        "receiver": {"name": NAME, "phone": PHONE, "province": "上海", "city": "上海市", "street": STREET},
        "lines": [{"line_id": "L1", "sku": "apple", "quantity": "3", "unit_price": "10.00"}],
        "total": "50.00",
        "remark": f"请{NAME}收",
        "campaign": "double-eleven",
    }
    body = json.dumps({"type": "order.paid", "data": order}, ensure_ascii=False).encode()
    inbox, _ = keep(session, "mall-pc", "order", f"m-{order_id}", body, now - timedelta(minutes=51))
    settle(session, read(session, inbox), InboxState.DONE, now - timedelta(minutes=50), order_id=order_id)
    return inbox


def _courier(session: Session, order_id: int, now: datetime) -> None:
    set_audience(session, {(BRAND, "couriers"): "kdniao"})
    found = rows(
        session,
        """insert into parcel_track (brand, version, created_at, updated_at, order_id, shipment_no, parcel_no,
                                     connection, status, event_count, asked_at)
           select 'demo', 1, :at, :at, order_id, shipment_no, no, 'kdniao', 'awaited', 0, :at from parcel
           where order_id = :id
           returning (select tracking_no from parcel p where p.order_id = :id limit 1) as number""",
        id=order_id,
        at=now,
    )
    events = (
        TrackEvent(at=now - timedelta(minutes=14), status=CourierStatus.COLLECTED, place="上海市", text="快件已揽收"),
        TrackEvent(
            at=now - timedelta(minutes=4),
            status=CourierStatus.OUT_FOR_DELIVERY,
            place="上海市",
            text=f"派件员：王小二（{PHONE}）正在派送，收件人：{NAME}",
        ),
    )
    track = Track(courier="SF", tracking_no=found[0].number, status=CourierStatus.OUT_FOR_DELIVERY, events=events)
    record_tracks(session, "kdniao", [track], now)
