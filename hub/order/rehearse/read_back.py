"""Read placed orders back as the facts that review rules were asked about, batch by batch."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import keyring_of, rows
from hub.ids import first_id_of
from hub.keyring import Keyring, SubjectKey
from hub.order.find import scope_of
from hub.order.place.facts import HEAD, NOBODY, Sold, Told
from hub.order.place.record import place_of
from hub.review.barred import address_index
from hub.review.publish import NewRule
from hub.roles import Actor
from hub.subject import open_keys

AT_ONCE: Final = 500

PLACED: Final = f"""
    select o.id, o.created_at, o.brand, o.shop, o.subject_id, o.phone_index, o.receiver_street, o.remark,
           {", ".join(f"o.{name}" for name in HEAD)}, o.division, o.province, o.address_confidence,
           s.reference_index, s.data_key is null as erased,
           o.paid_at is not null and not exists (
               select 1 from order_hold h where h.order_id = o.id and h.rule = 'unpaid') as paid
    from sales_order o join subject s on s.id = o.subject_id
    where o.id >= :first and o.id < :before and o.created_at >= :since and o.created_at <= :at
      and (cast(:brand as text) is null or o.brand = :brand) and (cast(:shop as text) is null or o.shop = :shop)
      and (:every_shop or o.shop = any(:shops)) and (:every_brand or o.brand = any(:brands))
    order by o.id desc limit :most"""


def placed_since(
    session: Session, actor: Actor, rule: NewRule, since: datetime, at: datetime, most: int, *, opens: bool
) -> Iterator[tuple[Sequence[Told], int]]:
    """Give the newest orders of a rule's shops that an actor may see, with how many were left out of each batch.

    What is told of an order is as it stands now. A rule that asks what was sealed (a remark, a person) `opens` it, and
    those who have been erased are left out.
    """
    before, left = 2**62, most
    while left > 0:
        found = rows(
            session,
            PLACED,
            first=first_id_of(since.astimezone(UTC).date()),
            before=before,
            since=since,
            at=at,
            brand=rule.brand,
            shop=rule.shop,
            most=min(left, AT_ONCE),
            **scope_of(actor),
        )
        if not found:
            return
        before, left = found[-1].id, left - len(found)
        readable = [one for one in found if not (opens and one.erased)]
        yield _told(session, readable, opens=opens), len(found) - len(readable)


def twins_of(session: Session, told: Sequence[Told]) -> Mapping[int, int]:
    """Give the twins that were found when these orders were placed."""
    found = rows(
        session,
        """select order_id, cast(evidence ->> 'order' as bigint) as twin from order_hold
           where order_id = any(:ids) and rule = 'twin'""",
        ids=[one.id for one in told],
    )
    return {one.order_id: one.twin for one in found}


def held_as_placed(session: Session, told: Sequence[Told], types: Sequence[str]) -> Collection[int]:
    """Give those orders that were held by a hold of one of these types when they were placed."""
    found = rows(
        session,
        """select distinct h.order_id from order_hold h join sales_order o on o.id = h.order_id
           where o.id = any(:ids) and h.type = any(:types) and h.created_at = o.created_at and h.rule <> 'no_source'""",
        ids=[one.id for one in told],
        types=list(types),
    )
    return {one.order_id for one in found}


def _told(session: Session, found: Sequence[Row[Any]], *, opens: bool) -> list[Told]:
    ring = keyring_of(session)
    keys = open_keys(session, {one.subject_id for one in found}) if opens else {}
    lines: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    sold = rows(
        session,
        """select order_id, parent_no, kind, sku, storage, ordered, grams, unit_price, amount, gift from order_line
           where order_id = any(:ids) order by order_id, line_no""",
        ids=[one.id for one in found],
    )
    for line in sold:
        lines[line.order_id].append(line)
    return [_tell(one, lines[one.id], ring, keys.get(one.subject_id)) for one in found]


def _tell(one: Row[Any], lines: Sequence[Row[Any]], ring: Keyring, key: SubjectKey | None) -> Told:
    street = key.open(bytes(one.receiver_street), place_of("receiver_street", one.id)) if key else ""
    remark = key.open(bytes(one.remark), place_of("remark", one.id)) if key and one.remark is not None else ""
    kinds = Counter(line.parent_no is None for line in lines)
    unknown = 1.0 if one.division else 0.0  # it was placed before confidences were kept
    return Told(
        id=one.id,
        at=one.created_at,
        brand=one.brand,
        shop=one.shop,
        subject_id=one.subject_id,
        phone=bytes(one.phone_index),
        buyer=bytes(one.reference_index) if key else NOBODY,
        address=address_index(ring, one.brand, one.division, street) if key else NOBODY,
        head={name: getattr(one, name) for name in HEAD} | {"paid": one.paid, "lines": kinds[True]},
        remark=remark,
        confidence=unknown if one.address_confidence is None else float(one.address_confidence),
        division=one.division,
        province=one.province,
        lines=tuple(
            Sold(line.sku, line.storage, line.ordered, line.grams, float(line.unit_price), line.amount, line.gift)
            for line in lines
            if line.kind != "bundle"
        ),
    )
