"""Revisions of orders as they are written down: what is wanted, in whose words, and what became of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.audit import plain
from hub.database import copy, row, rows, run
from hub.document import Document
from hub.errors import NeedsOperator
from hub.keyring import SubjectKey
from hub.order.change.addition import Addition, read_added, written
from hub.order.change.table import ChangeSource, ChangeState, Charge
from hub.order.lock import Locked
from hub.order.model import Receiver
from hub.subject import open_key


class Contents(Document):
    """The personal part of a change: sealed like the order's own."""

    receiver: Receiver | None = None
    remark: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be changed: pieces to cancel by line, goods to add, whom and where to, the remark, or the route.

    `charge` says who bears what is added. A route names the fulfilment orders that are to be sourced again, and the
    only location to take or those to avoid.
    """

    pieces: Mapping[int, int] = field(default_factory=dict[int, int])
    contents: Contents = field(default_factory=Contents)
    route: Sequence[int] = ()
    target: str = ""
    avoid: frozenset[str] = frozenset()
    added: Sequence[Addition] = ()
    charge: Charge = Charge.PAY

    @property
    def kinds(self) -> list[str]:
        asked = {
            "lines": bool(self.pieces),
            "goods": bool(self.added),
            "address": self.contents.receiver is not None,
            "remark": self.contents.remark is not None,
            "route": bool(self.route),
        }
        return [kind for kind, there in asked.items() if there]


@dataclass(frozen=True, slots=True)
class Author:
    """Who wants a change and why; a channel's has a number of its own."""

    name: str
    reason: str
    source: ChangeSource = ChangeSource.HUB
    source_revision: int = 0


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision that waits, opened."""

    no: int
    wish: Wish
    stops: Sequence[int]
    actor: str
    source: ChangeSource


def write_revision(
    session: Session, order: Locked, wish: Wish, author: Author, state: ChangeState, at: datetime, note: str = ""
) -> int:
    """Write a revision down and give its number.

    Raises: NeedsOperator when the buyer was erased, and with them where anything personal could be sealed.
    """
    last = rows(session, "select coalesce(max(no), 0) as no from order_revision where order_id = :id", id=order.id)
    no: int = last[0].no + 1
    columns = (
        *("brand", "version", "created_at", "updated_at", "order_id", "no", "source", "source_revision", "actor"),
        *("reason", "kinds", "pieces", "stops", "target", "avoid", "contents", "added", "charge", "was", "stands"),
        *("state", "note"),
    )
    personal = wish.contents.receiver is not None or wish.contents.remark is not None
    text = wish.contents.model_dump_json()
    record = (
        *(order.brand, 1, at, at, order.id, no, author.source, author.source_revision, author.name),
        *(plain(author.reason), wish.kinds, json.dumps(wish.pieces), json.dumps(list(wish.route)), wish.target),
        *(sorted(wish.avoid), seal_part(session, order.id, no, "contents", text) if personal else None),
        *(written(wish.added), wish.charge if wish.added else "", "{}", "{}", state, note),
    )
    copy(session, "order_revision", columns, [record])
    return no


def seal_part(session: Session, order_id: int, no: int, part: str, text: str) -> bytes:
    """Seal the personal part of a revision under the buyer's own key.

    Raises: NeedsOperator.
    """
    found = row(session, "select subject_id from sales_order where id = :id", id=order_id)
    key = open_key(session, found.subject_id) if found else None
    if key is None:
        raise NeedsOperator("the buyer's personal data was erased: nothing can be changed", code="subject_erased")
    return key.seal(text, _place(order_id, no, part))


def open_part(key: SubjectKey, order_id: int, no: int, part: str, sealed: bytes) -> Contents:
    """Open the personal part of a revision; what stood in an order is taken as it is, whatever is refused today."""
    kept = json.loads(key.open(sealed, _place(order_id, no, part)))
    receiver = Receiver.model_construct(**kept["receiver"]) if kept["receiver"] else None
    return Contents.model_construct(receiver=receiver, remark=kept["remark"])


def find_open(session: Session, order_id: int, state: ChangeState = ChangeState.WAITING) -> Revision | None:
    """Give the revision of an order that waits, if there is one."""
    found = row(
        session,
        """select r.*, o.subject_id from order_revision r join sales_order o on o.id = r.order_id
           where r.order_id = :id and r.state = :state order by r.no desc limit 1""",
        id=order_id,
        state=state,
    )
    return _opened(session, found) if found else None


def former_of(session: Session, order_id: int, after: Mapping[str, int]) -> Contents:
    """Give what stood in an order before the first changes of its receiver and of its remark.

    Of each of the kinds `after` names a revision: those until it are passed over.
    """
    found = rows(
        session,
        """select r.order_id, r.no, r.former, o.subject_id from order_revision r join sales_order o on o.id = r.order_id
           where r.order_id = :id and r.former is not null order by r.no desc""",
        id=order_id,
    )
    receiver, remark = None, None
    for one in found:
        key = open_key(session, one.subject_id)
        if key is None:
            return Contents()
        kept = open_part(key, order_id, one.no, "former", bytes(one.former))
        if one.no > after.get("address", 0):
            receiver = kept.receiver or receiver
        if one.no > after.get("remark", 0) and kept.remark is not None:
            remark = kept.remark
    return Contents.model_construct(receiver=receiver, remark=remark)


def contents_in(session: Session, order_id: int, no: int) -> Contents:
    """Give the personal part of a revision; nothing of one whose buyer was erased."""
    found = row(
        session,
        """select r.order_id, r.no, r.contents, o.subject_id from order_revision r
           join sales_order o on o.id = r.order_id where r.order_id = :id and r.no = :no""",
        id=order_id,
        no=no,
    )
    return _contents(session, found) if found else Contents()


def _contents(session: Session, found: Row[Any]) -> Contents:
    if found.contents is None or (key := open_key(session, found.subject_id)) is None:
        return Contents()
    text = key.open(bytes(found.contents), _place(found.order_id, found.no, "contents"))
    return Contents.model_validate_json(text)


def _opened(session: Session, found: Row[Any]) -> Revision:
    contents = _contents(session, found)
    route = found.stops if "route" in found.kinds else ()
    pieces = {int(no): n for no, n in found.pieces.items()}
    added, charge = read_added(found.added), Charge(found.charge or Charge.PAY)
    wish = Wish(pieces, contents, route, found.target, frozenset(found.avoid), added, charge)
    return Revision(found.no, wish, found.stops, found.actor, ChangeSource(found.source))


def keep_added(session: Session, order_id: int, no: int, added: Sequence[Addition], was: Mapping[str, int]) -> None:
    """Note which lines were added for a revision, and what the order came to before."""
    run(
        session,
        """update order_revision set added = cast(:added as jsonb), was = cast(:was as jsonb)
           where order_id = :id and no = :no""",
        added=written(added),
        was=json.dumps(was),
        id=order_id,
        no=no,
    )


def note_stops(session: Session, order_id: int, no: int, stops: Sequence[int]) -> None:
    """Note which fulfilment orders are taken back for a revision."""
    run(
        session,
        "update order_revision set stops = cast(:stops as jsonb) where order_id = :id and no = :no",
        stops=json.dumps(list(stops)),
        id=order_id,
        no=no,
    )


def keep_former(session: Session, order_id: int, no: int, former: Contents) -> None:
    """Keep what a change has replaced, sealed."""
    sealed = seal_part(session, order_id, no, "former", former.model_dump_json())
    statement = "update order_revision set former = :former where order_id = :id and no = :no"
    run(session, statement, former=sealed, id=order_id, no=no)


def end_revision(session: Session, order_id: int, no: int, state: ChangeState, note: str, at: datetime) -> None:
    """Write what became of a revision."""
    run(
        session,
        """update order_revision set state = :state, note = :note, settled_at = :at, updated_at = :at,
                                     version = version + 1 where order_id = :id and no = :no""",
        state=state,
        note=note,
        at=at,
        id=order_id,
        no=no,
    )


def supersede(session: Session, order_id: int, note: str, at: datetime) -> None:
    """End whatever change of an order still waits, without applying it."""
    supersede_all(session, [order_id], note, at)


def supersede_all(session: Session, order_ids: Sequence[int], note: str, at: datetime) -> None:
    """End whatever changes of orders still wait, without applying them."""
    run(
        session,
        """update order_revision set state = 'refused', note = :note, settled_at = :at, updated_at = :at,
                                     version = version + 1
           where order_id = any(:ids) and state in ('waiting', 'asked')""",
        note=note,
        at=at,
        ids=list(order_ids),
    )


def _place(order_id: int, no: int, part: str) -> str:
    return f"order_revision|{part}|{order_id}:{no}"
