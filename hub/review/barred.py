"""The blacklist: phones, buyers and addresses of a brand by blind index, until a moment or for good."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from hub.address.division import ancestry, divisions
from hub.audit import plain, record
from hub.database import records, row, run
from hub.document import Document
from hub.errors import Conflict, Malformed, NotFound
from hub.keyring import Keyring
from hub.merge.recipient import plain_street
from hub.review.table import BarredKind
from hub.roles import Actor, Permission

_MARKS = re.compile(r"[\W_]+")


class BarredView(Document):
    """An entry of the blacklist; whom it names nobody can read, only find again."""

    id: int
    brand: str
    kind: BarredKind
    reason: str
    barred_at: datetime
    barred_by: str
    until: datetime | None


def address_index(ring: Keyring, brand: str, division: str, street: str) -> bytes:
    """Name an address: its division, and its street as merging reads it: one door however it is written, no other."""
    names = [one.name for one in ancestry(division)] if division in divisions() else []
    return ring.index("door", brand, f"{division}|{plain_street(street, names)}")


def address_indexes(ring: Keyring, brand: str, division: str, street: str) -> tuple[bytes, ...]:
    """Give what an address is looked for by: entries of before its doors were told apart are found as they were."""
    marked = _MARKS.sub("", unicodedata.normalize("NFKC", street)).casefold()
    return address_index(ring, brand, division, street), ring.index("address", brand, f"{division}|{marked}")


def bar(
    session: Session,
    actor: Actor,
    brand: str,
    kind: BarredKind,
    index: bytes,
    reason: str,
    at: datetime,
    until: datetime | None = None,
) -> int:
    """Put somebody on the blacklist of a brand and give the entry's number; orders that are placed already stay.

    Raises: Unauthorised; Malformed without a reason, or when it would be over already; Conflict when it is there.
    """
    actor.require(Permission.CONFIGURE)
    actor.require_scope(brand, "*")
    if not (said := plain(reason).strip()):
        raise Malformed("say why", code="reason_missing", field="reason")
    if until is not None and until <= at:
        raise Malformed("the end lies in the past", code="until_past", field="until")
    run(
        session,
        """update barred set lifted_at = :at, lifted_by = 'system'
           where brand = :brand and kind = :kind and index = :index and lifted_at is null and until <= :at""",
        at=at,
        brand=brand,
        kind=kind.value,
        index=index,
    )
    made = row(
        session,
        """insert into barred (brand, kind, index, reason, barred_at, barred_by, until, lifted_by)
           values (:brand, :kind, :index, :reason, :at, :actor, :until, '')
           on conflict (brand, kind, index) where lifted_at is null do nothing returning id""",
        brand=brand,
        kind=kind.value,
        index=index,
        reason=said,
        at=at,
        actor=actor.name,
        until=until,
    )
    if made is None:
        raise Conflict("it is on the blacklist already", code="barred_already")
    record(session, at, actor.name, "blacklist.add", f"barred:{made.id}", brand=brand, kind=kind.value, reason=said)
    return made.id


def lift(session: Session, actor: Actor, number: int, at: datetime) -> None:
    """Take an entry off the blacklist.

    Raises: Unauthorised; NotFound.
    """
    actor.require(Permission.CONFIGURE)
    found = row(session, "select brand from barred where id = :id and lifted_at is null for update", id=number)
    if found is None:
        raise NotFound(f"the blacklist has no entry {number}", code="unknown_entry")
    actor.require_scope(found.brand, "*")
    run(
        session,
        "update barred set lifted_at = :at, lifted_by = :actor where id = :id",
        at=at,
        actor=actor.name,
        id=number,
    )
    record(session, at, actor.name, "blacklist.lift", f"barred:{number}")


def list_barred(session: Session, actor: Actor, at: datetime) -> Sequence[BarredView]:
    """Give the entries that count at a moment, the newest first.

    Raises: Unauthorised.
    """
    actor.require(Permission.SEE_ORDERS)
    found = records(
        session,
        f"""select {", ".join(BarredView.model_fields)} from barred
            where lifted_at is null and (until is null or until > :at) and (:every or brand = any(:brands))
            order by id desc""",
        at=at,
        every=not actor.brands,
        brands=sorted(actor.brands),
    )
    return [BarredView.model_validate(one) for one in found]
