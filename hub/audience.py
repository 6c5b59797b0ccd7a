"""Which connection hears of a brand's sales and parcels, and which stops these: a copy of the settings for all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.orm import Session

from hub.columns import Table, words
from hub.database import rows, run

ERP: Final = "erp"
COURIERS: Final = "couriers"
STOPS: Final = "stops:"
"""What the family begins with of who has a courier's parcels brought back; its code follows."""


class BrandAudience(Table, table=True):
    """The connection of one family that serves a brand."""

    brand: str = words(primary_key=True)
    family: str = words(primary_key=True)
    connection: str = words()


@dataclass(frozen=True, slots=True)
class Audience:
    """Connections by what they hear; empty where a brand has none. `stops` has them by the couriers that they stop."""

    erp: str = ""
    courier: str = ""
    stops: Mapping[str, str] = field(default_factory=dict[str, str])


def set_audience(session: Session, serving: Mapping[tuple[str, str], str]) -> None:
    """Write who serves each (brand, family), and forget whoever is not configured any more."""
    keys = sorted(serving)
    values = {
        "brands": [brand for brand, _ in keys],
        "families": [family for _, family in keys],
        "connections": [serving[key] for key in keys],
    }
    run(
        session,
        """insert into brand_audience (brand, family, connection)
           select * from unnest(cast(:brands as text[]), cast(:families as text[]), cast(:connections as text[]))
           order by 1, 2
           on conflict (brand, family) do update set connection = excluded.connection
           where brand_audience.connection <> excluded.connection""",
        **values,
    )
    run(
        session,
        """delete from brand_audience where (brand, family) not in (
               select * from unnest(cast(:brands as text[]), cast(:families as text[])))""",
        brands=values["brands"],
        families=values["families"],
    )


def audience_of(session: Session, brand: str) -> Audience:
    """Give who hears of a brand's sales and parcels."""
    found = rows(session, "select family, connection from brand_audience where brand = :brand", brand=brand)
    by_family = {one.family: one.connection for one in found}
    stops = {family.removeprefix(STOPS): name for family, name in by_family.items() if family.startswith(STOPS)}
    return Audience(by_family.get(ERP, ""), by_family.get(COURIERS, ""), stops)
