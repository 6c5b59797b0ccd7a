"""A guard against mass delisting: a broken count must not take a whole shop off sale before a person has looked."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from hub.audit import record
from hub.cases import NewCase, open_cases, resolve
from hub.database import row, rows, run
from hub.settings import Stock

CAUSE: Final = "stock_push"

PASS: Final = timedelta(minutes=10)
"""How long zeros pass unasked after a person has let some pass."""


class Shift(NamedTuple):
    """What one look would change in a shop: how many SKUs go to zero, and how many it is told of for the first time."""

    zeros: int
    fresh: int


def holds(session: Session, connection: str, brand: str, shift: Shift, stock: Stock, at: datetime) -> bool:
    """Say whether so many zeros more are too many to be believed, and call a person if they are."""
    guard = row(session, "select * from stock_guard where connection = :connection", connection=connection)
    passed = guard.passed_until if guard else None
    if passed and at < passed:
        return False
    if not (guard and guard.held_at):
        since = at - timedelta(seconds=stock.guard_window_s)
        if not _is_mass(session, connection, shift, stock, max(since, passed or since)):
            return False
    run(
        session,
        """insert into stock_guard (connection, held_at) values (:connection, :at)
           on conflict (connection) do update set held_at = coalesce(stock_guard.held_at, :at)""",
        connection=connection,
        at=at,
    )
    message = f"{connection}: {shift.zeros} SKUs would go to zero at once and are held back"
    _call(session, subject_of(connection), connection, brand, message, at)
    return True


def let_pass(session: Session, actor_name: str, connection: str, at: datetime) -> int:
    """Let a shop be told the zeros that were held back, and those of the next while; give of how many SKUs."""
    statement = "select sku from stock_offer where connection = :connection and held order by sku for update"
    skus = [one.sku for one in rows(session, statement, connection=connection)]
    run(
        session,
        """update stock_offer set held = false, due = told is distinct from offered or asking, zero_at = :at
           where connection = :connection and sku = any(:skus)""",
        connection=connection,
        skus=skus,
        at=at,
    )
    run(
        session,
        """insert into stock_guard (connection, passed_until) values (:connection, :until)
           on conflict (connection) do update set held_at = null, passed_until = :until""",
        connection=connection,
        until=at + PASS,
    )
    resolve(session, subject_of(connection), at, actor_name, "let pass", CAUSE)
    record(session, at, actor_name, "stock.let_pass", f"connection:{connection}", skus=len(skus))
    return len(skus)


def watch_holds(session: Session, connections: Sequence[str], at: datetime) -> None:
    """Let pass what a person has closed the case of, and end a hold whose numbers have come back by themselves."""
    found = rows(
        session,
        """select guard.connection,
                  exists (select 1 from stock_offer offer
                          where offer.connection = guard.connection and offer.held) as waits,
                  last.state, last.resolved_by
           from stock_guard guard left join lateral (
               select state, resolved_by from case_file
               where cause = :cause and subject = 'stock:' || guard.connection order by id desc limit 1) last on true
           where guard.connection = any(:connections) and guard.held_at is not null order by 1""",
        cause=CAUSE,
        connections=list(connections),
    )
    for one in found:
        if not one.waits:
            run(session, "update stock_guard set held_at = null where connection = :name", name=one.connection)
            resolve(session, subject_of(one.connection), at, "system", "the numbers came back", CAUSE)
        elif one.state != "open":
            let_pass(session, one.resolved_by or "system", one.connection, at)


def watch_refusals(session: Session, connection: str, brand: str, at: datetime) -> None:
    """Call a person to SKUs whose numbers a channel does not take, and take that back when it does."""
    statement = """select sku, refused from stock_offer where connection = :connection and refused <> ''
                   order by sku limit 5"""
    found = rows(session, statement, connection=connection)
    _, subject = subjects_of(connection)
    statement = "select 1 from case_file where cause = :cause and subject = :subject and state = 'open'"
    known = row(session, statement, cause=CAUSE, subject=subject)
    if found and known is None:
        named = ", ".join(f"{one.sku} ({one.refused})" for one in found)
        _call(session, subject, connection, brand, f"{connection} refuses the stock of {named}", at)
    elif known is not None and not found:
        resolve(session, subject, at, "system", "the channel takes them", CAUSE)


def subject_of(connection: str) -> str:
    """Name the case under which a shop's zeros are held back."""
    return f"stock:{connection}"


def subjects_of(connection: str) -> tuple[str, str]:
    """Name the cases of a shop's numbers: of zeros that are held back, and of those that it refuses."""
    return subject_of(connection), f"refusals:{connection}"


def _call(session: Session, subject: str, connection: str, brand: str, message: str, at: datetime) -> None:
    open_cases(session, [NewCase(CAUSE, subject, brand, message, None, {"connection": connection})], at)


def _is_mass(session: Session, connection: str, shift: Shift, stock: Stock, since: datetime) -> bool:
    """Say whether too many go to zero, with those that have `since`: what a person let pass before is none of them."""
    statement = """select count(*) as n from stock_offer
                   where connection = :connection and not held and zero_at > :since"""
    gone = row(session, statement, connection=connection, since=since)
    zeros = shift.zeros + (gone.n if gone else 0)
    if zeros < stock.guard_least:
        return False
    statement = """select count(*) as n from stock_offer
                   where connection = :connection and (told > 0 or told is null or asking or zero_at > :since)"""
    selling = row(session, statement, connection=connection, since=since)
    return zeros * 100 > stock.guard_percent * ((selling.n if selling else 0) + shift.fresh)
