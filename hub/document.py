"""Frozen values at every border: what is not declared is refused."""

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

PRINTABLE: Final = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]*$"
"""Text that both PostgreSQL (no NUL) and XML 1.0 (§2.2) can carry."""

Text = Annotated[str, StringConstraints(pattern=PRINTABLE)]

Code = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\w.:@/+-]+$")]
"""A partner's own number, or ours of goods and places: letters, digits and . : @ / + - _ only.

It travels in URLs, XML and file names.
"""

Moment = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(2100, 1, 1, tzinfo=UTC))]
"""A point in time that a shop could mean, and that every zone can show."""


class Document(BaseModel):
    """A value that cannot change and refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)
