"""Days of cover: how long free stock lasts at the pace of recent sales, which are kept a sum a day."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy.orm import Session

from hub.database import rows

WEEK: Final = timedelta(days=7)
MONTH: Final = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Pace:
    """How many pieces go in a day."""

    pieces_per_day: Decimal

    def lasts(self, pieces: int) -> Decimal | None:
        """Give the days that some pieces last; None where nothing sells."""
        return max(0, pieces) / self.pieces_per_day if self.pieces_per_day > 0 else None


def paces(session: Session, skus: Collection[str], at: datetime) -> Mapping[tuple[str, str], Pace]:
    """Give the pace of each (SKU, location) that sells, and of all locations together under "".

    It is the faster of the last week's and the last four weeks': a SKU that has begun to sell is warned of in time,
    and one that has paused is not forgotten.
    """
    found = rows(
        session,
        """select sku, coalesce(location, '') as location, sum(pieces)::bigint as month,
                  coalesce(sum(pieces) filter (where day > :week), 0)::bigint as week
           from stock_sale where sku = any(:skus) and day > :month
           group by grouping sets ((sku, location), (sku))""",
        skus=sorted(skus),
        week=at - WEEK,
        month=at - MONTH,
    )
    return {
        (one.sku, one.location): Pace(max(Decimal(one.week) / WEEK.days, Decimal(one.month) / MONTH.days, Decimal(0)))
        for one in found
    }
