"""SAP over HTTP: sales orders and stock by OData V2, deliveries by BAPI over SOAP and then by OData again.

Sources: API_SALES_ORDER_SRV, API_MATERIAL_STOCK_SRV, API_OUTBOUND_DELIVERY_SRV (v2: PostGoodsIssue with If-Match) and
BAPI_OUTB_DELIVERY_CREATE_SLS; read 2026-11. The SOAP service must be stateful, for the commit has to come in the
session that made the delivery.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Final, final

from connectors.partner import Partner
from connectors.reading import read_accepted, write_with
from connectors.sap_answers import Call, agree, check_delivered, commit, only, read_delivered
from connectors.sap_drafts import ODATA, SOAP, TABLE, Delivered, draft_delivery, draft_order
from connectors.sap_gateway import Gateway, Rows, literal
from connectors.sap_listing import read_all
from connectors.sap_options import read_options
from connectors.sap_stock import FIELDS, KEYS, STOCK, Question, keep_answers, read_answer
from connectors.sap_values import KEY_WIDTH, check_widths, external
from connectors.transport.deadline import Deadline
from connectors.transport.soap import SoapApi
from hub.errors import Conflict, HubError, Malformed, OutcomeUnknown, TryLater
from hub.fulfilment.model import Accepted
from hub.fulfilment.sale import GoodsIssue, Sale
from hub.inventory.counted import CountReport
from hub.ports import Fetched
from mappings.table import Table

DELIVER: Final = "BAPI_OUTB_DELIVERY_CREATE_SLS"
POSTED: Final = "C"
TRACKING_WIDTH: Final = 35
"""What the bill of lading takes."""

QUANTITIES: Final = ("ActualDeliveryQuantity", "ActualDeliveredQtyInOrderQtyUnit")
"""The delivered quantity has the first name in S/4HANA; who has no such field knows the second."""


@final
class Sap:
    """One client of a SAP system."""

    idempotent: Final = False

    def __init__(self, partner: Partner) -> None:
        self._http = partner.http
        self._name, self._now = partner.name, partner.now
        self._options = read_options(partner)
        self._table = Table.named(TABLE)
        self._gateway = Gateway(partner, self._options)
        own, packed = self._options.soap_wsdl, resources.files("connectors.erp").joinpath("sap_delivery.wsdl")
        url = self._gateway.url(self._options.soap_path)
        self._soap = SoapApi(self._gateway.exchange, url, Path(own) if own else packed)

    @property
    def grace_s(self) -> float:
        """Seconds after a missed answer in which the call may still take effect."""
        return self._options.grace_s

    def probe(self) -> None:
        self._gateway.greet(Deadline(self._http))

    def send_sale(self, sale: Sale) -> Accepted:
        """Create a sales order by deep insert.

        Raises: as `Gateway.create`; OutcomeUnknown when the answer carries no number.
        """
        entity = write_with(self._table, "sales_order", draft_order(sale, self._options, ODATA))
        check_widths(entity)
        made = self._gateway.create(f"{self._options.order_path}/A_SalesOrder", entity, Deadline(self._http))
        return Accepted(partner_id=_number(made))

    def find_sale(self, sale: Sale) -> Accepted | None:
        """Look for orders of the sale's customer under its code."""
        sold_to = ODATA.key(self._options.sold_to_for(sale.shop), KEY_WIDTH)
        where = {"SoldToParty": sold_to, "PurchaseOrderByCustomer": sale.code}
        path = f"{self._options.order_path}/A_SalesOrder"
        rows = self._gateway.find(path, where, Deadline(self._http))
        return only((_number(row) for row in rows), "sales orders")

    def send_goods_issue(self, issue: GoodsIssue) -> Accepted:
        """Deliver a sale in one delivery, give it its tracking numbers, and post its goods issue.

        Raises: as `commit`; OutcomeUnknown for what goes wrong behind the commit, so that asking makes up for it.
        """
        deadline = Deadline(self._http)
        draft = draft_delivery(issue, self._options, SOAP)
        parameters = write_with(self._table, "bapi_delivery", draft)
        check_widths(parameters)
        call, check = self._session(deadline), partial(agree, draft)
        try:
            answer = commit(call, DELIVER, parameters, "DELIVERY", self._options, check)
        except HubError:
            self._gateway.leave()  # what was made unheard would else be committed with the next delivery
            raise
        number = str(answer["DELIVERY"])
        try:
            own = [one for one in self._delivered(issue, deadline) if external(one.delivery) == external(number)]
            check_delivered(draft, own)
            self._finish(issue, number, deadline)
        except HubError as error:
            raise OutcomeUnknown(f"delivered, but not finished: {error.message}", code=error.code) from error
        return Accepted(partner_id=number)

    def find_goods_issue(self, issue: GoodsIssue) -> Accepted | None:
        """Look for deliveries of the sale; what an interrupted call left undone of the one found is done now.

        Raises: as `only` and `check_delivered`; as `Gateway.change`.
        """
        deadline = Deadline(self._http)
        delivered = self._delivered(issue, deadline)
        found = only((one.delivery for one in delivered), "deliveries")
        if found is not None:
            check_delivered(draft_delivery(issue, self._options, SOAP), delivered)
            self._finish(issue, found.partner_id, deadline)
        return found

    def fetch_stock(
        self, location: str, owner: str, skus: Sequence[str], fresh: Sequence[str] = ()
    ) -> Iterator[Fetched]:
        """Ask for all the stock of the plant and storage location that are a location of ours.

        Raises: as `stock_place_for`, `read_all` and `keep_answers`.
        """
        place, began = self._options.stock_place_for(location), self._now()
        rows = read_all(partial(self._stock_page, place), KEYS, self._options.stock_page)
        yield from keep_answers(self._table, Question(location, owner, place, began, skus, fresh), rows)

    def read_counts(self, body: bytes, received_at: datetime) -> Sequence[CountReport]:  # noqa: ARG002 # the port's shape
        """Read an answer we asked for.

        Raises: Malformed.
        """
        return [read_answer(self._table, self._options, self._name, body)]

    def read_changes(self, body: bytes, received_at: datetime) -> Sequence[CountReport]:  # noqa: ARG002 # as above
        """Raises: Malformed, for SAP pushes nothing and is asked for counts alone."""
        raise Malformed("SAP tells no changes of stock", code="unknown_kind")

    def _stock_page(self, place: tuple[str, str], start: int, size: int) -> tuple[Rows, int]:
        plant, storage_location = place
        where = {"Plant": plant, "StorageLocation": storage_location}
        shown = {"$select": ",".join(FIELDS), "$orderby": ",".join(KEYS)}
        window = {**shown, "$top": str(size), "$skip": str(start)}
        return self._gateway.page(f"{self._options.stock_path}/{STOCK}", where, window, Deadline(self._http))

    def _session(self, deadline: Deadline) -> Call:
        return lambda function, parameters: self._soap.call(function, parameters, deadline)

    def _delivered(self, issue: GoodsIssue, deadline: Deadline) -> Sequence[Delivered]:
        """Read which deliveries hold how much of a sale."""
        path = f"{self._options.delivery_path}/A_OutbDeliveryItem"
        rows = self._gateway.find(path, {"ReferenceSDDocument": issue.sale_id}, deadline)
        return read_delivered("delivered", [{**row, "quantity": _quantity(row)} for row in rows])

    def _finish(self, issue: GoodsIssue, number: str, deadline: Deadline) -> None:
        """Do to a delivery what is not done yet; if somebody has changed it in between, look and decide again."""
        try:
            try:
                self._complete(issue, number, deadline)
            except Conflict:
                self._complete(issue, number, deadline)
        except Conflict as error:
            raise TryLater("the delivery is being changed in SAP", code=error.code) from error

    def _complete(self, issue: GoodsIssue, number: str, deadline: Deadline) -> None:
        path = f"{self._options.delivery_path}/A_OutbDeliveryHeader({literal(number)})"
        header, etag = self._gateway.read(path, deadline)
        field, numbers = self._options.tracking_field, _fitting(issue.tracking_nos)
        if field and numbers and header.get(field) != numbers:
            self._gateway.change(path, {field: numbers}, etag, deadline)
            header, etag = self._gateway.read(path, deadline)
        if self._options.post_goods_issue == "yes" and header.get("OverallGoodsMovementStatus") != POSTED:
            act = f"{self._options.delivery_path}/PostGoodsIssue?DeliveryDocument={literal(number)}"
            self._gateway.act(act, etag, deadline)


def _number(order: Mapping[str, object]) -> str:
    number = read_accepted(order.get("SalesOrder")).partner_id
    if not number:
        raise OutcomeUnknown("SAP's answer names no sales order", code="empty_document_number")
    return number


def _quantity(row: Mapping[str, object]) -> object:
    found = next((row[name] for name in QUANTITIES if name in row), None)
    if found is None:
        raise OutcomeUnknown("a delivery item has no quantity", code="garbled_answer")
    return found


def _fitting(tracking_nos: Sequence[str]) -> str:
    """Join as many tracking numbers as the field takes, whole ones only."""
    joined = ""
    for number in tracking_nos:
        longer = f"{joined},{number}" if joined else number
        if len(longer) > TRACKING_WIDTH:
            break
        joined = longer
    return joined


def connect(partner: Partner) -> Sap:
    return Sap(partner)
