"""Who may send goods that not everybody may: a supplier what is his own, and a place under bond what is bonded."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from hub.catalogue.model import ORDINARY
from hub.order.rules.split import Lines, by_bond, by_supplier
from hub.sourcing.model import LocationKind, Place, Site

OTHER_SENDER: Final = "other_sender"
NOT_BONDED: Final = "not_bonded"
REASONS: Final = frozenset({OTHER_SENDER, NOT_BONDED})
"""Why a place is not asked for some goods, whatever the policy."""


class Keepers(NamedTuple):
    """The places of each supplier, and those that keep goods under bond.

    A supplier without a place is nobody's matter here, nor is bond where no place is under it: goods that somebody has
    always sent go on being sent.
    """

    of_supplier: Mapping[str, frozenset[str]]
    bonded: frozenset[str]

    def cut(self, parts: Iterable[Lines]) -> list[Lines]:
        """Cut parts that no place may send as they are, as those of a policy whose chain leaves out such a rule."""
        return [some for part in parts for of_one in by_supplier(part) for some in by_bond(of_one)]

    def bar(self, sites: Sequence[Site], part: Lines) -> Sequence[Site]:
        """Bar the sites that may not send a part, which is of one supplier or none; who is barred already stays so."""
        traits = part[0].traits or ORDINARY
        mine = self.of_supplier.get(traits.supplier)
        theirs = frozenset[str]().union(*self.of_supplier.values()) if mine is None else frozenset[str]()
        sealed = self.bonded if traits.bonded else frozenset[str]()

        def reason(code: str) -> str:
            if code not in mine if mine is not None else code in theirs:
                return OTHER_SENDER
            return NOT_BONDED if sealed and code not in sealed else ""

        return [replace(site, barred=why) if not site.barred and (why := reason(site.code)) else site for site in sites]


def keepers_of(places: Iterable[Place]) -> Keepers | None:
    """Give who keeps what among a brand's places, closed ones too; None where nobody keeps anything for himself.

    A supplier's place is one of the kind `supplier`; its owner is the supplier that SKUs name.
    """
    of_supplier: dict[str, frozenset[str]] = {}
    bonded: set[str] = set()
    for place in places:
        if place.kind == LocationKind.SUPPLIER:
            of_supplier[place.owner] = of_supplier.get(place.owner, frozenset()) | {place.code}
        if place.bonded:
            bonded.add(place.code)
    return Keepers(of_supplier, frozenset(bonded)) if of_supplier or bonded else None
