"""The sites the Qimen stand-in plays, and how it behaves."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Site(_Strict):
    """One customer of the WMS: its credentials, its warehouses, and where it wants its pushes."""

    connection: str
    app_key: str
    secret: str
    customer_id: str
    webhook: str
    warehouses: tuple[str, ...]


class Behaviour(_Strict):
    """The shares of documents with a special fate, and how long each act takes."""

    seed: int = 1
    reject: Share = 0.0
    short: Share = 0.0
    two_confirms: Share = 0.0
    two_parcels: Share = 0.0
    delay_s: tuple[Seconds, Seconds] = (0.05, 0.4)
    never_reject_after: int = 3


class Config(_Strict):
    """What the configuration file holds."""

    sites: tuple[Site, ...]
    behaviour: Behaviour = Behaviour()


def read_config(path: Path) -> Config:
    return Config.model_validate_json(path.read_bytes())
