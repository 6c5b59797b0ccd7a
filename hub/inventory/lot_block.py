"""Blocked lots: a person says that a lot is not to be sold, at one location or everywhere, and later that it may be.

A block is of the lot: whatever warehouses count, its pieces are not sold until somebody unblocks it. They stay on hand.
What is promised beyond the rest finds another source as what a count did not find does: carts let go here, orders are
moved by hub/order/relocate.py, and a case says what nobody can move.

Locks: the block's own row, reservations, then every counter of the SKU, so that an order either has its pieces before
the block looks what is promised, or finds the block when it looks whether its pieces are good.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.audit import plain, record
from hub.cases import NewCase, open_cases
from hub.database import records, row, rows, run
from hub.document import Document
from hub.errors import Conflict, Malformed, NotFound
from hub.ids import new_ids
from hub.inventory.condition import Condition
from hub.inventory.counted import LONGEST
from hub.inventory.ledger import Movement, StockKey, post
from hub.inventory.level import hold_still
from hub.inventory.quota import count_carts
from hub.inventory.shortfall import SHORT, Lack, let_carts_go, read_lacking
from hub.inventory.table import Authority, Reason

EVERYWHERE: Final = ""

PIECES: Final = """(
    select coalesce(sum(lot.on_hand), 0)::bigint from stock_lot lot
    where (lot.sku, lot.lot) = (block.sku, block.lot) and block.location in ('', lot.location)
      and lot.condition = 'saleable')"""


class LotName(Document):
    """A lot of a SKU, at a location or everywhere ("")."""

    sku: str
    lot: str
    location: str = EVERYWHERE

    def __str__(self) -> str:
        return f"{self.lot} of {self.sku}" + (f" at {self.location}" if self.location else "")


class Block(Document):
    """A lot that is not to be sold: who said so, when and why, and how many pieces of it warehouses have."""

    brand: str
    sku: str
    lot: str
    location: str
    actor: str
    reason: str
    blocked_at: datetime
    pieces: int


class Outcome(Document):
    """What became of blocking a lot: its pieces that were not before, the carts that let go, and the pieces lacking."""

    pieces: int
    carts: int
    lacking: int


class Freed(Document):
    """What became of unblocking a lot: the pieces that no block holds now, and where another does ("": everywhere)."""

    pieces: int
    still_blocked: tuple[str, ...] = ()


def block_lot(session: Session, actor: str, brand: str, name: LotName, reason: str, at: datetime) -> Outcome:
    """Have nobody be given pieces of a lot any more; `at` is in the business zone.

    Raises: NotFound when the brand has no such SKU or location, or nobody knows the lot there; Malformed without a lot
    or a reason; Conflict when it is blocked already (lot_blocked), which says by whom.
    """
    _check(session, brand, name)
    if not (why := plain(reason).strip()):
        raise Malformed("say why", code="reason_missing", field="reason", zh="请填写原因")
    _refuse_twice(session, name)
    made = run(
        session,
        """insert into lot_block (brand, version, created_at, updated_at, sku, lot, location, actor, reason)
           values (:brand, 1, :at, :at, :sku, :lot, :location, :actor, :reason) on conflict do nothing""",
        brand=brand,
        at=at,
        actor=actor,
        reason=why,
        **name.model_dump(),
    )
    if not made:  # somebody was quicker
        _refuse_twice(session, name)
    let_go = _let_go(session, read_lacking(session, at.date(), [name.sku]), at)
    hold_still(session, {name.sku, *(one.key.sku for one in let_go)})
    marks, pieces = _marks(session, name, Reason.BLOCK, at)
    post(session, [*let_go, *marks], at)
    lacks = [one for one in read_lacking(session, at.date(), [name.sku]) if _is_ours(one)]
    _call(session, lacks, at)
    count_carts(session, let_go)
    told = name.model_dump(exclude={"sku"})
    record(session, at, actor, "stock.block_lot", f"sku:{name.sku}", **told, pieces=pieces, reason=why)
    return Outcome(
        pieces=pieces, carts=len({one.ref.split(":")[1] for one in let_go}), lacking=sum(one.pieces for one in lacks)
    )


def unblock_lot(session: Session, actor: str, brand: str, name: LotName, reason: str, at: datetime) -> Freed:
    """Let a lot be sold again, but for pieces that another block holds: one of a location, or of everywhere.

    Raises: as `block_lot`; NotFound when it is not blocked, or by another block than this one (lot_not_blocked).
    """
    if not (why := plain(reason).strip()):
        raise Malformed("say why", code="reason_missing", field="reason", zh="请填写原因")
    ended = run(
        session,
        """delete from lot_block
           where (sku, lot, location, brand) = (:sku, :lot, :location, :brand)""",
        **name.model_dump(),
        brand=brand,
    )
    if not ended:
        others = [one.location for one in list_blocks(session, [brand], name.sku, name.lot)]
        where = ", ".join(one or "everywhere" for one in others)
        raise NotFound(
            f"{name} is not blocked" + (f", but it is: {where}" if others else ""),
            code="lot_not_blocked",
            field="lot",
            zh=f"批次 {name.lot} 未在此处锁定"
            + (f"，锁定范围：{'、'.join(one or '全部仓库' for one in others)}" if others else ""),
        )
    hold_still(session, [name.sku])
    marks, pieces = _marks(session, name, Reason.UNBLOCK, at)
    post(session, marks, at)
    told = name.model_dump(exclude={"sku"})
    record(session, at, actor, "stock.unblock_lot", f"sku:{name.sku}", **told, pieces=pieces, reason=why)
    others = rows(
        session,
        """select location from lot_block where (sku, lot) = (:sku, :lot) and '' in (location, :location)
           order by location""",
        **name.model_dump(),
    )
    return Freed(pieces=pieces, still_blocked=tuple(one.location for one in others))


def make_room(session: Session, at: datetime) -> int:
    """Have carts let go of what is of blocked lots, and give how many counters lack pieces of orders; in business time.

    Counts and deliveries change what a blocked lot leaves: this looks again, for they do not.
    """
    lacks = [one for one in read_lacking(session, at.date()) if one.blocked]
    if let_go := _let_go(session, lacks, at):
        hold_still(session, {one.key.sku for one in let_go})
        post(session, let_go, at)
        lacks = [one for one in read_lacking(session, at.date()) if one.blocked]
    ours = [one for one in lacks if _is_ours(one)]
    _call(session, ours, at)
    count_carts(session, let_go)
    return len(ours)


def list_blocks(
    session: Session, brands: Collection[str] | None, sku: str = "", lot: str = "", *, limit: int = 200
) -> Sequence[Block]:
    """Give the lots of some brands (None is all) that are blocked, the newest first: of a SKU or a code, if named."""
    found = records(
        session,
        f"""select block.brand, block.sku, block.lot, block.location, block.actor, block.reason,
                   block.created_at as blocked_at, {PIECES} as pieces
            from lot_block block where (cast(:brands as text[]) is null or block.brand = any(:brands))
              and :sku in ('', block.sku) and :lot in ('', block.lot)
            order by block.created_at desc, block.sku, block.lot, block.location limit :limit""",
        brands=None if brands is None else sorted(brands),
        sku=sku,
        lot=lot,
        limit=limit,
    )
    return [Block.model_validate(one) for one in found]


def _check(session: Session, brand: str, name: LotName) -> None:
    if not 0 < len(name.lot) <= LONGEST:
        raise Malformed(
            f"a lot has 1 to {LONGEST} letters", code="lot", field="lot", zh=f"批号为 1 到 {LONGEST} 个字符"
        )
    found = row(
        session,
        """select exists (select from sku where (code, brand) = (:sku, :brand) and not bundle) as sold,
                  exists (select from location where (code, brand) = (:location, :brand)) as placed,
                  exists (select from stock_lot where (sku, lot) = (:sku, :lot) and :location in ('', location))
                  or :location = '' and exists (select from shipped_lot where (lot, sku) = (:lot, :sku)) as known""",
        brand=brand,
        **name.model_dump(),
    )
    if found is None or not found.sold:
        text = f"{brand} has no SKU {name.sku} that is counted"
        raise NotFound(text, code="unknown_sku", field="sku", zh=f"{brand} 没有计库存的 SKU {name.sku}")
    if name.location and not found.placed:
        text = f"{brand} has no location {name.location}"
        raise NotFound(text, code="unknown_location", field="location", zh=f"{brand} 没有仓库 {name.location}")
    if not found.known:
        where = f" at {name.location}" if name.location else ""
        text = f"no lot {name.lot} of {name.sku} is known{where}: a warehouse names its lots when it counts"
        zh = f"{name.location or '任何仓库'}都未上报过 {name.sku} 的批次 {name.lot}"
        raise NotFound(text, code="unknown_lot", field="lot", zh=zh)


def _refuse_twice(session: Session, name: LotName) -> None:
    found = rows(
        session,
        """select location, actor, reason, created_at from lot_block
           where (sku, lot) = (:sku, :lot) and location in ('', :location) order by location""",
        **name.model_dump(),
    )
    for one in found:
        where, since = one.location or "everywhere", f"{one.created_at:%Y-%m-%d %H:%M} UTC"
        raise Conflict(
            f"{name.lot} of {name.sku} is blocked already: {where}, by {one.actor} at {since}: {one.reason}",
            code="lot_blocked",
            field="lot",
            zh=f"批次 {name.lot} 已被 {one.actor} 于 {since} 锁定（{one.location or '全部仓库'}）：{one.reason}",
        )


def _let_go(session: Session, lacks: Sequence[Lack], at: datetime) -> list[Movement]:
    return let_carts_go(session, {one.key: one.pieces for one in lacks if one.soft and _is_ours(one)}, at)


def _is_ours(one: Lack) -> bool:
    """Say whether the hub's own number counts there; elsewhere nobody is called, as for counts."""
    return one.authority == Authority.HUB


def _marks(session: Session, name: LotName, reason: Reason, at: datetime) -> tuple[list[Movement], int]:
    """Give a movement of no pieces for each counter whose pieces a block begins or ends to hold, and those pieces.

    By the movements channels are told. What another block holds stays as it is.
    """
    found = rows(
        session,
        """select location, owner, on_hand from stock_lot
           where (sku, lot, condition) = (:sku, :lot, :condition) and :location in ('', location) and on_hand > 0
             and not exists (
                 select from lot_block other
                 where (other.sku, other.lot) = (stock_lot.sku, stock_lot.lot)
                   and other.location in ('', stock_lot.location) and other.location <> :location)""",
        **name.model_dump(),
        condition=Condition.SALEABLE,
    )
    [number] = new_ids(session, 1, at)
    ref = f"lot:{name.lot}:{number}"
    marks = [Movement(StockKey(one.location, name.sku, one.owner), reason, ref) for one in found]
    return marks, sum(one.on_hand for one in found)


def _call(session: Session, lacks: Sequence[Lack], at: datetime) -> None:
    """Call a person for what is lacking, unless one has closed that and the counter has not moved since."""
    quiet = rows(
        session,
        """select subject from case_file c
           where cause = :cause and subject = any(:subjects) and (state = 'open' or exists (
               select from stock_level level where 'stock:' || level.sku || ' at ' || level.location = c.subject
                   and level.sku = any(:skus) and level.updated_at <= c.resolved_at))""",
        cause=SHORT,
        subjects=[one.subject for one in lacks],
        skus=sorted({one.key.sku for one in lacks}),
    )
    known = {one.subject for one in quiet}
    cases = [
        NewCase(SHORT, one.subject, one.brand, f"lots blocked, promised {one.allocated}: {one.pieces} short")
        for one in lacks
        if one.subject not in known
    ]
    open_cases(session, cases, at)
