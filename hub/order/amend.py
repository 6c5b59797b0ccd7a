"""Read what is said anew of a receiver or a remark; the rest stays as it was."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, ValidationError

from hub.document import PRINTABLE
from hub.order.change.revision import Contents
from hub.order.model import Receiver
from hub.unfit import malformed


class Amended(Contents):
    """The personal part of a change as a person writes it: a remark no longer than the API takes."""

    remark: Annotated[str, Field(max_length=1000, pattern=PRINTABLE)] | None = None


def amend(old: Receiver, said: Mapping[str, str], remark: str | None) -> Amended:
    """Give a receiver with what is said anew; the token does not stand for another person or street.

    Raises: Malformed naming the first thing that does not fit, without what was typed or the receiver as it was.
    """
    fresh = {"token": "", **said} if {"name", "phone", "street"} & said.keys() else dict(said)
    try:
        return Amended.model_validate({"receiver": old.model_dump() | fresh if said else None, "remark": remark})
    except ValidationError as error:
        told = malformed(error, at=-1)  # its own name alone, as it was typed
    raise told  # not from the other error, whose text has the whole receiver
