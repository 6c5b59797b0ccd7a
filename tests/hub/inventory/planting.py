"""Faults to plant, and what finds them: acts of the machine, and the daily check, where it can tell."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pytest
from sqlalchemy.orm import Session

from hub.asks import Ask, Asks
from hub.database import Database, run
from hub.inventory import count, free, hot, ledger, lot_block, reserve, soft
from hub.inventory.count_page import Page
from hub.inventory.counted import ReportLine
from hub.inventory.fold import Since
from hub.inventory.ledger import Movement, StockKey
from hub.inventory.reconcile import BOUNDS, HELD, LEDGER
from hub.inventory.table import Reason

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch, Database], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault; it `breaks` a rule of the daily check, and may show only where connections are killed (`cuts`)."""

    plant: Plant
    acts: tuple[str, ...]
    breaks: str = ""
    cuts: bool = False


def _sql(database: Database, *statements: str) -> None:
    with database.transaction() as session:
        for statement in statements:
            run(session, statement)


def _drop_check(patch: Patch, database: Database) -> None:
    _say_that_all_fits(patch, database)
    _sql(database, "alter table stock_level drop constraint ck_stock_level_never_oversold")


def _say_that_all_fits(patch: Patch, _database: Database) -> None:
    """Book whatever is wished of a counter."""
    first, last = "where level.on_hand + wish.on_hand >= 0", "level.backorder_limit + level.short\n    order"
    for name in ("FITTING", "CHANGE"):
        before, _, rest = getattr(ledger, name).partition(first)
        patch.setattr(ledger, name, f"{before} order {rest.partition(last)[2]}")


def _book_without_counter(_patch: Patch, database: Database) -> None:
    _sql(
        database,
        """create function keep_as_it_was() returns trigger language plpgsql as 'begin return old; end'""",
        "create trigger planted before update on stock_level for each row execute function keep_as_it_was()",
    )


def _count_without_ledger(_patch: Patch, database: Database) -> None:
    _sql(
        database,
        """create function forget() returns trigger language plpgsql
           set session_replication_role = replica
           as 'begin delete from stock_movement where id = new.id; return null; end'""",
        "create trigger planted after insert on stock_movement for each row execute function forget()",
    )


def _consume_twice(_patch: Patch, database: Database) -> None:
    _sql(database, "alter table stock_movement_key drop constraint pk_stock_movement_key")


def _leave_out(module: Any, reason: Reason) -> Plant:  # noqa: ANN401 # a module that books
    def plant(patch: Patch, _database: Database) -> None:
        kept = module.post

        def lazy(session: Session, movements: Sequence[Movement], *rest: Any, **named: Any) -> None:  # noqa: ANN401 # as post's
            kept(session, [one for one in movements if one.reason is not reason], *rest, **named)

        patch.setattr(module, "post", lazy)

    return plant


def _take_after_the_end(patch: Patch, _database: Database) -> None:
    taken = changed(soft.rows, "r.state = 'held' and r.order_id is null", "true", among="order_id = wanted.order_id")
    held = "and reservation.state = 'held' returning"
    patch.setattr(soft, "rows", changed(taken, held, "returning", among="order_id = wanted.order_id"))


def _hold_in_another_transaction(patch: Patch, database: Database) -> None:
    """Book what a cart holds, and commit it, before the cart itself is."""
    kept = soft.post

    def early(session: Session, movements: Sequence[Movement], *rest: Any, **named: Any) -> None:  # noqa: ANN401 # as post's
        if any(one.reason is Reason.HOLD for one in movements):
            with database.transaction() as other:
                kept(other, movements, *rest, **named)
        else:
            kept(session, movements, *rest, **named)

    patch.setattr(soft, "post", early)


def _always(make: Callable[[], object]) -> Callable[..., object]:
    """Give a function that makes the same of everything."""

    def made(*_: object) -> object:
        return make()

    return made


def _all_lines(_session: Session, page: Page, *, as_told: bool) -> tuple[list[ReportLine], list[str]]:
    assert as_told
    return list(page.report.lines), []


def _book_reports_again(patch: Patch, _database: Database) -> None:
    """Forget which lines came before, and call their movements otherwise."""
    patch.setattr(count, "without_known", _all_lines)
    patch.setattr(count, "write_lines", _always(lambda: None))
    numbers = iter(range(10**9))
    patch.setattr(count, "ref_of", _always(lambda: f"again:{next(numbers)}"))


def _believe_old_counts(patch: Patch, _database: Database) -> None:
    patch.setattr(count, "marks_of", _always(dict[StockKey, datetime]))


def _forget_later_changes(patch: Patch, _database: Database) -> None:
    patch.setattr(count, "read_since", _always(Since))


def _keep_carts(patch: Patch, _database: Database) -> None:
    patch.setattr(count, "let_carts_go", _always(list[Movement]))


def _offer_what_has_expired(patch: Patch, _database: Database) -> None:
    patch.setattr(free, "Ask", asked(free.Ask, "coalesce(unsold.pieces, 0)", "0", among="unsold.pieces"))
    patch.setattr(free, "rows", changed(free.rows, "coalesce(unsold.pieces, 0)", "0", among="unsold.pieces"))


def _offer_what_is_blocked(patch: Patch, _database: Database) -> None:
    old, new = "where block.sku", "where false and block.sku"
    patch.setattr(free, "Ask", asked(free.Ask, old, new, among="lot_block"))
    patch.setattr(free, "rows", changed(free.rows, old, new, among="lot_block"))


def _keep_carts_of_what_is_blocked(patch: Patch, _database: Database) -> None:
    patch.setattr(lot_block, "let_carts_go", _always(list[Movement]))


def _promise_what_has_expired(patch: Patch, _database: Database) -> None:
    patch.setattr(reserve, "ask_good", _has_nothing)


def _forget_what_carts_hold(patch: Patch, _database: Database) -> None:
    patch.setattr(soft, "count_carts", _always(lambda: None))


def _forget_buyers(patch: Patch, _database: Database) -> None:
    patch.setattr(hot, "ask_had", _has_nothing)


def _has_nothing(*_: object, **__: object) -> Asks[Counter[bytes]]:
    yield []
    return Counter()


FAULTS: Final[dict[str, Fault]] = {
    "a table without its check, and a booking that trusts it": Fault(_drop_check, ("reserve", "hold"), BOUNDS),
    "a booking that leaves it to the table's check": Fault(_say_that_all_fits, ("reserve", "hold")),
    "a cart let go that gives nothing back": Fault(_leave_out(soft, Reason.UNHOLD), ("hold", "release_cart"), HELD),
    "an expiry that gives nothing back": Fault(_leave_out(soft, Reason.EXPIRE), ("hold", "expire"), HELD),
    "an order given up that gives nothing back": Fault(_leave_out(reserve, Reason.RELEASE), ("reserve", "end_promise")),
    "pieces that are consumed twice": Fault(_consume_twice, ("receive", "reserve", "end_promise", "consume_again")),
    "a payment that takes what has expired": Fault(_take_after_the_end, ("hold", "release_cart", "pay")),
    "a ledger without its counter": Fault(_book_without_counter, ("receive", "adjust"), LEDGER),
    "a counter without its ledger": Fault(_count_without_ledger, ("receive", "adjust"), LEDGER),
    "a cart and its pieces in two transactions": Fault(_hold_in_another_transaction, ("hold",), HELD, cuts=True),
    "a report that is booked whenever it comes": Fault(_book_reports_again, ("count", "send_page")),
    "a count that is older than what is known": Fault(_believe_old_counts, ("count", "send_page")),
    "a late count that takes back what has changed since": Fault(_forget_later_changes, ("count", "send_page")),
    "a shortfall that leaves carts alone": Fault(_keep_carts, ("hold", "count")),
    "an expired lot that is offered": Fault(_offer_what_has_expired, ("count",)),
    "an expired lot that is promised to an order": Fault(_promise_what_has_expired, ("count", "reserve")),
    "a blocked lot that is offered": Fault(_offer_what_is_blocked, ("count", "block")),
    "a block that leaves carts alone": Fault(_keep_carts_of_what_is_blocked, ("hold", "count", "block")),
    "a quota that is not given back": Fault(_forget_what_carts_hold, ("hold", "share", "release_cart")),
    "a buyer who gets more than the sale gives": Fault(_forget_buyers, ("heat", "sell")),
}


def changed(kept: Callable[..., Any], old: str, new: str, *, among: str = "") -> Callable[..., Any]:
    """Give a way to run SQL that changes some words of the statements with `among`; it must find them there."""

    def run_changed(session: Session, statement: str, **values: object) -> Any:  # noqa: ANN401 # as rows'
        return kept(session, _spoilt(statement, old, new, among), **values)

    return run_changed


def asked(kept: type[Ask], old: str, new: str, *, among: str) -> Callable[[str, Mapping[str, object]], Ask]:
    """Give a way to ask that changes some words, as `changed` does."""

    def ask_changed(statement: str, values: Mapping[str, object]) -> Ask:
        return kept(_spoilt(statement, old, new, among), values)

    return ask_changed


def _spoilt(statement: str, old: str, new: str, among: str) -> str:
    if among not in statement or not (among or old in statement):
        return statement
    if old not in statement:
        raise LookupError("the statement has changed: plant this fault anew")  # no AssertionError: that is a report
    return statement.replace(old, new)
