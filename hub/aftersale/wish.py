"""What somebody wants back, and on which terms goods are taken back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from hub.aftersale.status import Fault, ReturnKind
from hub.settings import Orders


@dataclass(frozen=True, slots=True)
class Sent:
    """With whom goods are on their way back."""

    courier: str = ""
    tracking_no: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants back: pieces by the shop's lines. An empty location is the one that has shipped most."""

    kind: ReturnKind
    lines: Sequence[tuple[str, int]]
    fault: Fault = Fault.BUYER
    reason: str = ""
    location: str = ""
    sent: Sent = field(default_factory=Sent)


@dataclass(frozen=True, slots=True)
class Terms:
    """How goods are taken back: for whose fault their freight goes back with them, and where to, by brand."""

    freight_for: Collection[str] = (Fault.MERCHANT,)
    places: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, orders: Orders) -> Self:
        """Give them as they are set."""
        return cls(orders.freight_back_for, orders.returns_to)
