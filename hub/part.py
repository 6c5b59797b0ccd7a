"""A table of the settings file."""

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A table of the settings file; an unknown key is a typing error worth stopping for."""

    model_config = ConfigDict(frozen=True, extra="forbid")
