"""A sale and its delivery with every value as SAP wants it; the mapping table then only names the fields."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Final

from pydantic import Field

from connectors.reading import LONGEST_NUMBER
from connectors.sap_options import SapOptions
from connectors.sap_values import (
    KEY_WIDTH,
    SHORT_MATERIAL,
    alpha,
    amount_text,
    cut,
    dats,
    external,
    item_number,
    numc,
    odata_date,
    quantity_text,
)
from hub.document import Document, Text
from hub.errors import Malformed
from hub.fulfilment.sale import GoodsIssue, Sale, SaleLine
from mappings import MappingError
from mappings.table import Table

TABLE: Final = "erp/sap"
HEADER: Final = numc(0)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one of SAP's interfaces writes values: `form` is "shown" or "stored", and picks roles and code tables."""

    form: str
    key: Callable[[str, int], str]
    day: Callable[[date], str]


ODATA: Final = Dialect("shown", lambda key, _: external(key), odata_date)
RFC: Final = Dialect("stored", alpha, dats)
SOAP: Final = Dialect("stored", alpha, date.isoformat)
ROLES: Final = {"shown": ("SP", "SH"), "stored": ("AG", "WE")}
"""Sold-to and ship-to party, as SAP shows and as it stores them."""


class Partner(Document):
    role: str
    number: str


class Price(Document):
    """A condition: an amount for `per` pieces, or for all."""

    item: str
    condition: str
    amount: str
    currency: str
    per: str = ""
    unit: str = ""


class Item(Document):
    item: str
    material: str
    material_long: str
    text: str
    quantity: str
    unit: str
    plant: str
    production_plant: str
    net: str
    prices: tuple[Price, ...]


class OrderDraft(Document):
    order_type: str
    sales_org: str
    channel: str
    division: str
    sold_to: str
    code: str
    currency: str
    ordered_on: str
    wanted_on: str
    partners: tuple[Partner, ...]
    ship_to: tuple[Partner, ...]
    freight: tuple[Price, ...]
    prices: tuple[Price, ...]
    items: tuple[Item, ...]


class DeliveryItem(Document):
    item: str
    quantity: str
    unit: str


class DeliveryDraft(Document):
    sale: str
    due_on: str
    items: tuple[DeliveryItem, ...]


class Delivered(Document):
    """Some pieces of one of a sale's items, in one delivery."""

    delivery: Annotated[Text, Field(min_length=1, max_length=LONGEST_NUMBER)]
    item: Annotated[str, Field(pattern="^[0-9]{1,6}$")]
    quantity: Decimal


def draft_order(sale: Sale, options: SapOptions, dialect: Dialect) -> OrderDraft:
    """Write a sale's values in a dialect.

    Raises: Rejected for what SAP has no room for; Malformed for a code that the table does not list.
    """
    sold_to = dialect.key(options.sold_to_for(sale.shop), KEY_WIDTH)
    ship_to = dialect.key(options.ship_to, KEY_WIDTH) if options.ship_to else sold_to
    roles = ROLES[dialect.form]
    partners = Partner(role=roles[0], number=sold_to), Partner(role=roles[1], number=ship_to)
    freight = _freight(sale, options)
    items = tuple(_item(sale, line, options, dialect) for line in sale.lines)
    return OrderDraft(
        order_type=options.order_type_for(sale.order_type, _code(f"order_type_{dialect.form}", sale.order_type)),
        sales_org=options.sales_org,
        channel=options.channel,
        division=options.division,
        sold_to=sold_to,
        code=sale.code,
        currency=sale.currency,
        ordered_on=dialect.day(options.day(sale.placed_at)),
        wanted_on=dialect.day(options.day(sale.shipped_at)),
        partners=partners,
        ship_to=partners[1:],
        freight=freight,
        prices=(*freight, *(price for item in items for price in item.prices)),
        items=items,
    )


def draft_delivery(issue: GoodsIssue, options: SapOptions, dialect: Dialect) -> DeliveryDraft:
    """Write a goods issue's values in a dialect.

    Raises: as `draft_order`.
    """
    return DeliveryDraft(
        sale=alpha(issue.sale_id),
        due_on=dialect.day(options.day(issue.shipped_at)),
        items=tuple(
            DeliveryItem(
                item=item_number(line.line_no), quantity=quantity_text(line.quantity), unit=_unit(options, dialect)
            )
            for line in issue.lines
        ),
    )


def _item(sale: Sale, line: SaleLine, options: SapOptions, dialect: Dialect) -> Item:
    number, unit, plant = item_number(line.line_no), _unit(options, dialect), options.plant_for(sale.location)
    material = dialect.key(line.sku, options.material_width)
    long = dialect.form == "stored" and len(material) > SHORT_MATERIAL
    named = dialect.form == "shown" and options.plant_field == "ProductionPlant"
    amount = _amount(line.amount, sale.currency)
    price = Price(
        item=number,
        condition=options.condition,
        amount=amount,
        currency=sale.currency,
        per=str(line.quantity),
        unit=unit,
    )
    return Item(
        item=number,
        material="" if long else material,
        material_long=material if long else "",
        text=cut(line.title),
        quantity=quantity_text(line.quantity),
        unit=unit,
        plant="" if named else plant,
        production_plant=plant if named else "",
        net=amount if options.net_amount == "item" else "",
        prices=(price,),
    )


def _freight(sale: Sale, options: SapOptions) -> tuple[Price, ...]:
    if not sale.freight:
        return ()
    amount = _amount(sale.freight, sale.currency)
    return (Price(item=HEADER, condition=options.freight_condition, amount=amount, currency=sale.currency),)


def _unit(options: SapOptions, dialect: Dialect) -> str:
    return options.unit or _code(f"unit_{dialect.form}", "piece")


def _amount(amount: int, currency: str) -> str:
    return amount_text(amount, currency, int(_code("decimals", currency)))


def _code(table: str, key: str) -> str:
    try:
        return Table.named(TABLE).code(table, key)
    except MappingError as error:
        raise Malformed(str(error), code="unknown_code") from error
