"""What a connection to SAP can be told in its options, with the defaults of a system nobody has adapted."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationError, field_validator

from connectors.partner import Partner
from hub.document import Document
from hub.errors import Misconfigured, Rejected

Char2 = Annotated[str, Field(min_length=1, max_length=2)]
Char4 = Annotated[str, Field(min_length=1, max_length=4)]
Key = Annotated[str, Field(min_length=1, max_length=10)]
StockPlace = Annotated[str, Field(pattern="^[^/]{1,4}/[^/]{1,4}$")]


class SapOptions(Document):
    """Options of a connection; `family.name` in the settings gives one value of a family, such as `plant.SH01`."""

    sales_org: Char4
    channel: Char2 = "10"
    division: Char2 = "00"
    sold_to: Key
    """The customer that a shop's sales are booked on; `sold_to.<shop>` for one shop."""
    ship_to: str = Field("", max_length=10)
    """Empty: the sold-to party."""
    order_type: str = Field("", max_length=4)
    """`order_type.<ours>` for one of the hub's types. Empty: OR over OData, TA over RFC, which are the same type."""
    condition: Char4 = "PR00"
    """The condition that carries a line's net amount, priced per the line's quantity."""
    freight_condition: Char4 = "HD00"
    """The header condition that carries freight; one with a fixed amount (calculation type B)."""
    unit: str = Field("", max_length=3)
    """The unit of pieces. Empty: PC over OData, ST over RFC and SOAP, which are the same unit."""
    material_width: Annotated[int, Field(ge=18, le=40)] = 40
    """How far a material number of digits is padded over RFC: 40 in S/4HANA with long numbers, 18 elsewhere."""
    client: str = Field("", max_length=3)
    language: str = Field("", max_length=2)
    zone: str = "Asia/Shanghai"
    """Whose calendar the dates of an order are taken from."""
    grace_s: float = 600
    """How long after a missed answer SAP may still be at work on the call; it is asked no earlier. SAP ends a dialog
    process after rdisp/max_wprun_time, which is ten minutes where nobody has changed it."""
    locked: str = "V1/042,VL/046,M3/024,MC/601"
    """Messages (class/number) by which SAP says that somebody else holds a document: the call is made again."""

    order_path: str = "/sap/opu/odata/sap/API_SALES_ORDER_SRV"
    delivery_path: str = "/sap/opu/odata/sap/API_OUTBOUND_DELIVERY_SRV;v=0002"
    soap_path: str = "/sap/bc/srt/rfc/sap/outb_delivery/100/outb_delivery/outb_delivery"
    soap_wsdl: str = ""
    """A WSDL file of the system's own, for other names than those of the one that comes with the connector."""
    plant_field: Annotated[str, Field(pattern="^(ProductionPlant|Plant)$")] = "ProductionPlant"
    net_amount: Annotated[str, Field(pattern="^(condition|item)$")] = "condition"
    """`item` states the net amount on the item as well, for services that take it there."""
    tracking_field: str = "BillOfLading"
    """The field of a delivery's header that gets the tracking numbers. Empty: none does."""
    post_goods_issue: Annotated[str, Field(pattern="^(yes|no)$")] = "yes"
    """Whether a delivery is posted that SAP has only created; `no` where the warehouse or a job of SAP's does it."""

    ask_stock: Annotated[str, Field(pattern="^(yes|no)$")] = "no"
    """Whether SAP is asked for its stock, every `polls.stock_s` of the settings; over OData only."""
    stock_path: str = "/sap/opu/odata/sap/API_MATERIAL_STOCK_SRV"
    stock_page: Annotated[int, Field(ge=2, le=5000)] = 1000
    """How many rows of stock one call asks for; a service that gives fewer is asked more often."""
    piece_units: str = "PC,ST,EA,PCE"
    """Base units that are one piece each, beside `unit`. A material that is kept in any other is not counted."""

    stock_at_of: Mapping[str, StockPlace] = {}
    """Which plant and storage location are a location of ours, as `stock_at.<ours> = "1710/171A"`. The location may
    stand behind another connection, the warehouse's own: what SAP counts there is taken over all the same. Name it
    where SAP is to be believed, for a warehouse that counts the same goods would be heard as well."""
    sold_to_of: Mapping[str, Key] = {}
    order_type_of: Mapping[str, Char4] = {}
    plant_of: Mapping[str, Char4] = {}
    """Empty for a location: its own code."""
    rfc_of: Mapping[str, str] = {}
    """Parameters of the RFC connection, such as rfc.ashost, rfc.sysnr or rfc.mshost."""

    @field_validator("zone")
    @classmethod
    def know_the_zone(cls, value: str) -> str:
        try:
            return ZoneInfo(value).key
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("there is no such time zone") from error

    def sold_to_for(self, shop: str) -> str:
        return self.sold_to_of.get(shop, self.sold_to)

    def plant_for(self, location: str) -> str:
        return self.plant_of.get(location, location)

    def stock_place_for(self, location: str) -> tuple[str, str]:
        """Give the plant and the storage location that are a location of ours.

        Raises: Rejected when the options do not say.
        """
        if location not in self.stock_at_of:
            raise Rejected(
                f"options.stock_at.{location} is missing: its plant and storage location", code="no_stock_place"
            )
        plant, _, storage_location = self.stock_at_of[location].partition("/")
        return plant, storage_location

    def is_piece(self, unit: str) -> bool:
        return bool(unit) and unit in {self.unit, *self.piece_units.split(",")}

    def order_type_for(self, kind: str, otherwise: str) -> str:
        return self.order_type_of.get(kind, self.order_type or otherwise)

    def day(self, moment: datetime) -> date:
        return moment.astimezone(ZoneInfo(self.zone)).date()

    def is_lock(self, message: str) -> bool:
        return message in self.locked.split(",")


def read_options(partner: Partner) -> SapOptions:
    """Read a connection's options.

    Raises: Misconfigured for one that is missing, unknown or cannot be meant.
    """
    values: dict[str, object] = {}
    families: dict[str, dict[str, str]] = {}
    for key, value in partner.connection.options.items():
        family, dot, name = key.partition(".")
        if dot:
            families.setdefault(f"{family}_of", {})[name] = value
        else:
            values[key] = value
    try:
        return SapOptions.model_validate({**values, **families})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        text = f"connection {partner.name}: options.{where}: {first['msg']}"
        raise Misconfigured(text, code="bad_option") from None
