"""What an ERP is told of a fulfilment order: what was sold with it, and that the goods have left."""

from pydantic import AwareDatetime

from hub.document import Document


class SaleLine(Document):
    """Pieces that left; `amount` is what the buyer paid for them, in minor units, all reductions taken off."""

    line_no: int
    sku: str
    title: str
    quantity: int
    amount: int


class Sale(Document):
    """One sales order in the ERP. `code` is ours and is what it is found by; it names no person."""

    key: str
    code: str
    order_id: str
    external_id: str
    brand: str
    shop: str
    order_type: str
    currency: str
    placed_at: AwareDatetime
    shipped_at: AwareDatetime
    location: str
    freight: int
    lines: tuple[SaleLine, ...]


class IssuedLine(Document):
    line_no: int
    sku: str
    quantity: int


class GoodsIssue(Document):
    """One outbound delivery of a sale; `sale_id` is the ERP's own number of it."""

    key: str
    code: str
    sale_id: str
    location: str
    shipped_at: AwareDatetime
    tracking_nos: tuple[str, ...]
    lines: tuple[IssuedLine, ...]
