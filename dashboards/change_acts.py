"""What a person may have changed about an order: each act with its words, its fields, and what it does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from dashboards.change_form import ChangeForm
from dashboards.texts import N_
from dashboards.visit import Visit
from hub.aftersale.ask import ask_return
from hub.aftersale.exchange import exchange_for
from hub.aftersale.wish import Terms
from hub.aftersale.wish import Wish as ReturnWish
from hub.errors import Conflict, Malformed
from hub.order.amend import amend
from hub.order.change.begin import change, reroute
from hub.order.change.cancel import cancel
from hub.order.change.channel import decide
from hub.order.change.due import check_charge
from hub.order.change.follow_up import Again, follow_up
from hub.order.change.revision import Author, Contents, Wish
from hub.order.change.wanted import pieces_of, wish_lines
from hub.order.model import OrderType
from hub.order.reread import reread
from hub.order.ship.intercept import ask_intercept
from hub.order.trace.head import Head

LIVE: Final = frozenset({"accepted", "in_fulfilment"})


@dataclass(frozen=True, slots=True)
class Act:
    """One act: its msgids, the template of its fields, whether an order is offered it, and what it does.

    `do` gives the id of another order that it has made, if any. `strong` acts end or undo something.
    """

    label: str
    note: str
    icon: str
    fields: str
    fits: Callable[[Head], bool]
    do: Callable[[Visit, int, ChangeForm], int | None]
    strong: bool = False


def _changes(head: Head) -> bool:
    return head.lifecycle in LIVE and any(line.ordered > line.shipped + line.cancelled for line in head.lines)


def _whole(head: Head) -> bool:
    sent = any(line.shipped for line in head.lines if line.storage != "none")
    return _changes(head) and not sent


def _asked(head: Head) -> bool:
    return any(one.cause == "change_asked" for one in head.open_cases)


def _left(head: Head) -> bool:
    return any(line.shipped for line in head.lines)


def _author(visit: Visit, form: ChangeForm) -> Author:
    return Author(visit.actor.name, form.why)


def _change(visit: Visit, order_id: int, form: ChangeForm, wish: Wish) -> None:
    change(visit.session, order_id, wish, _author(visit, form), visit.at.astimezone(visit.zone))


def change_address(visit: Visit, order_id: int, form: ChangeForm) -> None:
    old = reread(visit.session, order_id).order.receiver
    _change(visit, order_id, form, Wish(contents=amend(old, form.receiver, None)))


def change_remark(visit: Visit, order_id: int, form: ChangeForm) -> None:
    """Write the remark anew; an empty one takes it away."""
    old = reread(visit.session, order_id).order
    said = form.remark.replace("\r\n", "\n").strip()
    if said == old.remark:
        raise Conflict("the remark says so already", code="nothing_to_change", field="remark")
    _change(visit, order_id, form, Wish(contents=Contents(remark=amend(old.receiver, {}, said).remark)))


def change_goods(visit: Visit, order_id: int, form: ChangeForm) -> None:
    """Have each line as it is wanted; an order that has it so already is no change."""
    pieces, added = wish_lines(visit.session, order_id, list(form.wanted()))
    if added:
        check_charge(form.charge, visit.console.settings.orders.charges)
    _change(visit, order_id, form, Wish(pieces=pieces, added=added, charge=form.charge))


def decide_change(visit: Visit, order_id: int, form: ChangeForm) -> None:
    if not form.take:
        raise Malformed("say whose word counts", code="nothing_to_change", field="take")
    here = visit.at.astimezone(visit.zone)
    decide(visit.session, order_id, _author(visit, form), here, take=form.take == "take")


def cancel_pieces(visit: Visit, order_id: int, form: ChangeForm) -> None:
    _change(visit, order_id, form, Wish(pieces=pieces_of(visit.session, order_id, form.pieces)))


def cancel_order(visit: Visit, order_id: int, form: ChangeForm) -> None:
    # the whole act, its answers and its refunds, is of the business day
    here, keep = visit.at.astimezone(visit.zone), form.by == "buyer" and visit.console.settings.orders.deposit == "keep"
    cancel(visit.session, order_id, visit.actor.name, form.why, here, keep_deposit=keep)


def reroute_order(visit: Visit, order_id: int, form: ChangeForm) -> None:
    wish = Wish(route=form.no, target=form.to.strip())
    reroute(visit.session, order_id, wish, _author(visit, form), visit.at.astimezone(visit.zone))


def send_again(visit: Visit, order_id: int, form: ChangeForm) -> int:
    return _follow(visit, order_id, form, OrderType.RESHIP)


def exchange(visit: Visit, order_id: int, form: ChangeForm) -> int:
    if not form.back:
        return _follow(visit, order_id, form, OrderType.EXCHANGE)
    wanted, here = [Again(*one) for one in form.lines()], visit.at.astimezone(visit.zone)
    return exchange_for(visit.session, order_id, form.back, wanted, _author(visit, form), here, visit.zone)


def _follow(visit: Visit, order_id: int, form: ChangeForm, kind: OrderType) -> int:
    wanted = [Again(line, n, sku if kind is OrderType.EXCHANGE else "") for line, n, sku in form.lines()]
    here = visit.at.astimezone(visit.zone)
    return follow_up(visit.session, order_id, kind, wanted, _author(visit, form), here, visit.zone)


def take_back(visit: Visit, order_id: int, form: ChangeForm) -> None:
    wish = ReturnWish(form.kind, list(form.pieces.items()), form.fault, form.why, form.to.strip())
    terms = Terms.of(visit.console.settings.orders)
    ask_return(visit.session, order_id, wish, visit.actor.name, terms, visit.at)


def intercept(visit: Visit, order_id: int, form: ChangeForm) -> None:
    ask_intercept(visit.session, order_id, visit.actor.name, form.why, visit.at)


ACTS: Final[Mapping[str, Act]] = {
    # One entry each, in the order of the menu; add yours with a template of its fields.
    "decide": Act(
        N_("Decide on the channel's change"),
        N_("The channel and somebody here have changed the same. What is taken is done like any other change."),
        "adjustments",
        "change_decide.html",
        _asked,
        decide_change,
    ),
    "goods": Act(
        N_("Change the goods"),
        N_("More pieces, a further line, or other goods in their place."),
        "shopping-bag",
        "change_goods.html",
        _changes,
        change_goods,
    ),
    "address": Act(
        N_("Change the address"),
        N_("What is left empty stays as it is. The order is judged and sourced again."),
        "map-pin",
        "change_address.html",
        _changes,
        change_address,
    ),
    "remark": Act(
        N_("Change the remark"),
        N_("The new remark takes the place of the old one; empty takes it away."),
        "message",
        "change_remark.html",
        _changes,
        change_remark,
    ),
    "reroute": Act(
        N_("Ship from elsewhere"),
        N_("What is chosen is taken back and sourced again; the decision is explained like any other."),
        "route",
        "change_route.html",
        _changes,
        reroute_order,
    ),
    "pieces": Act(
        N_("Cancel some pieces"),
        N_("Stock is given back, and the money that the pieces bear."),
        "circle-x",
        "change_pieces.html",
        _changes,
        cancel_pieces,
        strong=True,
    ),
    "cancel": Act(
        N_("Cancel the order"),
        N_("Stock is given back. Where a warehouse has begun, it is asked first."),
        "circle-x",
        "change_cancel.html",
        _whole,
        cancel_order,
        strong=True,
    ),
    "reship": Act(
        N_("Send once more"),
        N_("An order of its own to the same receiver, free of charge, of no more than was shipped."),
        "package",
        "change_again.html",
        _left,
        send_again,
    ),
    "exchange": Act(
        N_("Send in exchange"),
        N_("An order of its own to the same receiver, free of charge: other goods for what was shipped."),
        "rotate-clockwise",
        "change_again.html",
        _left,
        exchange,
    ),
    "return": Act(
        N_("Take goods back"),
        N_("Shipped goods come back, or their money alone goes back; somebody approves it on this page."),
        "truck",
        "change_return.html",
        _left,
        take_back,
    ),
    "intercept": Act(
        N_("Stop the parcels"),
        N_("Connected couriers are asked to bring back what is under way; for the others a case calls somebody."),
        "hand-stop",
        "change_nothing.html",
        _left,
        intercept,
        strong=True,
    ),
}
