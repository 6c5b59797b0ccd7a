"""Windows: which new fulfilment orders wait for others of their recipient, and until when."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import copy, keyring_of, rows
from hub.fulfilment.release import NewFulfilment, Wait
from hub.merge.policy import ShopPolicy, policies_of
from hub.merge.recipient import Recipient, identity


class Newcomer(NamedTuple):
    """An order of a shop that merges, as it is placed."""

    order_id: int
    shop: str
    type: str
    to: Recipient


def key_of(session: Session, policy: ShopPolicy, to: Recipient) -> bytes:
    """Give a recipient's blind index: equal only for shops whose policies name the same brands."""
    return keyring_of(session).index("recipient", policy.together, identity(to))


def await_mates(
    session: Session, orders: Sequence[Newcomer], opened: Sequence[NewFulfilment], at: datetime
) -> Sequence[NewFulfilment]:
    """Note the recipients of orders that are placed, and have what was opened for them wait for their shop's window."""
    policies = policies_of(session)
    merging = [one for one in orders if one.shop in policies and one.type not in policies[one.shop].never]
    waits = {
        one.order_id: Wait(at + policies[one.shop].window, key_of(session, policies[one.shop], one.to))
        for one in merging
    }
    copy(session, "merge_recipient", ["order_id", "key"], [(order_id, wait.key) for order_id, wait in waits.items()])
    return _waiting(opened, waits)


def await_again(session: Session, opened: Sequence[NewFulfilment], at: datetime) -> Sequence[NewFulfilment]:
    """Have what was opened for orders that are there already wait, where their shops merge.

    What replaces another waits for nobody: it goes with whoever waits at the time, or alone.
    """
    policies = policies_of(session)
    if not policies or not opened:
        return opened
    found = rows(
        session,
        """select r.order_id, r.key, o.shop from merge_recipient r join sales_order o on o.id = r.order_id
           where r.order_id = any(:ids)""",
        ids=sorted({one.order_id for one in opened}),
    )
    known = {one.order_id: (bytes(one.key), policies[one.shop].window) for one in found if one.shop in policies}
    return [
        replace(one, wait=Wait(at if one.replaces_no else at + known[one.order_id][1], known[one.order_id][0]))
        if one.order_id in known
        else one
        for one in opened
    ]


def write_waits(session: Session, opened: Sequence[NewFulfilment]) -> None:
    """Write down who waits."""
    records = [(one.order_id, one.no, one.wait.key, one.wait.until) for one in opened if one.wait]
    if records:
        copy(session, "merge_wait", ["order_id", "no", "key", "until"], records)


def _waiting(opened: Sequence[NewFulfilment], waits: Mapping[int, Wait]) -> Sequence[NewFulfilment]:
    return [replace(one, wait=waits[one.order_id]) if one.order_id in waits else one for one in opened]
