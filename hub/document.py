"""Frozen values at every border: what is not declared is refused."""

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    """A value that cannot change and refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)
