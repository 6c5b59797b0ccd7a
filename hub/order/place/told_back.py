"""Tell of orders that are there already as the review rules see them, read back batch by batch."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import keyring_of, rows
from hub.fulfilment.status import ENDED
from hub.keyring import Keyring, SubjectKey
from hub.order.place.facts import HEAD, NOBODY, Sold, Told
from hub.order.place.part_facts import Delivery
from hub.order.place.record import place_of
from hub.order.rules.normalise import borne_by_first, with_bundles
from hub.review.barred import address_indexes
from hub.subject import open_keys

HEADS: Final = f"""
    select o.id, o.created_at, o.brand, o.shop, o.subject_id, o.phone_index, o.receiver_street, o.remark, o.seller_note,
           {", ".join(f"o.{name}" for name in HEAD)}, o.division, o.province, o.address_confidence,
           s.reference_index, s.data_key is null as erased,
           o.paid_at is not null and not exists (
               select 1 from order_hold h where h.order_id = o.id and h.rule = 'unpaid') as paid,
           exists (select 1 from order_hold h where h.order_id = o.id and h.released_at is null
                   and h.type = 'refund_requested') as cancelling
    from sales_order o join subject s on s.id = o.subject_id"""
"""What is told of an order itself; who asks says which orders."""

Cuts = Mapping[int, Mapping[int, int]]
"""Pieces that are about to be cancelled, by order and line (no bundles)."""

NO_CUTS: Final[Cuts] = {}
NONE_GONE: Final[Mapping[int, int]] = {}


class Left(NamedTuple):
    """What is left of a line: pieces, what they cost, and what they bear of reductions."""

    line: Row[Any]
    pieces: int
    amount: int
    discount: int


def tell_of(session: Session, order_ids: Sequence[int], cut: Cuts, *, opens: bool) -> list[Told]:
    """Tell of some orders by their ids; a rule that asks what was sealed (a remark, a person) `opens` it.

    Cancelled pieces are none of an order any more, nor are those of `cut`. Of people who have been erased the rest is
    told.
    """
    found = rows(session, f"{HEADS} where o.id = any(:ids) order by o.id", ids=list(order_ids))
    return told_of_heads(session, found, cut, opens=opens)


def told_of_heads(session: Session, found: Sequence[Row[Any]], cut: Cuts | None = None, *, opens: bool) -> list[Told]:
    """Tell of orders whose heads were read: of what is left without what is cancelled and `cut`, else as it was bought.

    What a change has added was not bought then, and what it has cancelled was.
    """
    ring = keyring_of(session)
    keys = open_keys(session, {one.subject_id for one in found}) if opens else {}
    lines: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    sold = rows(
        session,
        """select order_id, line_no, parent_no, kind, line.sku, line.storage, ordered, cancelled, line.grams,
                  unit_price, amount, discount, gift, available_from, refund_requested,
                  exists (select 1 from order_revision r
                          cross join lateral jsonb_to_recordset(r.added) as new (line_no bigint)
                          where r.order_id = line.order_id and new.line_no in (line.line_no, line.parent_no)) as added
           from order_line line left join sku on sku.code = line.sku
           where order_id = any(:ids) order by order_id, line_no""",
        ids=[one.id for one in found],
    )
    for line in sold:
        lines[line.order_id].append(line)
    gone = {one.id: _gone(lines[one.id], None if cut is None else cut.get(one.id, NONE_GONE)) for one in found}
    return [_tell(one, lines[one.id], ring, keys.get(one.subject_id), gone[one.id]) for one in found]


def twins_of(session: Session, told: Sequence[Told]) -> Mapping[int, int]:
    """Give the twins that were found when these orders were placed."""
    found = rows(
        session,
        """select order_id, cast(evidence ->> 'order' as bigint) as twin from order_hold
           where order_id = any(:ids) and rule = 'twin'""",
        ids=[one.id for one in told],
    )
    return {one.order_id: one.twin for one in found}


def deliveries_of(session: Session, order_ids: Sequence[int], *, unheard: bool = False) -> list[Delivery]:
    """Give the fulfilment orders of orders as they were opened, every attempt, or those no location was told of yet."""
    found = rows(
        session,
        """select f.order_id, f.no, f.location, f.courier, f.attempt,
                  array_agg(l.line_no order by l.line_no) as lines, array_agg(l.quantity order by l.line_no) as pieces
           from fulfilment_order f join fulfilment_line l using (order_id, no)
           where f.order_id = any(:ids)
             and (not :unheard or f.negotiation = 'unsubmitted' and f.execution <> all(:ended))
           group by 1, 2, 3, 4, 5 order by 1, 2""",
        ids=list(order_ids),
        unheard=unheard,
        ended=sorted(ENDED),
    )
    return [
        Delivery(one.order_id, one.no, one.location, one.courier, one.attempt, tuple(zip(*one[5:], strict=True)))
        for one in found
    ]


def _gone(lines: Sequence[Row[Any]], cut: Mapping[int, int] | None) -> Mapping[int, int]:
    less = [
        (line.line_no, line.added * line.ordered if cut is None else line.cancelled + cut.get(line.line_no, 0))
        for line in lines
        if line.kind != "bundle"
    ]
    gone = {no: pieces for no, pieces in less if pieces}
    return with_bundles([(line.line_no, line.parent_no, line.ordered) for line in lines], gone) if gone else gone


def _left(lines: Sequence[Row[Any]], gone: Mapping[int, int]) -> Iterator[Left]:
    for line in lines:
        pieces, amount, discount = line.ordered, line.amount, line.discount
        if less := gone.get(line.line_no, 0):
            pieces -= less
            amount, discount = borne_by_first(amount, discount, line.ordered, pieces)
        if pieces:
            yield Left(line, pieces, amount, discount)


def _head(one: Row[Any], lines: Sequence[Row[Any]], left: Sequence[Left]) -> dict[str, Any]:
    was, now = ([each for each in some if each.line.parent_no is None] for some in (_left(lines, NONE_GONE), left))
    goods = sum(each.amount for each in was) - sum(each.amount for each in now)
    discount = sum(each.discount for each in was) - sum(each.discount for each in now)
    return {name: getattr(one, name) for name in HEAD} | {
        "goods": one.goods - goods,
        "discount": one.discount - discount,
        "total": one.total - goods + discount,
        "paid": one.paid,
        "lines": len(now),
    }


def _tell(
    one: Row[Any], lines: Sequence[Row[Any]], ring: Keyring, key: SubjectKey | None, gone: Mapping[int, int]
) -> Told:
    street, remark, note = (
        key.open(bytes(sealed), place_of(name, one.id)) if key and (sealed := getattr(one, name)) is not None else ""
        for name in ("receiver_street", "remark", "seller_note")
    )
    left = list(_left(lines, gone))
    unknown = 1.0 if one.division else 0.0  # it was placed before confidences were kept
    return Told(
        id=one.id,
        at=one.created_at,
        brand=one.brand,
        shop=one.shop,
        subject_id=one.subject_id,
        phone=bytes(one.phone_index),
        buyer=bytes(one.reference_index) if key else NOBODY,
        addresses=address_indexes(ring, one.brand, one.division, street) if key else (),
        head=_head(one, lines, left),
        remark=remark,
        seller_note=note,
        confidence=unknown if one.address_confidence is None else float(one.address_confidence),
        division=one.division,
        province=one.province,
        lines=tuple(
            Sold(
                *(line.line_no, line.kind, line.sku, line.storage, pieces, line.grams, float(line.unit_price)),
                *(amount, discount, line.gift, line.available_from, line.refund_requested),
            )
            for line, pieces, amount, discount in left
            if line.kind != "bundle"
        ),
        cancelling=one.cancelling,
    )
