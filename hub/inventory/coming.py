"""What is on its way to a location (在途), as its partner counts it: shown beside what is there, promised to nobody."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from hub.database import run
from hub.inventory.condition import Condition
from hub.inventory.count_page import Page
from hub.inventory.counted import MOST, Coming
from hub.inventory.ledger import StockKey


def sort_coming(page: Page, owner: str) -> tuple[dict[StockKey, int], list[str]]:
    """Give the counters that goods are on their way to, with how many, and why others cannot be believed."""
    wrong = [one for one in page.report.coming if not 0 <= one.pieces <= MOST]
    refused = [f"on its way ({one.sku[:60]}): no number of pieces that anybody has" for one in wrong]
    return {_key(page, one, owner): one.pieces for one in page.report.coming if one not in wrong}, refused


def book_coming(session: Session, page: Page, coming: dict[StockKey, int]) -> None:
    """Write what is on its way to counters, which are locked; a count that is older than the last says nothing.

    Nobody's promise changes with it, so no counter counts as changed.
    """
    keys: Sequence[StockKey] = sorted(coming)
    run(
        session,
        """update stock_level level set incoming = new.pieces, incoming_at = :counted_at
           from unnest(cast(:skus as text[]), cast(:owners as text[]), cast(:pieces as bigint[]))
                as new (sku, owner, pieces)
           where (level.location, level.sku, level.owner, level.condition)
                 = (:location, new.sku, new.owner, :condition)
             and (level.incoming_at is null or level.incoming_at <= :counted_at)""",
        location=page.report.location,
        condition=Condition.SALEABLE,
        counted_at=page.report.counted_at,
        skus=[key.sku for key in keys],
        owners=[key.owner for key in keys],
        pieces=[coming[key] for key in keys],
    )


def _key(page: Page, one: Coming, owner: str) -> StockKey:
    return StockKey(page.report.location, one.sku, owner)
