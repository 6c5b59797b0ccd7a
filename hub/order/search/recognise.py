"""Recognise what a person types to find an order: several readings at once, each a query by an index of its own."""

import base64
import re
import unicodedata
from binascii import Error as NotBase64
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from sqlalchemy.orm import Session

from hub.database import keyring_of, rows
from hub.errors import NeedsOperator
from hub.masking import mask_phone
from hub.order.place.record import plain_phone
from hub.roles import Actor

LONGEST: Final = 200
"""Characters of a term; no number of anybody's is longer."""

NUMBER: Final = re.compile(r"(\d{16})(?:-\d{1,6}){0,2}")
CODE: Final = re.compile(r"[\w.:@/+-]{1,64}")
TAIL: Final = re.compile(r"\d{4}")
PHONE: Final = re.compile(r"\+?[\d() -]{7,20}")
WRITTEN_AS_PHONE: Final = re.compile(r"1\d{10}|0\d+|.*[+() -].*")
"""A mobile number, a landline with its area, or digits set apart: nobody writes an order's number like that."""
HIDDEN: Final = "phone~"
PLACE: Final = "search|phone"


class Reading(StrEnum):
    """What a term may be."""

    NUMBER = "number"
    EXTERNAL = "external"
    TRACKING = "tracking"
    SKU = "sku"
    TAIL = "tail"
    PHONE = "phone"


QUERIES: Final[Mapping[Reading, str]] = {
    Reading.NUMBER: "select cast(:number as bigint) as id",
    # The key begins with the shop: its shops are walked one by one, as an index that skips would.
    Reading.EXTERNAL: """select order_id as id from (
        with recursive known as (
            (select shop from order_key order by shop limit 1)
            union all
            select (select shop from order_key where shop > known.shop order by shop limit 1) from known
            where known.shop is not null)
        select k.order_id from known join order_key k on k.shop = known.shop and k.external_id = :term) own""",
    Reading.TRACKING: "select distinct order_id as id from parcel where tracking_no = :term",
    Reading.SKU: "select distinct order_id as id from order_line where sku = :term",
    Reading.TAIL: """select o.id from sales_order o
        join unnest(cast(:of_brands as text[]), cast(:tails as bytea[])) as told (brand, tail)
          on o.brand = told.brand and o.phone_tail_index = told.tail""",
    Reading.PHONE: "select id from sales_order where phone_index = any(cast(:phones as bytea[]))",
}


def normal(term: str) -> str:
    """Bring a term to what is looked for: wide digits made plain, without blanks around it and what cannot be seen."""
    return "".join(char for char in unicodedata.normalize("NFKC", term) if char.isprintable()).strip()[:LONGEST]


def readings(term: str) -> list[Reading]:
    """Say what a term may be, by its shape."""
    return list(_readings(term))


def _readings(term: str) -> Iterator[Reading]:
    if NUMBER.fullmatch(term):
        yield Reading.NUMBER
    if CODE.fullmatch(term):
        yield from (Reading.EXTERNAL, Reading.TRACKING, Reading.SKU)
    if TAIL.fullmatch(term):
        yield Reading.TAIL
    if PHONE.fullmatch(term) and 7 <= len(plain_phone(term)) <= 13:  # noqa: PLR2004 # a landline without, a mobile number with its country
        yield Reading.PHONE


def query_values(session: Session, term: str, actor: Actor) -> dict[str, Any]:
    """Give the values that the queries of a term need; blind indexes are made for each brand that the actor may see."""
    ring = keyring_of(session)
    brands = sorted(actor.brands) or _brands(session)
    number = NUMBER.fullmatch(term)
    return {
        "term": term,
        "number": int(number[1]) if number else 0,
        "of_brands": brands,
        "tails": [ring.index("phone_tail", brand, term) for brand in brands],
        "phones": [ring.index("phone", brand, plain_phone(term)) for brand in brands],
    }


def hide(session: Session, term: str) -> str:
    """Give a term as it may stand in an address: what is written like a phone is sealed, anything else stays."""
    plain = normal(term)
    written = WRITTEN_AS_PHONE.fullmatch(plain) or WRITTEN_AS_PHONE.fullmatch(plain_phone(plain))
    if not (PHONE.fullmatch(plain) and written) or NUMBER.fullmatch(plain):
        return plain
    sealed = keyring_of(session).seal(plain_phone(plain).encode(), PLACE)
    return HIDDEN + base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def reveal_term(session: Session, term: str) -> str:
    """Give back what `hide` took; what does not open stays as it is and finds nothing."""
    plain = normal(term)
    if not plain.startswith(HIDDEN):
        return plain
    text = plain.removeprefix(HIDDEN)
    try:
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return keyring_of(session).open(sealed, PLACE).decode()
    except (NotBase64, ValueError, NeedsOperator):
        return plain


def shown_term(session: Session, term: str) -> str:
    """Give a term as it may be shown: a hidden phone number masked."""
    plain = reveal_term(session, term)
    return mask_phone(plain) if plain != normal(term) else plain


def _brands(session: Session) -> list[str]:
    """Name every brand that has orders, one step in an index for each."""
    found = rows(
        session,
        """with recursive known as (
               (select brand from sales_order order by brand limit 1)
               union all
               select (select brand from sales_order where brand > known.brand order by brand limit 1) from known
               where known.brand is not null)
           select brand from known where brand is not null""",
    )
    return [one.brand for one in found]
