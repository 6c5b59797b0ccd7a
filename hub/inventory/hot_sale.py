"""Which SKUs are in a flash sale, and how many pieces one buyer may have in it, whichever way they are held."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.asks import Ask, Asks, inserting, told
from hub.audit import record
from hub.database import keyring_of, records, row, run
from hub.document import Document
from hub.errors import Conflict, Malformed, NotFound

MOST: Final = 10**6
"""The most pieces of one request, and the longest queue."""

BUYER: Final = "hot_buyer"
"""The table of who has what, and the kind of its blind indexes."""

COLUMNS: Final = ("reservation_id", "buyer_index", "pieces")

SALE: Final = "brand, sku, sale, per_buyer, queue_limit, hold_s, ends_at"

THEIRS: Final = """left join reservation r on r.id = buyer.reservation_id
           where (coalesce(r.state, 'taken') in ('held', 'taken') or r.state = 'expired' and r.order_id is not null)"""
"""What of `buyer` is still the buyer's: of carts not let go, and of orders, less what those cancelled.

A cart that has expired is still that of the order that waits with it: paid, that gets the pieces all the same.
"""


class Sale(Document):
    """A SKU in a flash sale; a buyer gets `per_buyer` pieces at most (0: any), and no more than `queue_limit` wait.

    A limit counts what was bought under one: while it is 0, or before it was set, nobody is asked who they are.
    """

    brand: str
    sku: str
    sale: str
    per_buyer: int = 1
    queue_limit: int = 2_000
    hold_s: int = 900
    ends_at: datetime | None = None


class SaleView(Sale):
    """A flash sale as it stands: whether it is over by its end, and what limited buyers hold or have taken in it."""

    over: bool
    buyers: int
    pieces: int


@dataclass(frozen=True, slots=True)
class Ticket:
    """A buyer's part of a sale that limits each: so many pieces, of one reservation or of one order."""

    sale: Sale
    buyer: bytes
    pieces: int


def heat(session: Session, actor: str, sale: Sale, at: datetime) -> None:
    """Put a SKU into a flash sale, or change it; under another name of the sale every buyer begins anew.

    Raises: Malformed for a limit out of range, a bundle, virtual goods, or a sale without a name; Conflict for an end
    that is past; NotFound for an unknown SKU.
    """
    if not sale.sale.strip():
        raise Malformed("give the sale a name", code="sale_name", field="sale", zh="请填写活动名称")
    if sale.ends_at is not None and sale.ends_at <= at:
        raise Conflict("this moment is past already", code="moment", field="ends_at", zh="该时间已过")
    if not (0 <= sale.per_buyer <= MOST and 0 < sale.queue_limit <= MOST and 0 < sale.hold_s <= MOST):
        text, zh = f"a limit of a sale is a whole number up to {MOST}", f"秒杀的各项上限为不超过 {MOST} 的整数"
        raise Malformed(text, code="hot_limits", zh=zh)
    found = row(
        session, "select bundle, storage from sku where (code, brand) = (:sku, :brand)", sku=sale.sku, brand=sale.brand
    )
    if found is None:
        text, zh = f"{sale.brand} has no SKU {sale.sku}", f"品牌 {sale.brand} 没有 SKU {sale.sku}"
        raise NotFound(text, code="unknown_sku", field="sku", zh=zh)
    if found.bundle:
        text, zh = "a bundle has no stock of its own: put its parts on sale", "组合装没有库存，请对其组成商品设置"
        raise Malformed(text, code="hot_bundle", field="sku", zh=zh)
    if found.storage == "none":
        text, zh = "virtual goods lie on no shelf: give shops a quota", "虚拟商品没有库存，请为店铺设置配额"
        raise Malformed(text, code="hot_virtual", field="sku", zh=zh)
    run(
        session,
        """insert into hot_sku (brand, version, created_at, updated_at, sku, sale, per_buyer, queue_limit, hold_s,
                                ends_at)
           values (:brand, 1, :at, :at, :sku, :sale, :per_buyer, :queue_limit, :hold_s, :ends_at)
           on conflict (sku) do update set sale = :sale, per_buyer = :per_buyer, queue_limit = :queue_limit,
               hold_s = :hold_s, ends_at = :ends_at, version = hot_sku.version + 1, updated_at = :at""",
        at=at,
        **sale.model_dump(),
    )
    run(session, "delete from hot_buyer where sku = :sku and sale <> :sale", sku=sale.sku, sale=sale.sale)
    told = sale.model_dump(mode="json", exclude={"brand", "sku"})
    record(session, at, actor, "stock.hot", f"sku:{sale.sku}", **told)


def cool(session: Session, actor: str, brand: str, sku: str, at: datetime) -> None:
    """End a SKU's flash sale and forget who bought in it. What is held stays held.

    Raises: Conflict when there is none (not_hot).
    """
    if not run(session, "delete from hot_sku where (sku, brand) = (:sku, :brand)", sku=sku, brand=brand):
        raise Conflict(f"{sku} is in no flash sale", code="not_hot", zh=f"{sku} 不在秒杀中")
    run(session, "delete from hot_buyer where sku = :sku", sku=sku)
    record(session, at, actor, "stock.cool", f"sku:{sku}")


def list_sales(
    session: Session, seen: Collection[str] | None, at: datetime, sku: str = "", limit: int = 200
) -> Sequence[SaleView]:
    """List flash sales as they stand, in the order of their SKUs, of brands or of all; also those past their end."""
    found = records(
        session,
        f"""select {SALE}, coalesce(ends_at <= :at, false) as over, coalesce(had.buyers, 0) as buyers,
                  coalesce(had.pieces, 0) as pieces
           from hot_sku cross join lateral (
               select count(distinct buyer.buyer_index) as buyers, sum(buyer.pieces)::bigint as pieces
               from hot_buyer buyer {THEIRS} and (buyer.sku, buyer.sale) = (hot_sku.sku, hot_sku.sale)) had
           where (:sku = '' or sku = :sku) and (cast(:seen as text[]) is null or brand = any(:seen))
           order by sku limit :limit""",
        at=at,
        sku=sku,
        seen=None if seen is None else sorted(seen),
        limit=limit,
    )
    return [SaleView.model_validate(one) for one in found]


def find_sale(session: Session, sku: str, at: datetime) -> Sale | None:
    """Give the flash sale that a SKU is in now."""
    return find_sales(session, [sku], at).get(sku)


def find_sales(session: Session, skus: Collection[str], at: datetime) -> Mapping[str, Sale]:
    """Give the flash sales that some SKUs are in now."""
    return told(session, ask_sales(skus, at))


def ask_sales(skus: Collection[str], at: datetime) -> Asks[Mapping[str, Sale]]:
    """Ask for the flash sales that some SKUs are in now."""
    statement = f"select {SALE} from hot_sku where sku = any(:skus) and (ends_at is null or ends_at > :at)"
    [found] = yield [Ask(statement, {"skus": sorted(skus), "at": at})]
    every = [Sale.model_validate(one, from_attributes=True) for one in found.rows]
    return {one.sku: one for one in every}


def buyer_of(session: Session, brand: str, buyer: str) -> bytes:
    """Give the blind index of a shop's own reference of a person."""
    return keyring_of(session).index(BUYER, brand, buyer)


def admit(session: Session, brand: str, buyer: str, pieces: Mapping[str, int], at: datetime) -> Ticket | None:
    """Let a buyer have pieces of SKUs beside the crowd; None when no sale among them limits buyers.

    Until the transaction ends nobody else sells to the buyer; it comes before all locks of stock.
    Raises: Malformed without a buyer (buyer_missing), or for more than one such SKU at once (hot_alone); Conflict for
    a buyer who has enough (buyer_limit).
    """
    limited = [one for one in find_sales(session, pieces, at).values() if one.per_buyer]
    if not limited:
        return None
    if len(limited) > 1:
        told = ", ".join(sorted(one.sku for one in limited))
        raise Malformed(f"hold what is in a flash sale by itself: {told}", code="hot_alone", field="lines")
    if not buyer:
        raise unnamed()
    [sale], index = limited, buyer_of(session, brand, buyer)
    wanted = pieces[sale.sku]
    if had(session, sale, {index})[index] + wanted > sale.per_buyer:
        raise too_many(sale)
    return Ticket(sale, index, wanted)


def unnamed() -> Malformed:
    """Give the answer to who does not say who buys, in a sale that limits each buyer."""
    return Malformed("say who buys: this flash sale limits each buyer", code="buyer_missing", field="buyer")


def too_many(sale: Sale) -> Conflict:
    """Give the answer to a buyer who would have more than a sale gives one buyer."""
    text, zh = f"a buyer gets {sale.per_buyer} at most in this sale", f"本次秒杀每人限购 {sale.per_buyer} 件"
    return Conflict(text, code="buyer_limit", zh=zh)


def write_tickets(session: Session, tickets: Iterable[tuple[int, Ticket]]) -> None:
    """Write what buyers have, by their reservations, or by orders that take none."""
    for one in writing_tickets(tickets):
        run(session, one.statement, **one.values)


def add_tickets(session: Session, order_id: int, tickets: Sequence[Ticket]) -> None:
    """Add to what a buyer has by an order, which may have none yet."""
    for one in tickets:
        run(
            session,
            """insert into hot_buyer (reservation_id, sku, sale, buyer_index, pieces)
               values (:order_id, :sku, :sale, :buyer, :pieces)
               on conflict (reservation_id, sku) do update set pieces = hot_buyer.pieces + excluded.pieces""",
            order_id=order_id,
            sku=one.sale.sku,
            sale=one.sale.sale,
            buyer=one.buyer,
            pieces=one.pieces,
        )


def writing_tickets(tickets: Iterable[tuple[int, Ticket]]) -> list[Ask]:
    """Ask to have written what buyers have, as `write_tickets`."""
    by_sale: defaultdict[tuple[str, str], list[tuple[int, bytes, int]]] = defaultdict(list)
    for no, one in tickets:
        by_sale[one.sale.sku, one.sale.sale].append((no, one.buyer, one.pieces))
    return [inserting(BUYER, COLUMNS, lines, sku=sku, sale=sale) for (sku, sale), lines in by_sale.items()]


def ask_had(sale: Sale, buyers: Collection[bytes], *, turn: bool = False) -> Asks[Counter[bytes]]:
    """Ask what buyers have in a sale; with their `turn` nobody else sells to them until the transaction ends.

    What was let go of is theirs no more. Where a sale limits nobody, nobody is asked about and nobody waits.
    """
    if not sale.per_buyer:
        return Counter()
    keys = sorted(int.from_bytes(one[:8], signed=True) for one in buyers)
    turns = Ask("select pg_advisory_xact_lock(key) from unnest(cast(:keys as bigint[])) as asked (key)", {"keys": keys})
    statement = f"""select buyer.buyer_index, sum(buyer.pieces)::bigint as pieces from hot_buyer buyer {THEIRS}
             and (buyer.sku, buyer.sale) = (:sku, :sale) and buyer.buyer_index = any(cast(:buyers as bytea[]))
           group by 1"""
    counts = Ask(statement, {"sku": sale.sku, "sale": sale.sale, "buyers": sorted(buyers)})
    *_, counted = yield [turns, counts] if turn else [counts]  # one after the other: what others sold before is seen
    return Counter({bytes(one.buyer_index): one.pieces for one in counted.rows})


def had(session: Session, sale: Sale, buyers: Collection[bytes]) -> Counter[bytes]:
    """Count what buyers have in a sale, as `ask_had` in their turn."""
    return told(session, ask_had(sale, buyers, turn=True))


def free_tickets(session: Session, order_ids: Collection[int]) -> None:
    """Let buyers have again what orders have cancelled of their sales: no more counts than is left in the order.

    What an order has beside its cart goes first, be that taken or not. The orders' rows are locked; counted again,
    nothing changes.
    """
    run(
        session,
        """with mine as (
               select asked.id as order_id, asked.id as ticket, 1 as turn
               from unnest(cast(:ids as bigint[])) as asked (id)
               union all
               select r.order_id, r.id, 0 from reservation r
               where r.order_id = any(:ids) and r.state <> 'released'),
           had as (
               select mine.order_id, mine.ticket, buyer.sku, buyer.pieces, sum(buyer.pieces) over (
                          partition by mine.order_id, buyer.sku order by mine.turn, mine.ticket
                      ) - buyer.pieces as before
               from mine join hot_buyer buyer on buyer.reservation_id = mine.ticket),
           kept as (
               select had.ticket, had.sku, least(had.pieces, there.pieces - had.before) as pieces
               from had cross join lateral (
                   select coalesce(sum(line.ordered - line.cancelled), 0) as pieces from order_line line
                   where line.order_id = had.order_id and line.sku = had.sku and not line.gift) there),
           gone as (
               delete from hot_buyer buyer using kept
               where (buyer.reservation_id, buyer.sku) = (kept.ticket, kept.sku) and kept.pieces <= 0)
           update hot_buyer buyer set pieces = kept.pieces from kept
           where (buyer.reservation_id, buyer.sku) = (kept.ticket, kept.sku)
             and kept.pieces > 0 and kept.pieces < buyer.pieces""",
        ids=list(order_ids),
    )


def keep_tickets(session: Session, taken: Mapping[int, int], let_go: Collection[int]) -> None:
    """Before carts are forgotten, make what orders have taken (order by cart) the orders' own, and forget the rest."""
    run(session, "delete from hot_buyer where reservation_id = any(:ids)", ids=list(let_go))
    run(
        session,
        """with moved as (
               delete from hot_buyer buyer
               using unnest(cast(:carts as bigint[]), cast(:orders as bigint[])) as taken (cart, order_id)
               where buyer.reservation_id = taken.cart
               returning taken.order_id, buyer.sku, buyer.sale, buyer.buyer_index, buyer.pieces)
           insert into hot_buyer (reservation_id, sku, sale, buyer_index, pieces)
           select order_id, sku, min(sale), min(buyer_index), sum(pieces) from moved group by 1, 2
           on conflict (reservation_id, sku) do update set pieces = hot_buyer.pieces + excluded.pieces""",
        carts=list(taken),
        orders=list(taken.values()),
    )
