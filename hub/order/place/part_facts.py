"""The facts of one line, or of one fulfilment order, that review rules of such a scope ask beside its order's."""

import msgspec

from hub.order.place.facts import Gathered, Sold, Told
from hub.review.judge import Facts


class Delivery(msgspec.Struct, frozen=True):
    """A fulfilment order as the rules see it, with its pieces by line."""

    order_id: int
    no: int
    location: str
    courier: str
    attempt: int
    pieces: tuple[tuple[int, int], ...]


def facts_of_line(told: Told, line: Sold, gathered: Gathered) -> Facts:
    """Give what a rule may ask of one line; of what its order lacks of a SKU, no more than its own pieces count."""
    missing = gathered.missing.get(told.id, {}).get(line.sku, 0)
    days = (line.available_from - gathered.day).days if line.available_from else 0
    return {
        "no": line.no,
        "kind": line.kind,
        "sku": line.sku,
        "storage": line.storage,
        "quantity": line.quantity,
        "grams": line.grams,
        "price": line.price,
        "amount": line.amount,
        "discount": line.discount,
        "gift": line.gift,
        "missing": min(missing, line.quantity),
        "arrives_in_days": max(0, days),
        "refund_requested": line.refund_requested or told.cancelling,
    }


def facts_of_delivery(told: Told, delivery: Delivery) -> Facts:
    """Give what a rule may ask of one fulfilment order; its value is what the buyer pays for its pieces, rounded up."""
    lines = {line.no: line for line in told.lines}
    pieces = [(lines[no], n) for no, n in delivery.pieces if no in lines]
    return {
        "location": delivery.location,
        "courier": delivery.courier,
        "attempt": delivery.attempt,
        "lines": len(pieces),
        "pieces": sum(n for _, n in pieces),
        "gifts": sum(n for line, n in pieces if line.gift),
        "value": sum(-(-(line.amount - line.discount) * n // line.quantity) for line, n in pieces),
        "grams": sum(line.grams * n for line, n in pieces),
        "skus": sorted({line.sku for line, _ in pieces}),
    }
