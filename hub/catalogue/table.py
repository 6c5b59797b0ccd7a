"""Tables of the catalogue: SKUs, bundles, and what each channel calls them."""

from sqlalchemy import CheckConstraint, Index

from hub.catalogue.model import Storage
from hub.columns import Entity, Table, number, one_of, words


class Sku(Entity, table=True):
    """A thing that is stocked and shipped, or a bundle of such things."""

    __table_args__ = (one_of("storage", Storage), CheckConstraint("grams >= 0", name="grams"))
    code: str = words(primary_key=True)
    title: str = words()
    storage: str = words()
    grams: int = number()
    bundle: bool = False


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
