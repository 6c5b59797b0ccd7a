"""What a person sees of merging: who waits for whom, and what travels together."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import records
from hub.document import Document
from hub.roles import Actor, Permission
from hub.scope import ORDER_SEEN, scope


class GroupView(Document):
    """One delivery of several orders; `ending` is empty while something of it is open."""

    id: str
    document: str
    location: str
    made_at: datetime
    ending: str
    members: tuple[str, ...]
    external_ids: tuple[str, ...]


class WaitView(Document):
    """A fulfilment order that waits for others; `mates` are those of its recipient that wait beside it."""

    code: str
    external_id: str
    shop: str
    location: str
    until: datetime
    mates: int


def list_groups(session: Session, actor: Actor, limit: int, *, live: bool) -> Sequence[GroupView]:
    """Give the groups with an order that an actor may see, the newest first."""
    actor.require(Permission.SEE_ORDERS)
    found = records(
        session,
        f"""select cast(g.id as text) as id, g.code as document, g.location, g.created_at as made_at, g.ending,
                   array_agg(m.order_id || '-' || m.no order by m.place) as members,
                   array_agg(o.external_id order by m.place) as external_ids
            from merge_group g join merge_member m on m.group_id = g.id join sales_order o on o.id = m.order_id
            where (g.ending = '' or not :live) and {ORDER_SEEN}
            group by g.id, g.code, g.location, g.created_at, g.ending order by g.id desc limit :limit""",
        live=live,
        limit=limit,
        **scope(actor),
    )
    return [GroupView.model_validate(one) for one in found]


def list_waits(session: Session, actor: Actor, limit: int) -> Sequence[WaitView]:
    """Give who waits, whose window closes first before the others."""
    actor.require(Permission.SEE_ORDERS)
    found = records(
        session,
        f"""select f.code, o.external_id, o.shop, f.location, w.until,
                   (select count(*) - 1 from merge_wait other where other.key = w.key) as mates
            from merge_wait w join fulfilment_order f using (order_id, no) join sales_order o on o.id = w.order_id
            where {ORDER_SEEN} order by w.until, w.order_id limit :limit""",
        limit=limit,
        **scope(actor),
    )
    return [WaitView.model_validate(one) for one in found]
