"""What a location's partner is asked about: the counters there are, and SKUs that may have come there untold."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from hub.database import rows


@dataclass(frozen=True, slots=True)
class Shelf:
    """A location's SKUs that have a counter, and its brand's that have none there yet (`fresh`), both in order."""

    location: str
    owner: str
    skus: Sequence[str]
    fresh: Sequence[str]


def shelves_of(session: Session, connection: str) -> Sequence[Shelf]:
    """Give the locations behind a connection with what is counted there, or could be."""
    found = rows(
        session,
        """select place.code, place.owner,
                  array(select distinct level.sku from stock_level level
                        where (level.location, level.owner) = (place.code, place.owner) order by 1) as skus,
                  array(select sku.code from sku where sku.brand = place.brand and not sku.bundle and not exists (
                            select from stock_level level
                            where (level.location, level.sku, level.owner) = (place.code, sku.code, place.owner))
                        order by 1) as fresh
           from location place where place.connection = :connection order by place.code""",
        connection=connection,
    )
    return [Shelf(one.code, one.owner, one.skus, one.fresh) for one in found if one.skus or one.fresh]
