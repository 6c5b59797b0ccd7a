"""The one delivery of a group: the head's, with the lines and amounts of all orders in it."""

from datetime import datetime

from sqlalchemy.orm import Session

from hub.fulfilment.model import Delivery
from hub.fulfilment.release import has_ended, mark_submitted
from hub.merge.group import Group, read_group
from hub.merge.spread import ref_of
from hub.order.ship.outbound import read_delivery


def open_group(session: Session, group_id: int) -> Group | None:
    """Give a group, or None when nothing of it can be shipped any more.

    Raises: NotFound.
    """
    group = read_group(session, group_id)
    return None if all(has_ended(session, one.order_id, one.no) for one in group.members) else group


def read_merged(session: Session, group: Group, at: datetime) -> Delivery:
    """Gather what a location needs to ship a group; each line names the order it is of.

    Raises: NotFound; NeedsOperator when a buyer was erased.
    """
    parts = [(one.place, read_delivery(session, one.order_id, one.no, at)) for one in group.members]
    _, head = parts[0]
    return head.model_copy(
        update={
            **{name: sum(getattr(one, name) for _, one in parts) for name in ("total", "goods", "discount", "freight")},
            "lines": tuple(
                line.model_copy(update={"line_no": ref_of(place, line.line_no)})
                for place, one in parts
                for line in one.lines
            ),
        }
    )


def mark_all_submitted(session: Session, group_id: int, partner_id: str, at: datetime) -> None:
    """Record that the location has taken the document; whoever changes one of its orders holds the head's row."""
    for one in read_group(session, group_id).members:
        mark_submitted(session, one.order_id, one.no, partner_id, at)
