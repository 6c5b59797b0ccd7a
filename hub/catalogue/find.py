"""Find the products that channel codes stand for."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy.orm import Session

from hub.catalogue.model import Code, Part, Product, Storage, Traits
from hub.database import rows, run
from hub.errors import NotFound

TRAITS: Final = """case when sku.hazard <> '' or sku.oversize or sku.cm3 > 0 or sku.supplier <> '' or sku.bonded
                             or sku.available_from is not null
    then json_strip_nulls(json_build_object('hazard', sku.hazard, 'oversize', sku.oversize, 'cm3', sku.cm3,
        'supplier', sku.supplier, 'bonded', sku.bonded, 'available_from', sku.available_from)) end as traits"""
"""A column: the traits of a SKU; null for ordinary goods, which most are."""

PRODUCTS: Final = f"""
    with part as materialized (select bundle, sku, quantity, weight from bundle_part where bundle = any(:skus))
    select code, title, storage, grams, {TRAITS}, whole.parts
    from sku left join (
        select bundle, jsonb_agg(jsonb_build_array(sku, quantity, weight) order by sku) as parts
        from part group by bundle) whole on whole.bundle = code
    where code = any(array(select unnest(cast(:skus as text[])) union select part.sku from part))"""
"""Products with the parts of each bundle, in one statement: a bundle that changes meanwhile is whole, old or new."""


def find_bound(session: Session, codes: Collection[Code]) -> Mapping[Code, str]:
    """Give the SKU of each code that has one: its binding, else its brand's SKU of the same code."""
    found = rows(
        session,
        """select asked.brand, asked.shop, asked.code, coalesce(binding.sku, sku.code) as sku
           from unnest(cast(:brands as text[]), cast(:shops as text[]), cast(:codes as text[]))
                as asked (brand, shop, code)
           left join channel_binding binding on (binding.shop, binding.channel_sku) = (asked.shop, asked.code)
           left join sku on (sku.code, sku.brand) = (asked.code, asked.brand)
           where coalesce(binding.sku, sku.code) is not null""",
        brands=[brand for brand, _, _ in codes],
        shops=[shop for _, shop, _ in codes],
        codes=[code for _, _, code in codes],
    )
    return {(row.brand, row.shop, row.code): row.sku for row in found}


def find_products(session: Session, skus: Collection[str]) -> Mapping[str, Product]:
    """Give the products of these SKUs, and of the parts of those that are bundles."""
    found = rows(session, PRODUCTS, skus=sorted(skus))
    return {
        one.code: Product(
            *(one.code, one.title, Storage(one.storage), one.grams),
            *(tuple(Part(*part) for part in one.parts or ()), traits_of(one.traits)),
        )
        for one in found
    }


def traits_of(found: object) -> Traits | None:
    """Read what the column `TRAITS` gives."""
    return None if found is None else msgspec.convert(found, Traits)


def bind(session: Session, brand: str, shop: str, channel_sku: str, sku: str, at: datetime) -> None:
    """Say what a shop's code stands for; binding it again corrects it.

    Raises: NotFound when the brand has no such SKU.
    """
    if not rows(session, "select 1 from sku where code = :sku and brand = :brand", sku=sku, brand=brand):
        text, zh = f"{brand} has no SKU {sku}", f"品牌 {brand} 没有 SKU {sku}"
        raise NotFound(text, code="unknown_sku", field="sku", zh=zh)
    run(
        session,
        """insert into channel_binding (brand, version, created_at, updated_at, shop, channel_sku, sku)
           values (:brand, 1, :at, :at, :shop, :channel_sku, :sku)
           on conflict (shop, channel_sku)
           do update set sku = excluded.sku, version = channel_binding.version + 1, updated_at = :at""",
        brand=brand,
        at=at,
        shop=shop,
        channel_sku=channel_sku,
        sku=sku,
    )
