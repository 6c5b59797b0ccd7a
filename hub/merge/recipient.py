"""What makes two receivers the same: the platform's own token where there is one, else phone and address."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

import msgspec

APART: Final = re.compile(r"[\W_]+")


class Recipient(msgspec.Struct, frozen=True):
    """Whom an order goes to: personal data, never kept in clear. `phone` has nothing but digits.

    `region` is the code of the division that `street` lies in, `names` what it and those above it are called.
    """

    platform: str
    token: str
    phone: str
    region: str
    street: str
    names: Sequence[str] = ()

    def __repr__(self) -> str:
        return "Recipient(…)"


def identity(to: Recipient) -> str:
    """Give the text that is equal for equal recipients, for a blind index; never equal across platforms.

    A token stands for phone and address together, by the word of the platform that gave it.
    """
    if to.token:
        return f"{to.platform}|token|{to.token}"
    return f"{to.platform}|{to.phone}|{to.region}|{plain_street(to.street, to.names)}"


def plain_street(street: str, names: Sequence[str] = ()) -> str:
    """Bring a street to letters and digits, without the divisions' names before it.

    What stands between two numbers still keeps them apart: 1-11 is another door than 11-1.
    """
    text = unicodedata.normalize("NFKC", street).casefold()
    text = APART.sub(_between, text)
    for name in names:
        text = text.removeprefix(name.casefold())
    return text


def _between(found: re.Match[str]) -> str:
    around = found.string[max(0, found.start() - 1) : found.start()], found.string[found.end() : found.end() + 1]
    return "-" if all(one.isdigit() for one in around) else ""
