"""Which counters a location's partner is asked about: those there are, for of others nothing could be booked."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from hub.database import rows


@dataclass(frozen=True, slots=True)
class Shelf:
    """A location's SKUs that have a counter, in order."""

    location: str
    owner: str
    skus: Sequence[str]


def shelves_of(session: Session, connection: str) -> Sequence[Shelf]:
    """Give the locations behind a connection with what is counted there; one that counts nothing is left out."""
    found = rows(
        session,
        """select place.code, place.owner, array_agg(distinct level.sku order by level.sku) as skus
           from location place join stock_level level on (level.location, level.owner) = (place.code, place.owner)
           where place.connection = :connection group by place.code, place.owner order by place.code""",
        connection=connection,
    )
    return [Shelf(one.code, one.owner, one.skus) for one in found]
