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
from hub.order.change.addition import read_added
from hub.order.change.revision import Contents, open_part
from hub.subject import open_key


class Veiled(Document):
    """A receiver and a remark as anybody sees them who may see the order; empty is what was not changed."""

    name: str = ""
    phone: str = ""
    place: str = ""
    street: str = ""
    remark: str = ""


class TracedAddition(Document):
    """Pieces of a channel's code that a revision adds to a line of the shop's; how many came, once it is done."""

    line_id: str
    channel_sku: str
    pieces: int
    came: int


class TracedRevision(Document):
    """One revision. `fresh` is what was wanted and `former` what stood there; None of neither, or of an erased buyer.

    `pieces` are by line, `stops` the fulfilment orders that were taken back for it. `hidden` names what of a
    receiver or remark is another than before although it reads the same behind the mask.
    """

    no: int
    source: str
    source_revision: int
    actor: str
    reason: str
    kinds: tuple[str, ...]
    pieces: Mapping[int, int]
    added: tuple[TracedAddition, ...]
    stops: tuple[int, ...]
    target: str
    avoid: tuple[str, ...]
    state: str
    note: str
    created_at: datetime
    settled_at: datetime | None
    fresh: Veiled | None
    former: Veiled | None
    hidden: tuple[str, ...] = ()


def trace_revisions(session: Session, order_id: int) -> list[TracedRevision]:
    """Give the revisions of an order, the latest first."""
    found = rows(
        session,
        """select r.*, o.subject_id from order_revision r join sales_order o on o.id = r.order_id
           where r.order_id = :id order by r.no desc""",
        id=order_id,
    )
    key = open_key(session, found[0].subject_id) if found else None
    told = set(TracedRevision.model_fields) - {"fresh", "former", "hidden", "added"}
    return [
        TracedRevision.model_validate(
            {name: getattr(one, name) for name in told} | {"added": _added(one)} | _personal(one, key)
        )
        for one in found
    ]


def _added(found: Row[Any]) -> list[TracedAddition]:
    return [
        TracedAddition(line_id=one.line_id, channel_sku=one.channel_sku, pieces=one.pieces, came=one.came)
        for one in read_added(found.added)
    ]


def _personal(found: Row[Any], key: SubjectKey | None) -> dict[str, Any]:
    fresh, former = (_opened(found, part, key) for part in ("contents", "former"))
    return {
        "fresh": veil(fresh) if fresh else None,
        "former": veil(former) if former else None,
        "hidden": hidden(fresh, former) if fresh and former else (),
    }


def _opened(found: Row[Any], part: str, key: SubjectKey | None) -> Contents | None:
    sealed = getattr(found, part)
    if sealed is None or key is None:
        return None
    return open_part(key, found.order_id, found.no, part, bytes(sealed))


def hidden(fresh: Contents, former: Contents) -> tuple[str, ...]:
    """Name what differs between two personal parts, and reads the same once both are masked."""
    told = zip(veil(fresh), veil(former), strict=True)
    alike = [name for (name, new), (_, old) in told if new == old and new]
    return tuple(name for name in alike if _bare(fresh, name) != _bare(former, name))


def _bare(one: Contents, name: str) -> str | None:
    if name == "remark":
        return one.remark
    return getattr(one.receiver, name, "")


def veil(one: Contents) -> Veiled:
    """Mask the personal part of a change."""
    remark = GONE if one.remark else ""
    to = one.receiver
    if to is None:
        return Veiled(remark=remark)
    place = " ".join(dict.fromkeys(filter(None, (to.province, to.city, to.county, to.town))))
    phone = to.phone if "*" in to.phone else mask_phone(to.phone)
    return Veiled(name=mask_name(to.name), phone=phone, place=place, street=GONE, remark=remark)
