"""Apply what a channel says anew of an order that it placed: payment, address, remark, its lines, notes.

Where the hub has changed the same thing itself, the shop's policy says whose word counts.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from sqlalchemy.orm import Session

from hub.cases import NewCase, open_cases, resolve
from hub.database import row, run
from hub.errors import Conflict, NeedsOperator, NotFound, Rejected
from hub.gift.count import hold_gifts
from hub.merge.group import hold_together
from hub.order.change.begin import begin, change, check_changeable
from hub.order.change.contents import changed
from hub.order.change.follow import follow
from hub.order.change.pay import pay, pay_deposit, pay_part
from hub.order.change.revision import Author, Contents, Wish, end_revision, find_open, former_of, write_revision
from hub.order.change.said import is_as_said, own_changes, said_of, written_statement
from hub.order.change.said_lines import read_lines
from hub.order.change.table import ChangeSource, ChangeState, Charge
from hub.order.lock import lock_order
from hub.order.model import Order, Receiver, ShopOrder
from hub.order.place.record import payload_hash, plain_phone, street_of
from hub.order.reread import reread
from hub.order.rules.hold import SAFE_ADDRESS
from hub.order.rules.normalise import NormalOrder
from hub.order.rules.policy import POLICY, Policy
from hub.order.status import Lifecycle

Precedence = Literal["platform_wins", "hub_wins", "ask"]

ENDED: Final = frozenset({Lifecycle.CANCELLED, Lifecycle.CLOSED})

OVERTAKEN: Final = "the channel has said something newer"

STANDS: Final = "the hub's own change stands"


@dataclass(frozen=True, slots=True)
class Said:
    """What a channel's revision changes, which of it the hub has changed, too, and which of the hub's it follows."""

    wish: Wish
    disputed: frozenset[str]
    adopted: int
    follows: Mapping[str, int]


def revise(
    session: Session,
    order_id: int,
    one: ShopOrder,
    precedence: Precedence,
    at: datetime,
    policy: Policy = POLICY,
    *,
    keep_deposit: bool = False,
) -> None:
    """Apply a channel's later revision of an order; what cannot be applied any more calls a person.

    One that is no newer than what the order follows says nothing: it was overtaken before the order was locked.
    One that leaves nothing of an order takes it back: with `keep_deposit` the merchant keeps its deposit then.
    `at` is in the business zone. Raises: Conflict with code order_conflict for what no revision may say: other prices
    or amounts; more pieces or other goods that do not come to what the channel says.
    """
    hold_together(session, order_id)
    before = reread(session, order_id)
    if one.order.source_revision <= before.order.source_revision:
        return
    if not is_as_said(session, order_id, one, before):
        _apply(session, order_id, one, before, precedence, at, policy, keep_deposit=keep_deposit)
    follow(session, order_id, one.order, one.channel, policy, at)
    run(
        session,
        """with key as (update order_key set payload_hash = :hash where (shop, external_id) = (:shop, :external_id))
           update sales_order set source_revision = :revision where id = :id""",
        hash=payload_hash(one),
        shop=one.shop,
        external_id=one.order.external_id,
        revision=one.order.source_revision,
        id=order_id,
    )


def _apply(
    session: Session,
    order_id: int,
    one: ShopOrder,
    before: NormalOrder,
    precedence: Precedence,
    at: datetime,
    policy: Policy,
    *,
    keep_deposit: bool,
) -> None:
    hold_gifts(session, [order_id])  # before any stock, of which the payment, the change and the refunds may lock some
    said = _read(session, order_id, before, one.order)
    author = Author(one.channel, "changed at the channel", ChangeSource.CHANNEL, one.order.source_revision)
    less = one.order.total < before.order.total
    if not less:
        _pay(session, order_id, one, before, at, policy)
    disputed = _part(said.wish, said.disputed) if precedence != "platform_wins" else Wish()
    clear = _part(said.wish, set(said.wish.kinds) - set(disputed.kinds))
    if clear.kinds:
        _change(session, order_id, one, clear, author, at, policy, keep_deposit=keep_deposit)
    if less:
        _pay(session, order_id, one, before, at, policy, less=True)  # of what is left: nothing of it goes back
    _dispute(session, order_id, one, disputed, author, at, asked=precedence == "ask")
    run(
        session,
        "update order_key set said = cast(:said as jsonb) where (shop, external_id) = (:shop, :external_id)",
        said=written_statement(one.order, said.adopted, said.follows),
        shop=one.shop,
        external_id=one.order.external_id,
    )


def decide(
    session: Session, order_id: int, author: Author, at: datetime, policy: Policy = POLICY, *, take: bool
) -> ChangeState:
    """Take what a channel changed, or keep what the hub did; give what became of it.

    Raises: NotFound when nothing waits for that; Conflict as for `change`.
    """
    hold_together(session, order_id)
    order = lock_order(session, order_id)
    asked = find_open(session, order_id, ChangeState.ASKED)
    if asked is None:
        raise NotFound("no change of this order waits for a decision", code="nothing_asked")
    _overtake(session, order_id, asked.no, at)
    resolve(session, f"order:{order_id}", at, author.name, author.reason, "change_asked")
    if not take:
        end_revision(session, order_id, asked.no, ChangeState.REFUSED, STANDS, at)
        return ChangeState.REFUSED
    check_changeable(session, order_id, asked.wish)
    run(
        session,
        "update order_revision set state = 'waiting', actor = :actor where order_id = :id and no = :no",
        actor=author.name,
        id=order_id,
        no=asked.no,
    )
    return begin(session, order, asked.no, asked.wish, policy, at)


def _read(session: Session, order_id: int, before: NormalOrder, new: Order) -> Said:
    """Find what a revision says otherwise than the order stands.

    What the hub has changed and the channel has repeated since is the channel's own. Raises: Conflict.
    """
    mine, follows = own_changes(session, order_id), said_of(session, order_id).follows
    lines = read_lines(session, order_id, new)
    own = mine.since({**follows, "lines": lines.adopted, "goods": lines.adopted})
    contents = Contents(receiver=new.receiver, remark=new.remark)
    after = changed(before, contents)
    there, then = _to(before), _to(after)
    first = former_of(session, order_id, follows) if own & {"address", "remark"} else Contents()
    repeated = there == then or _is_placed_by_hand(session, order_id, before, after)
    receiver = None if repeated or _is_first(before, first.receiver, then) else new.receiver
    remark = None if new.remark in {before.order.remark, first.remark} else new.remark
    contents = Contents(receiver=receiver, remark=remark)
    wish = Wish(pieces=lines.pieces, contents=contents, added=lines.added, charge=Charge.CHANNEL)
    disputed = own & set(wish.kinds) & {"address", "remark"}
    if "goods" in own or (lines.added and "lines" in own):
        disputed |= {"lines", "goods"} & set(wish.kinds)
    same = {"address": repeated, "remark": new.remark == before.order.remark}
    follows = {**follows, **mine.repeated([kind for kind, is_same in same.items() if is_same])}
    return Said(wish, frozenset(disputed), lines.adopted, follows)


def _is_first(before: NormalOrder, first: Receiver | None, then: tuple[str, ...]) -> bool:
    """Say whether the channel only repeats what it said before the hub changed it."""
    return first is not None and _to(changed(before, Contents(receiver=first))) == then


def _to(one: NormalOrder) -> tuple[str, ...]:
    """Give what tells two receivers apart, however their divisions are written."""
    return *_at_door(one), one.place.code


def _at_door(one: NormalOrder) -> tuple[str, ...]:
    """Give who receives an order and in which street, wherever that street lies."""
    to = one.order.receiver
    return to.name, plain_phone(to.phone), to.token, street_of(one)


def _is_placed_by_hand(session: Session, order_id: int, before: NormalOrder, after: NormalOrder) -> bool:
    """Say whether a person has named the division of an address that the channel still does not make clear."""
    if _at_door(before) != _at_door(after) or not after.place.confidence < SAFE_ADDRESS <= before.place.confidence:
        return False
    found = row(session, "select address_confidence as known from sales_order where id = :id", id=order_id)
    return found is not None and found.known is not None and found.known < SAFE_ADDRESS


def _dispute(
    session: Session, order_id: int, one: ShopOrder, wish: Wish, author: Author, at: datetime, *, asked: bool
) -> None:
    """Write down what both have changed, and ask a person or refuse it; what was asked before is the channel's no more.

    Of an order that has ended nothing can be decided. Goods that are refused were paid at the channel, or given back
    there: that is a person's.
    """
    order = lock_order(session, order_id)
    asks = asked and bool(wish.kinds) and order.lifecycle not in ENDED
    if _overtake(session, order_id, 0, at) and not asks:
        resolve(session, f"order:{order_id}", at, author.name, OVERTAKEN, "change_asked")
    if asks:
        write_revision(session, order, wish, author, ChangeState.ASKED, at)
        told = f"{one.channel}: {', '.join(wish.kinds)}"
        open_cases(session, [NewCase("change_asked", f"order:{order_id}", one.brand, told, order_id)], at)
    elif wish.kinds:
        write_revision(session, order, wish, author, ChangeState.REFUSED, at, STANDS)
        if order.lifecycle not in ENDED and {"lines", "goods"} & set(wish.kinds):
            _call(session, "change_refused", order_id, one, f"{', '.join(wish.kinds)}: {STANDS}", at)


def _overtake(session: Session, order_id: int, newest: int, at: datetime) -> int:
    """Refuse what a channel asked for before it said something newer; give how many revisions that were."""
    return run(
        session,
        """update order_revision set state = 'refused', note = :note, settled_at = :at, updated_at = :at,
                                     version = version + 1
           where order_id = :id and state = 'asked' and no <> :newest""",
        note=OVERTAKEN,
        at=at,
        id=order_id,
        newest=newest,
    )


def _part(wish: Wish, kinds: Collection[str]) -> Wish:
    contents = Contents(
        receiver=wish.contents.receiver if "address" in kinds else None,
        remark=wish.contents.remark if "remark" in kinds else None,
    )
    return replace(
        wish,
        pieces=wish.pieces if "lines" in kinds else dict[int, int](),
        contents=contents,
        added=wish.added if "goods" in kinds else (),
    )


def _pay(
    session: Session,
    order_id: int,
    one: ShopOrder,
    before: NormalOrder,
    at: datetime,
    policy: Policy,
    *,
    less: bool = False,
) -> None:
    if before.order.paid_at is not None:
        return
    order = one.order
    if order.paid_at is None and order.deposit_paid_at is None:
        return
    try:
        if order.paid_at is None:
            told = order.deposit, order.balance_due_at
            pay_deposit(session, order_id, one.channel, at, *told, paid_at=order.deposit_paid_at)
            return
        if own_changes(session, order_id).last.keys() & {"lines", "goods"}:  # adopted or not: its total is not ours
            pay_part(session, order_id, one.channel, order.paid_at, order.total, at, policy)
            return
        pay(session, order_id, one.channel, order.paid_at, at, policy, less=less)
    except Conflict as error:
        _call(session, "paid_late", order_id, one, error.message, at)


def _change(
    session: Session,
    order_id: int,
    one: ShopOrder,
    wish: Wish,
    author: Author,
    at: datetime,
    policy: Policy,
    *,
    keep_deposit: bool,
) -> None:
    """Change an order as its channel says; what has left, ended or is under way needs a person."""
    found = row(session, "select lifecycle from sales_order where id = :id", id=order_id)
    if found is not None and found.lifecycle in ENDED:
        return  # nothing of it can be told to anybody
    try:
        change(session, order_id, wish, author, at, policy, keep_deposit=keep_deposit)
    except (Rejected, NeedsOperator) as error:
        _call(session, "change_refused", order_id, one, error.message, at)


def _call(session: Session, cause: str, order_id: int, one: ShopOrder, told: str, at: datetime) -> None:
    open_cases(session, [NewCase(cause, f"order:{order_id}", one.brand, f"{one.channel}: {told}", order_id)], at)
