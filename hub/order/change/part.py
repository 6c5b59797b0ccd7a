"""Take lines held since they were sourced out of fulfilment orders that others of their order need not share."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from hub.fulfilment.keep import keep_back
from hub.fulfilment.reject import Standing
from hub.fulfilment.status import Negotiation
from hub.order.change.due import RULE
from hub.order.lock import Locked, open_blockers
from hub.order.place.allocate import allocate
from hub.order.rest import barred_but, live_fulfilments, need_for, recall
from hub.order.rules.policy import Policy
from hub.sourcing.eligible import STAYS


def part_held(session: Session, order: Locked, lines: Collection[int], policy: Policy, at: datetime) -> None:
    """Source the other lines of such a fulfilment order once more where they were; the held ones stay open.

    It is left as it is where its location may know of it, or something holds the whole order; while
    only an amount that is due does, the new one waits for it, too. The order and the counters of its SKUs are locked,
    with what travels along; `at` is in the business zone.
    """
    if not lines:
        return
    blockers = open_blockers(session, order.id)
    if any(one.rule != RULE for one in blockers):
        return
    for no in live_fulfilments(session, order.id):
        standing = Standing(session, order.id, no)
        pieces = standing.open_lines()
        others = {line.line_no: line.quantity for line in pieces if line.line_no not in lines}
        if standing.negotiation is not Negotiation.UNSUBMITTED or not others or len(others) == len(pieces):
            continue
        if recall(session, standing, "a line of it is held", at) is None:
            continue
        elsewhere = barred_but(session, standing.location, STAYS)
        need = need_for(session, order, others, at, elsewhere, standing.attempt + 1, no)
        allocate(session, [need], policy, at)
    if blockers:
        keep_back(session, [order.id])
