"""What a platform gives us to call it in a shop's name."""

from pydantic import AwareDatetime, Field

from hub.document import Document


class Token(Document):
    """What a platform gives for a shop; `refresh` gets the next one, until `refresh_until`."""

    access: str = Field(repr=False)
    refresh: str = Field(default="", repr=False)
    expires_at: AwareDatetime
    refresh_until: AwareDatetime | None = None
