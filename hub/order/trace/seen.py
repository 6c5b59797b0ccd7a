"""What somebody saw of an order, kept short: whoever acts on it later is told what has become otherwise meanwhile."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from hub.database import rows

Seen = Mapping[str, str]
"""What stood where: `order`, or the kind and number of a thing, such as `revision 2`, and its state in words."""

STATES: Final = """
    select 'order' as what, 0 as no, lifecycle || ' ' || payment as state from sales_order where id = :id
    union all
    select 'revision', no, state from order_revision where order_id = :id
    union all
    select 'document', no, execution || ' ' || negotiation from fulfilment_order where order_id = :id
    union all
    select 'hold', no, type || case when released_at is null then ' open' else ' released' end
    from order_hold where order_id = :id
    union all
    select 'return', no, state from return_case where order_id = :id
    union all
    select 'line', line_no, concat_ws(' ', ordered, allocated, shipped, cancelled, returned)
    from order_line where order_id = :id
    order by 1, 2"""


class Otherwise(NamedTuple):
    """One thing of an order that is not as it was seen; `was` is empty where nobody could see it yet."""

    what: str
    no: int
    was: str
    now: str


def see(session: Session, order_id: int) -> Seen:
    """Give how an order stands."""
    return {f"{one.what} {one.no}": one.state for one in rows(session, STATES, id=order_id)}


def otherwise(was: Seen, now: Seen) -> list[Otherwise]:
    """Give what is not as it was; things of an order come and change, and never go."""
    return [
        Otherwise(what, int(no), was.get(name, ""), state)
        for name, state in now.items()
        for what, _, no in [name.partition(" ")]
        if was.get(name) != state
    ]
