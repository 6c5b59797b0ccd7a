"""What a channel has said of an order last: its lines and its amounts, whatever the hub has changed meanwhile."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

import msgspec
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import row, rows
from hub.order.model import Order, ShopOrder
from hub.order.place.record import payload_hash
from hub.order.rules.normalise import NormalOrder


class SaidLine(msgspec.Struct, frozen=True):
    """Pieces of a channel's code in a line of the shop's, at a price in major units."""

    channel_sku: str
    pieces: int
    price: Decimal


class Statement(msgspec.Struct, frozen=True):
    """An order's lines by the shop's own ids, and its amounts in minor units.

    `adopted` is the last revision of the hub's whose lines the channel has made its own; `follows` is that, by kind,
    whose receiver or remark it has repeated.
    """

    lines: dict[str, SaidLine]
    total: int
    discount: int
    freight: int
    adopted: int = 0
    follows: dict[str, int] = {}


@dataclass(frozen=True, slots=True)
class OwnChanges:
    """The hub's own revisions of an order by kind of change: the last, and the last that is done."""

    last: Mapping[str, int]
    done: Mapping[str, int]

    def since(self, follows: Mapping[str, int]) -> set[str]:
        """Name the kinds that the hub has changed and the channel has not made its own since."""
        return {kind for kind, no in self.last.items() if no > follows.get(kind, 0)}

    def repeated(self, kinds: Collection[str]) -> dict[str, int]:
        """Give the last revision of each of these kinds, which the channel has just said as it stands."""
        return {kind: no for kind, no in self.done.items() if kind in kinds}


def own_changes(session: Session, order_id: int) -> OwnChanges:
    """Give what the hub itself has changed of an order."""
    found = rows(
        session,
        """select kind, max(no) as last, max(no) filter (where state <> 'waiting') as done
           from order_revision cross join lateral unnest(kinds) as kind
           where order_id = :id and source = 'hub' and state in ('applied', 'part', 'waiting') group by kind""",
        id=order_id,
    )
    return OwnChanges({one.kind: one.last for one in found}, {one.kind: one.done for one in found if one.done})


def statement_of(order: Order, adopted: int = 0, follows: Mapping[str, int] | None = None) -> Statement:
    """Give what an order says."""
    lines = {one.external_line_id: SaidLine(one.channel_sku, one.quantity, one.unit_price) for one in order.lines}
    return Statement(lines, order.total, order.discount, order.freight, adopted, dict(follows or {}))


def said_of(session: Session, order_id: int) -> Statement:
    """Give what an order's channel has said last; before it has said anything again, that is the order as placed."""
    kept = row(session, "select said from order_key where order_id = :id", id=order_id)
    if kept is not None and kept.said is not None:
        return msgspec.convert(kept.said, Statement, strict=False)
    lines = rows(
        session,
        """select l.external_line_id as id, l.channel_sku, l.ordered, l.unit_price, l.amount, l.discount,
                  exists (select 1 from order_revision r
                          cross join lateral jsonb_to_recordset(r.added) as one (line_no bigint)
                          where r.order_id = l.order_id and one.line_no = l.line_no) as added
           from order_line l where l.order_id = :id and l.kind in ('item', 'bundle') order by l.line_no""",
        id=order_id,
    )
    [head] = rows(session, "select total, freight from sales_order where id = :id", id=order_id)
    total = head.total - sum(one.amount - one.discount for one in lines if one.added)
    placed = [one for one in lines if not one.added]
    return Statement(
        {one.id: SaidLine(one.channel_sku, one.ordered, one.unit_price) for one in placed},
        total,
        sum(one.amount for one in placed) + head.freight - total,  # what gifts are worth is none of the channel's
        head.freight,
    )


def written_statement(order: Order, adopted: int, follows: Mapping[str, int]) -> str:
    """Write what an order says as its key keeps it, and how much of the hub's own changes it follows."""
    return msgspec.json.encode(statement_of(order, adopted, follows)).decode()


def is_as_said(session: Session, order_id: int, one: ShopOrder, before: NormalOrder) -> bool:
    """Say whether a revision repeats what was said last, but for what is followed.

    It is not read then: what has become of the order since, an address that a person has put right say, is no change of
    the channel's.
    """
    asked = {line.external_line_id for line in before.order.lines if line.refund_requested}
    lines = [line.model_copy(update={"refund_requested": line.external_line_id in asked}) for line in one.order.lines]
    again = replace(one, order=one.order.model_copy(update={"lines": tuple(lines)}))
    kept = row(session, "select payload_hash from order_key where order_id = :id", id=order_id)
    return kept is not None and bytes(kept.payload_hash) == payload_hash(again)
