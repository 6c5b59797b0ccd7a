"""The accounts the Kdniao stand-in keeps, and how it behaves."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Customer(_Strict):
    """One account: its EBusinessID, its AppKey, and where it wants its pushes."""

    connection: str
    business_id: str
    key: str
    webhook: str


class Behaviour(_Strict):
    """How long a parcel takes from stop to stop, and the shares of what is out of the ordinary.

    repeat: pushes that come again, byte for byte; out_of_order: pushes after which an older list comes once more;
    trouble: parcels whose first delivery fails; locker: parcels that wait in a locker.
    """

    seed: int = 1
    delay_s: tuple[Seconds, Seconds] = (0.2, 1.0)
    repeat: Share = 0.1
    out_of_order: Share = 0.1
    trouble: Share = 0.03
    locker: Share = 0.1


class Config(_Strict):
    """What the configuration file holds."""

    customers: tuple[Customer, ...]
    behaviour: Behaviour = Behaviour()


def read_config(path: Path) -> Config:
    return Config.model_validate_json(path.read_bytes())
