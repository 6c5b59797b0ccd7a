"""A storefront that receives the hub's webhooks, checks them and counts what they did.

Run: `python -m sandbox.storefront --port P --config FILE`.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal, cast, final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sandbox.faults import Faults, misbehave
from sandbox.listen import run
from sandbox.standard_webhooks import is_genuine

Text = Annotated[str, Field(min_length=1, max_length=200)]


Yuan = Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]{2}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shop(_Strict):
    """One shop of ours and the secret the hub signs with."""

    connection: str
    secret: str


class Config(_Strict):
    """What the configuration file holds."""

    shops: tuple[Shop, ...]


class _Loose(BaseModel):
    # A storefront reads what it needs and overlooks the rest.
    model_config = ConfigDict(frozen=True, extra="ignore")


class ShippedLine(_Loose):
    """Pieces of one order line in one parcel."""

    line_id: Text
    sku: Text
    quantity: Annotated[int, Field(ge=1, strict=True)]


class ShippedParcel(_Loose):
    """One parcel under way."""

    tracking_no: Text
    courier: Text
    lines: Annotated[tuple[ShippedLine, ...], Field(min_length=1)]


class ShipmentCreated(_Loose):
    """Goods have left."""

    event: Literal["shipment.created"]
    event_id: Text
    order_id: int | Text
    external_id: Text
    shipped_at: AwareDatetime
    parcels: Annotated[tuple[ShippedParcel, ...], Field(min_length=1)]


class GoodsHandedOver(_Loose):
    """Goods that nobody sends were handed over."""

    event: Literal["goods.handed_over"]
    event_id: Text
    order_id: int | Text
    external_id: Text
    handed_at: AwareDatetime
    lines: Annotated[tuple[ShippedLine, ...], Field(min_length=1)]


class OrderClosed(_Loose):
    """An order was not paid in time."""

    event: Literal["order.closed"]
    event_id: Text
    order_id: int | Text
    external_id: Text
    closed_at: AwareDatetime


class StandingLine(_Loose):
    """What is wanted of one line since."""

    line_id: Text
    sku: Text
    quantity: Annotated[int, Field(ge=0, strict=True)]


class OrderChanged(_Loose):
    """The hub has changed an order, or cancelled it: how it stands since."""

    event: Literal["order.changed"]
    event_id: Text
    order_id: int | Text
    external_id: Text
    changed_at: AwareDatetime
    kind: Literal["changed", "cancelled"]
    currency: Text
    total: Yuan
    lines: Annotated[tuple[StandingLine, ...], Field(min_length=1)]


class RefundDue(_Loose):
    """Money is to be given back."""

    event: Literal["refund.due"]
    event_id: Text
    order_id: int | Text
    external_id: Text
    refund_no: Annotated[int, Field(ge=1, strict=True)]
    currency: Text
    amount: Yuan
    due_at: AwareDatetime
    payment_no: Annotated[int, Field(ge=1, strict=True)] | None = None
    payment_reference: Text = ""


class Level(_Loose):
    """How many pieces may be offered; a lower version than the last is old news."""

    sku: Text
    pieces: Annotated[int, Field(ge=0, strict=True)]
    version: Annotated[int, Field(ge=1, strict=True)]


class StockChanged(_Loose):
    """Numbers of some SKUs, each of which replaces the last."""

    event: Literal["stock.changed"]
    event_id: Text
    levels: Annotated[tuple[Level, ...], Field(min_length=1, max_length=500)]


class Alert(_Loose):
    """A shortage that has begun or is over."""

    key: Text
    kind: Literal["stock_out", "low_pieces", "low_cover"]
    state: Literal["open", "closed"]
    brand: Text
    sku: Text
    pieces: Annotated[int, Field(ge=0, strict=True)]
    threshold: Annotated[int, Field(ge=0, strict=True)]
    changed_at: AwareDatetime


class StockAlerts(_Loose):
    """Alerts that are told together."""

    event: Literal["stock.alerts"]
    event_id: Text
    alerts: Annotated[tuple[Alert, ...], Field(min_length=1)]


_Event = ShipmentCreated | GoodsHandedOver | OrderClosed | OrderChanged | RefundDue | StockChanged | StockAlerts
_EVENT: Final = TypeAdapter[_Event](Annotated[_Event, Field(discriminator="event")])


@dataclass(slots=True)
class Entry:
    """What happened to one event: how often it came, and how often it had an effect (more than once is a fault)."""

    body: dict[str, object]
    receipts: int = 0
    effects: int = 0


@dataclass(slots=True)
class Ledger:
    """One shop's events, what it may offer and was warned of, and the body that came first under every webhook id."""

    secret: str
    events: dict[str, Entry] = field(default_factory=dict[str, Entry])
    shelf: dict[str, Level] = field(default_factory=dict[str, Level])
    alerts: dict[str, str] = field(default_factory=dict[str, str])
    tellings: int = 0
    bodies: dict[str, dict[str, object]] = field(default_factory=dict[str, dict[str, object]])


def receive(ledger: Ledger, headers: Mapping[str, str], body: bytes, now: float) -> tuple[int, str]:
    """Check one webhook and write it down; gives the HTTP status and a word on why."""
    message_id = headers.get("webhook-id", "")
    timestamp, given = headers.get("webhook-timestamp", ""), headers.get("webhook-signature", "")
    if not is_genuine(ledger.secret, message_id, timestamp, given, body, now):
        return 401, "signature or timestamp"
    try:
        event = _EVENT.validate_json(body)
    except ValidationError as error:
        return 400, "; ".join(".".join(map(str, one["loc"])) + ": " + one["msg"] for one in error.errors())
    content = cast("dict[str, object]", json.loads(body))
    first = ledger.bodies.setdefault(message_id, content)
    if first != content:
        return 409, "this webhook id came with another body"
    if isinstance(event, StockChanged):
        return _shelve(ledger, event)
    if isinstance(event, StockAlerts):
        ledger.alerts |= {one.key: f"{one.kind} {one.state} {one.sku}" for one in event.alerts}
        return 200, "received"
    return _write_down(ledger, first, event.event_id, content)


def _shelve(ledger: Ledger, event: StockChanged) -> tuple[int, str]:
    ledger.tellings += 1
    for one in event.levels:
        if one.sku not in ledger.shelf or ledger.shelf[one.sku].version <= one.version:
            ledger.shelf[one.sku] = one
    return 200, "received"


def _write_down(ledger: Ledger, first: dict[str, object], event_id: str, content: dict[str, object]) -> tuple[int, str]:
    entry = ledger.events.setdefault(event_id, Entry(content))
    entry.receipts += 1
    if first is content:
        entry.effects += 1
    return 200, "received"


@final
class Storefront:
    """The HTTP face of the ledgers."""

    def __init__(self, config: Config) -> None:
        self.ledgers = {shop.connection: Ledger(shop.secret) for shop in config.shops}
        self.faults = Faults(["webhook"])

    async def take(self, request: Request, connection: str) -> Response:
        ledger = self.ledgers.get(connection)
        if ledger is None:
            return JSONResponse({"error": "no such shop"}, 404)
        body = await request.body()

        def act() -> Response:
            status, word = receive(ledger, request.headers, body, time.time())
            return JSONResponse({"result" if status == 200 else "error": word}, status)  # noqa: PLR2004 - HTTP's own

        fault = self.faults.take("webhook")
        if fault is None:
            return act()
        return await misbehave(fault, request, act, JSONResponse({"error": "order is closed"}, 422))

    async def books(self) -> JSONResponse:
        # On the event loop, like every change: nothing moves while it is written out.
        return JSONResponse(
            {
                connection: {event_id: asdict(entry) for event_id, entry in ledger.events.items()}
                for connection, ledger in self.ledgers.items()
            }
        )

    async def shelves(self) -> JSONResponse:
        return JSONResponse(
            {
                connection: {
                    "pieces": {sku: one.pieces for sku, one in ledger.shelf.items()},
                    "tellings": ledger.tellings,
                    "alerts": ledger.alerts,
                }
                for connection, ledger in self.ledgers.items()
            }
        )


def healthz() -> dict[str, str]:
    return {"status": "ok"}


def application(config: Config) -> FastAPI:
    storefront = Storefront(config)
    app = FastAPI(title="Sandbox storefront")
    app.add_api_route("/webhooks/{connection}", storefront.take, methods=["POST"], response_model=None)
    app.add_api_route("/books", storefront.books, methods=["GET"], response_model=None)
    app.add_api_route("/stock", storefront.shelves, methods=["GET"], response_model=None)
    app.add_api_route("/faults", storefront.faults.arm, methods=["POST"])
    app.add_api_route("/healthz", healthz, methods=["GET"])
    return app


def open_application(path: Path) -> FastAPI:
    return application(Config.model_validate_json(path.read_bytes()))


if __name__ == "__main__":
    run(open_application, "A storefront that receives the hub's webhooks")
