"""What is still open of an order: which pieces, taking back what no location knows of, and sourcing it again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from hub.cases import resolve_steps
from hub.catalogue.find import TRAITS, traits_of
from hub.database import rows, run
from hub.fulfilment.reject import Standing, end
from hub.fulfilment.release import NewLine
from hub.fulfilment.status import Execution, Negotiation
from hub.inventory.bound import hold_bound, take_bound
from hub.inventory.level import hold_still
from hub.inventory.quota import count_sold
from hub.merge.group import call_off
from hub.order.advance import advance
from hub.order.counters import give_back
from hub.order.lock import Locked
from hub.order.place.allocate import allocate
from hub.order.place.arrival import RULE, part_by_arrival
from hub.order.place.flash import hold_buyers
from hub.order.place.gift_later import settle_waiting
from hub.order.place.gift_main import GIFT_MAIN
from hub.order.place.need import Need, Plan
from hub.order.place.presold import count_waiting
from hub.order.place.record import each_fen
from hub.order.place.virtual import hand_over
from hub.order.place.write_holds import write_holds
from hub.order.rules.policy import Policy
from hub.sourcing.eligible import REJECTED
from hub.sourcing.location import find_places
from hub.sourcing.model import Want


def live_fulfilments(session: Session, order_id: int) -> list[int]:
    """Number the fulfilment orders that still reserve something, the first first."""
    found = rows(
        session,
        """select no from fulfilment_order
           where order_id = :id and execution not in ('closed', 'incomplete', 'cancelled') order by no""",
        id=order_id,
    )
    return [one.no for one in found]


def hold_orders(session: Session, order_ids: Collection[int]) -> None:
    """Lock the carts that orders will take and the counters of their SKUs, before a transaction books more than once.

    What a change that waits would add is of them, and what may stand in for a gift: they may be added in that
    transaction.
    """
    hold_buyers(session, order_ids)
    hold_bound(session, order_ids)
    found = rows(
        session,
        """select sku from order_line where order_id = any(:ids)
           union select jsonb_array_elements_text(one -> 'skus') from order_revision r
           cross join lateral jsonb_array_elements(r.added) one where r.order_id = any(:ids) and r.state = 'waiting'
           union select one ->> 'instead' from gift_decision d
           join gift_strategy s on (s.brand, s.name, s.no) = (d.brand, d.strategy, d.strategy_no)
           cross join lateral jsonb_array_elements(s.body -> 'gives') one
           where d.order_id = any(:ids) and one ->> 'instead' is not null""",
        ids=sorted(order_ids),
    )
    hold_still(session, {one.sku for one in found})


def open_pieces(session: Session, order_id: int, *, virtual: bool = False) -> dict[int, int]:
    """Give the pieces, by line, that no location has been given; `virtual` ones with them that were not handed over."""
    found = rows(
        session,
        """select line_no, ordered - allocated - shipped - cancelled as open from order_line
           where order_id = :id and kind <> 'bundle' and (storage <> 'none' or :virtual) order by line_no""",
        id=order_id,
        virtual=virtual,
    )
    return {line.line_no: line.open for line in found if line.open}


def need_for(
    session: Session,
    order: Locked,
    pieces: Mapping[int, int],
    at: datetime,
    elsewhere: Mapping[str, str],
    attempt: int = 1,
    replaces_no: int | None = None,
) -> Need:
    """Describe some open pieces of an order's lines for sourcing, with the goods' traits; `at` in the business zone.

    The locations that `elsewhere` has with the reason are barred.
    """
    found = rows(
        session,
        f"""select line_no, one.sku, one.storage, one.grams, gift, amount - discount as net, ordered, {TRAITS},
                   allocated + shipped > 0 as met, case when gift then ({GIFT_MAIN}) end as main_no
            from order_line one left join sku on sku.code = one.sku
            where order_id = :id and line_no = any(:lines) order by 1""",
        id=order.id,
        lines=list(pieces),
    )
    wants: list[Want] = []
    for line in found:
        traits = traits_of(line.traits)
        of_piece = (traits and traits.on(at.date()), each_fen(line.net, line.ordered), line.main_no or 0)
        wants.append(Want(line.line_no, line.sku, pieces[line.line_no], line.storage, line.grams, *of_piece))
    met = frozenset([line.line_no for line in found if line.met])
    return Need(order.id, order.brand, order.division, tuple(wants), attempt, replaces_no, elsewhere, met=met)


def barred(session: Session, order_id: int, *, short: bool = True) -> dict[str, str]:
    """Bar the locations that have rejected this order and, unless told otherwise, those that could not ship all."""
    found = rows(
        session,
        """select distinct location from fulfilment_order
           where order_id = :id and (negotiation = 'rejected' or :short and execution = 'incomplete')""",
        id=order_id,
        short=short,
    )
    return {one.location: REJECTED for one in found}


def barred_but(session: Session, location: str, reason: str) -> dict[str, str]:
    """Bar for a reason every location that is asked for orders, but one."""
    return {code: reason for code, place in find_places(session).items() if place.active and code != location}


def recall(session: Session, standing: Standing, reason: str, at: datetime) -> list[NewLine] | None:
    """Take back a fulfilment order that its location has certainly not heard of; None when it may have.

    Its pieces are free then, and open in the order. Their counters must be locked if more is booked after this.
    """
    if not call_off(session, standing, at):
        return None
    resolve_steps(session, standing.order_id, at)
    lines = end(standing, Negotiation.CANCEL_ACCEPTED, Execution.CANCELLED, reason, at)
    give_back(session, standing.order_id, {line.line_no: line.quantity for line in lines})
    return lines


def leave_to_come(session: Session, need: Need, policy: Policy, at: datetime) -> Need:
    """Leave out of a need what can only be sent later, and say until when it waits, and no longer of another day."""
    now, waits = part_by_arrival(need, at)
    there = rows(
        session,
        """select no, evidence ->> 'planned' as planned, evidence -> 'lines' as lines from order_hold
           where order_id = :id and rule = :rule and released_at is null order by no""",
        id=need.order_id,
        rule=RULE,
    )
    if not there and not waits:
        return now
    asked = {want.line_no for want in need.wants}
    days = {line: hold.evidence["planned"] for hold in waits for line in hold.evidence["lines"]}
    said = set[int]()
    for one in there:
        stay = [line for line in one.lines if line not in asked or days.get(line) == one.planned]
        said |= asked.intersection(stay)
        if stay != one.lines:
            _write_lines(session, need.order_id, one.no, stay, at)
    fresh = [(hold, [line for line in hold.evidence["lines"] if line not in said]) for hold in waits]
    told = [replace(hold, evidence={**hold.evidence, "lines": lines}) for hold, lines in fresh if lines]
    write_holds(session, {need.order_id: told}, policy.version, at)
    if waits:
        count_waiting(session, need.order_id, at.date())
    return now


def _write_lines(session: Session, order_id: int, no: int, lines: Sequence[int], at: datetime) -> None:
    """Write the lines that a hold of a day still has; it ends with the last."""
    run(
        session,
        """update order_hold
           set evidence = case when :over then evidence
                               else jsonb_set(evidence, '{lines}', to_jsonb(cast(:lines as bigint[]))) end,
               released_at = case when :over then cast(:at as timestamptz) end,
               released_by = case when :over then 'system' else '' end,
               reason = case when :over then 'the day was moved' else '' end
           where (order_id, no) = (:id, :no)""",
        id=order_id,
        no=no,
        over=not lines,
        lines=list(lines),
        at=at,
    )


def source_rest(
    session: Session,
    order: Locked,
    policy: Policy,
    at: datetime,
    lines: Collection[int] | None = None,
    elsewhere: Mapping[str, str] | None = None,
) -> Sequence[Plan]:
    """Source what is open of an order, or of some `lines` of it; a cart that waits for it is taken.

    Locations that have refused the order are barred, or those that `elsewhere` has with the reason. Gifts that ran out
    meanwhile are settled. `at` is in the business zone, whose day it is that lots expire by.
    """
    hand_over(session, [order.id], at)
    pieces = open_pieces(session, order.id)
    # A location that was only short may have been filled up since; one that refused the order is not asked again.
    refused = barred(session, order.id, short=False) if elsewhere is None else elsewhere
    pieces = pieces if lines is None else {no: n for no, n in pieces.items() if no in lines}
    if not pieces:
        return []
    need = leave_to_come(session, need_for(session, order, pieces, at, refused), policy, at)
    carts = take_bound(session, order.id, at)
    need, sold = settle_waiting(session, need, policy, at, carts)
    plans = allocate(session, [need], policy, at, carts)
    if sold:
        advance(session, order.id, at)  # a gift that was left out may have been the last that was open
    count_sold(session, {(order.shop, sku): n for sku, n in sold.items()})
    return plans
