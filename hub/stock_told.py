"""Who is told what of stock, as the settings say: channels of its numbers, connections of its alerts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import Field, PositiveInt

from hub.part import Part
from hub.unfit import Unfit


@dataclass(frozen=True, slots=True)
class Listener:
    """Whose alerts a connection is told of: those of some `brands`, or of all but those."""

    brands: tuple[str, ...]
    others: bool


class Stock(Part):
    """How channels are told of stock, and when a person is asked first.

    A shop's SKUs are told in `lanes` lanes, and once more after `retell_h`; `sweep` of them are compared every five
    seconds whatever has moved. If within `guard_window_s` more than `guard_percent` of a
    shop's SKUs, and at least `guard_least`, would go to zero, they are held back. An alert is told to the connection
    that `alert_connection_of` names for its brand, else to `alert_connection`, or to nobody where that is empty; it is
    over when stock is `clear_percent` of its threshold.
    """

    lanes: PositiveInt = 4
    sweep: PositiveInt = 1_000
    retell_h: PositiveInt = 24
    guard_percent: PositiveInt = 20
    guard_least: PositiveInt = 20
    guard_window_s: PositiveInt = 600
    alert_connection: str = ""
    alert_connection_of: dict[str, str] = Field(default_factory=dict)
    clear_percent: int = Field(default=120, ge=100)

    def tells(self, brand: str) -> bool:
        """Say whether anybody is told of a brand's alerts."""
        return bool(self.alert_connection_of.get(brand, self.alert_connection))

    def told_of_alerts(self) -> Mapping[str, Listener]:
        """Give the connections that are told of alerts, and of which."""
        names = sorted({self.alert_connection, *self.alert_connection_of.values()} - {""})
        return {name: self.heard_by(name) for name in names}

    def heard_by(self, connection: str) -> Listener:
        """Give whose alerts a connection is told of."""
        others = connection == self.alert_connection
        of = self.alert_connection_of.items()
        return Listener(tuple(sorted(brand for brand, name in of if (name == connection) != others)), others)

    def check(self, brands: Mapping[str, str]) -> None:
        """Make sure that whoever is told of alerts is a connection, by the brand of each, and of a brand there is.

        Raises: Unfit.
        """
        _known("stock.alert_connection", [self.alert_connection], brands)
        for brand, name in sorted(self.alert_connection_of.items()):
            where = f"stock.alert_connection_of.{brand}"
            if brand not in brands.values():
                raise Unfit(f"{where}：没有连接属于品牌 {brand}", f"{where}: no connection is of the brand {brand}")
            _known(where, [name], brands)


def _known(where: str, names: Iterable[str], brands: Mapping[str, str]) -> None:
    for name in names:
        if name and name not in brands:
            raise Unfit(f"{where}：没有连接 {name}", f"{where}: there is no connection {name}")
