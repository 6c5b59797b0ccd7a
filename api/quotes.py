"""What would become of goods if they were ordered now: for a basket or a product's page, before anybody orders."""

from typing import Annotated, Self

from fastapi import APIRouter, Depends
from pydantic import Field, model_validator

from api.change_wishes import check_once
from api.inventory import Asker, Word, asker
from api.stock_examples import QUOTE
from api.surroundings import Body, TheHub, read_wish
from hub.database import run
from hub.document import Document
from hub.errors import Malformed
from hub.order.quote import AskedLine, Quote, quote

router = APIRouter(prefix="/v1/inventory/quote", tags=["inventory · 库存"])


class Basket(Document):
    """Goods that might be ordered, and where to."""

    division: Word
    lines: Annotated[tuple[AskedLine, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def name_lines_once(self) -> Self:
        check_once(self.lines)
        return self


@router.post(
    "",
    response_model_exclude_none=True,
    openapi_extra=QUOTE,
    summary="发货试算 · How goods would be sent",
)
def ask(hub: TheHub, who: Annotated[Asker, Depends(asker)], body: Body) -> Quote:
    """Say which parcels these goods, 10,000 pieces at most, would be sent in if they were ordered now, and when.

    It is decided as an order would be, by the brand's policy, rate cards and calendar, and nothing is held: another
    order may be faster. `arrives_on` is there where rate cards say it. What is `short` has no source now, `later` waits
    for its day, `virtual` needs no parcel. Gifts and what rules hold back are not asked, and what quotas leave to a
    shop is told by `GET /v1/inventory`.
    """
    basket = read_wish(Basket, body)
    if len(basket.lines) > hub.settings.limits.order_lines:
        raise Malformed(f"an order has at most {hub.settings.limits.order_lines} lines", code="too_many_lines")
    with hub.database.transaction() as session:
        run(session, "set transaction read only")
        found = quote(session, who.brand, who.shop, basket.division, basket.lines, hub.now().astimezone(hub.zone))
    if who.sees_locations:
        return found
    return found.model_copy(
        update={"parcels": tuple(one.model_copy(update={"location": None}) for one in found.parcels)}
    )
