"""Let many held orders go on with one reason, after a count of those for which that is possible."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import rows
from hub.gift.count import hold_gifts
from hub.order.find import scope_of
from hub.order.holds.resume import release_holds
from hub.order.lock import lock_order
from hub.order.place.brand_policy import hold_limits
from hub.order.rest import hold_orders
from hub.order.rules.policy import POLICY
from hub.repair import Tally, why
from hub.review.verdict import roles_held
from hub.roles import Actor, Permission


def tally_orders(session: Session, actor: Actor, order_ids: Collection[int]) -> Tally:
    """Say what releasing these orders would meet; an unknown address, a cancellation or a refund needs more.

    One whose change waits for locations is routed by nobody until they have answered.
    """
    found = rows(
        session,
        """select o.id, o.lifecycle in ('accepted', 'in_fulfilment') as lives, exists (
               select 1 from order_hold h where h.order_id = o.id and h.released_at is null
               and (h.type in ('address', 'refund_requested') or h.rule = 'refund_asked'
                    or h.resolver <> all(:resolvers)))
               or exists (select 1 from order_revision r where r.order_id = o.id and r.state = 'waiting') as stays
           from sales_order o where o.id = any(:ids)
             and (:every_shop or o.shop = any(:shops)) and (:every_brand or o.brand = any(:brands)) order by o.id""",
        ids=sorted(order_ids),
        resolvers=roles_held(actor.roles),
        **scope_of(actor),
    )
    living = [one for one in found if one.lives]
    eligible = tuple(one.id for one in living if not one.stays)
    return Tally(eligible=eligible, wrong_state=len(living) - len(eligible), done=len(found) - len(living))


def release_orders(session: Session, actor: Actor, order_ids: Collection[int], reason: str, at: datetime) -> int:
    """Release the holds of all these orders that can go on, the lowest number first; give how many were.

    `at` is in the business zone. Raises: Unauthorised; Malformed without a reason.
    """
    actor.require(Permission.BULK)
    said = why(reason)
    asked = tally_orders(session, actor, order_ids).eligible
    # All orders, their gifts, all their stock and then all limits, as everybody locks them who books one order.
    brands = {lock_order(session, order_id).brand for order_id in asked}
    eligible = tally_orders(session, actor, asked).eligible  # before the locks one may have been cancelled, or changed
    hold_gifts(session, eligible)
    hold_orders(session, eligible)
    hold_limits(session, POLICY, brands, at)
    for order_id in eligible:
        release_holds(session, order_id, actor, said, at)
    return len(eligible)
