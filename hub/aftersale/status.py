"""Of which kind a return is, how it stands and whose fault it is."""

from enum import StrEnum
from typing import Final


class ReturnKind(StrEnum):
    """Money alone goes back, or goods come back first; goods in exchange are an order of their own (`order_link`)."""

    REFUND_ONLY = "refund_only"
    RETURN_REFUND = "return_refund"


class ReturnState(StrEnum):
    """Asked for, granted, on its way; arrived, or with no goods to await closed; or nothing came of it."""

    REQUESTED = "requested"
    APPROVED = "approved"
    SENT = "sent"
    RECEIVED = "received"
    CLOSED = "closed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Fault(StrEnum):
    """Why goods come back: the buyer has changed their mind, or the merchant has sent bad or wrong ones."""

    BUYER = "buyer"
    MERCHANT = "merchant"


OPEN: Final = frozenset({ReturnState.REQUESTED, ReturnState.APPROVED, ReturnState.SENT})
"""What a return names is kept for it while it is in one of these."""
