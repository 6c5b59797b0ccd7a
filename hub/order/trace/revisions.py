"""The revisions of an order: who wanted what of it changed, why, what became of that, and what it replaced, masked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import rows
from hub.document import Document
from hub.keyring import SubjectKey
from hub.masking import GONE, mask_name, mask_phone
from hub.order.change.revision import Contents, open_part
from hub.subject import open_key


class Veiled(Document):
    """A receiver and a remark as anybody sees them who may see the order; empty is what was not changed."""

    name: str = ""
    phone: str = ""
    place: str = ""
    street: str = ""
    remark: str = ""


class TracedRevision(Document):
    """One revision. `fresh` is what was wanted and `former` what stood there; None of neither, or of an erased buyer.

    `pieces` are by line, `stops` the fulfilment orders that were taken back for it.
    """

    no: int
    source: str
    source_revision: int
    actor: str
    reason: str
    kinds: tuple[str, ...]
    pieces: Mapping[int, int]
    stops: tuple[int, ...]
    target: str
    avoid: tuple[str, ...]
    state: str
    note: str
    created_at: datetime
    settled_at: datetime | None
    fresh: Veiled | None
    former: Veiled | None


def trace_revisions(session: Session, order_id: int) -> list[TracedRevision]:
    """Give the revisions of an order, the latest first."""
    found = rows(
        session,
        """select r.*, o.subject_id from order_revision r join sales_order o on o.id = r.order_id
           where r.order_id = :id order by r.no desc""",
        id=order_id,
    )
    key = open_key(session, found[0].subject_id) if found else None
    told = set(TracedRevision.model_fields) - {"fresh", "former"}
    return [
        TracedRevision.model_validate(
            {name: getattr(one, name) for name in told}
            | {"fresh": _veiled(one, "contents", key), "former": _veiled(one, "former", key)}
        )
        for one in found
    ]


def _veiled(found: Row[Any], part: str, key: SubjectKey | None) -> Veiled | None:
    sealed = getattr(found, part)
    if sealed is None or key is None:
        return None
    return veil(open_part(key, found.order_id, found.no, part, bytes(sealed)))


def veil(one: Contents) -> Veiled:
    """Mask the personal part of a change."""
    remark = GONE if one.remark else ""
    to = one.receiver
    if to is None:
        return Veiled(remark=remark)
    place = " ".join(dict.fromkeys(filter(None, (to.province, to.city, to.county, to.town))))
    phone = to.phone if "*" in to.phone else mask_phone(to.phone)
    return Veiled(name=mask_name(to.name), phone=phone, place=place, street=GONE, remark=remark)
