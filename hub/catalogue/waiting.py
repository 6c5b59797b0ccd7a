"""Messages that wait for a channel's product to be bound: which codes, how many, and binding one lets them go on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.audit import record
from hub.catalogue.find import bind
from hub.catalogue.model import UNBOUND
from hub.database import records, rows
from hub.document import Document
from hub.repair import LIMIT, replay_waiting, why
from hub.roles import Actor, Permission
from hub.scope import CASE_SEEN, scope

WAITING: Final = f"""from case_file c join inbox_key k on k.inbox_id = cast(c.detail ->> 'inbox' as bigint)
    where c.cause = 'unknown_sku' and c.state = 'open' and {CASE_SEEN}"""


@dataclass(frozen=True, slots=True)
class Shop:
    """Whose codes they are: a connection and the shop of a brand behind it, as the settings say."""

    connection: str
    brand: str
    shop: str


class WaitingCode(Document):
    """A code that no SKU stands for, and the messages that wait for it."""

    connection: str
    code: str
    count: int
    oldest_at: datetime


def waiting_codes(session: Session, actor: Actor, connections: Collection[str] = ()) -> list[WaitingCode]:
    """Give the codes that messages wait for, those that most wait for first."""
    found = records(
        session,
        f"""select connection, code, count(*) as count, min(created_at) as oldest_at
            from (select k.connection, c.created_at,
                         regexp_split_to_table(split_part(c.message, :unbound, 2), ', ') as code {WAITING}) as named
            where code <> '' group by 1, 2 order by count(*) desc, 1, 2 limit :limit""",
        unbound=UNBOUND,
        limit=LIMIT,
        **scope(actor, connections),
    )
    return [WaitingCode.model_validate(one) for one in found]


def codes_in(message: str) -> Sequence[str]:
    """Give the codes that a case of unknown products names."""
    return [code for code in message.partition(UNBOUND)[2].split(", ") if code]


def messages_waiting(
    session: Session, actor: Actor, connection: str, channel_sku: str, connections: Collection[str] = ()
) -> Sequence[int]:
    """Give the messages of a connection whose cases name this code."""
    found = rows(
        session,
        f"""select k.inbox_id {WAITING} and k.connection = :connection
              and strpos(', ' || split_part(c.message, :unbound, 2) || ', ', ', ' || :code || ', ') > 0
            order by 1 limit :limit""",
        connection=connection,
        unbound=UNBOUND,
        code=channel_sku,
        limit=LIMIT,
        **scope(actor, connections),
    )
    return [one.inbox_id for one in found]


def bind_and_replay(
    session: Session,
    actor: Actor,
    shop: Shop,
    channel_sku: str,
    sku: str,
    reason: str,
    at: datetime,
    connections: Collection[str] = (),
) -> int:
    """Say what a shop's code stands for, and let every message go on that waits for it; give how many do.

    A message that names another unbound code as well comes back as a case of that code alone.
    Raises: Unauthorised; Malformed without a reason; NotFound when the brand has no such SKU.
    """
    actor.require(Permission.WORK_ORDERS)
    actor.require_scope(shop.brand, shop.shop)
    said = why(reason)
    bind(session, shop.brand, shop.shop, channel_sku, sku, at)
    record(session, at, actor.name, "sku.bind", f"sku:{sku}", shop=shop.shop, channel_sku=channel_sku, reason=said)
    waiting = messages_waiting(session, actor, shop.connection, channel_sku, connections)
    return replay_waiting(session, actor, waiting, said, at, connections)


def find_skus(session: Session, brand: str, words: str, limit: int = 20) -> Sequence[Row[Any]]:
    """Find a brand's SKUs (code, title, storage) by a part of code or title; the code itself comes first."""
    return rows(
        session,
        """select code, title, storage from sku
           where brand = :brand and (strpos(lower(code), lower(:words)) > 0 or strpos(lower(title), lower(:words)) > 0)
           order by lower(code) <> lower(:words), strpos(lower(code), lower(:words)) <> 1, code limit :limit""",
        brand=brand,
        words=words.strip(),
        limit=limit,
    )
