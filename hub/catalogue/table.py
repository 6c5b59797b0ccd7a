"""Tables of the catalogue: SKUs, bundles, and what each channel calls them."""

from datetime import date

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from hub.catalogue.model import HAZARD, Storage
from hub.columns import Entity, Table, number, one_of, words


class Sku(Entity, table=True):
    """A thing that is stocked and shipped, or a bundle of such things; with the traits of ordinary goods at first."""

    __table_args__ = (
        one_of("storage", Storage),
        CheckConstraint("grams >= 0", name="grams"),
        CheckConstraint("cm3 >= 0", name="cm3"),
        CheckConstraint(f"hazard ~ '{HAZARD}'", name="hazard"),
    )
    code: str = words(primary_key=True)
    title: str = words()
    storage: str = words()
    grams: int = number()
    bundle: bool = False
    hazard: str = words(sa_column_kwargs={"server_default": ""})
    oversize: bool = Field(sa_column_kwargs={"server_default": "false"})
    cm3: int = number(sa_column_kwargs={"server_default": "0"})
    supplier: str = words(sa_column_kwargs={"server_default": ""})
    bonded: bool = Field(sa_column_kwargs={"server_default": "false"})
    available_from: date | None = None


class BundlePart(Table, table=True):
    """What one piece of a bundle is made of; `weight` shares the bundle's price over its parts."""

    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"), CheckConstraint("weight >= 0", name="weight"))
    bundle: str = words(primary_key=True, foreign_key="sku.code")
    sku: str = words(primary_key=True, foreign_key="sku.code")
    quantity: int = number()
    weight: int = number(default=1)


class ChannelBinding(Entity, table=True):
    """What a shop calls a SKU; without a binding the shop's code is the SKU's own."""

    __table_args__ = (Index("ix_channel_binding_sku", "sku"),)
    shop: str = words(primary_key=True)
    channel_sku: str = words(primary_key=True)
    sku: str = words(foreign_key="sku.code")
