"""Calls that died and messages that wait, and those who may or may not do something about it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from hub import replay_work
from hub.cases import NewCase, open_cases
from hub.database import row, rows, run
from hub.inbox import InboxState, keep, read, settle
from hub.roles import Actor, Role
from hub.settings import Connection, OperationsClient, Settings
from tests.hub.making import BRAND, order, placed, stock

PHONE = "10000000042"
OPERATOR = Actor("op", frozenset({Role.OPERATOR}))
SUPERVISOR = Actor("boss", frozenset({Role.SUPERVISOR}))
VIEWER = Actor("eye", frozenset({Role.VIEWER}))
STRANGER = Actor("stranger", frozenset({Role.SUPERVISOR}), frozenset({"other"}))
NEIGHBOUR = Actor("neighbour", frozenset({Role.SUPERVISOR}), frozenset({BRAND}), frozenset({"h5"}))
SETTINGS = Settings(
    connections={
        f"mall-{shop}": Connection(kind="channels.storefront", brand=BRAND, shop=shop) for shop in ("pc", "h5")
    },
    operations={"night": OperationsClient(role=Role.SUPERVISOR), "day": OperationsClient(role=Role.OPERATOR)},
)


def let_in(session: Session, actor: Actor, at: datetime) -> None:
    """Let somebody in as they are now, in place of what they were."""
    run(
        session,
        """insert into person (name, display, password, roles, brands, shops, active, language, theme,
                               created_at, updated_at)
           values (:name, :name, '', :roles, :brands, :shops, true, '', 'auto', :at, :at)
           on conflict (name) do update set roles = excluded.roles, brands = excluded.brands, shops = excluded.shops""",
        name=actor.name,
        roles=sorted(actor.roles),
        brands=sorted(actor.brands),
        shops=sorted(actor.shops),
        at=at,
    )


def work_off(session: Session, at: datetime) -> int:
    """Do a portion of a job, as the worker's schedule does."""
    return replay_work.work_off(session, at, SETTINGS)


def dead_step(session: Session, at: datetime, number: str = "T1", error: str = "http_400") -> int:
    """Place an order whose delivery was refused for good."""
    stock(session, {"sh": {"apple": 100}}, f"ASN-{number}")
    order_id = placed(session, order({"apple": 1}, number))
    found = rows(
        session,
        """update step set state = 'dead', attempts = 12, token = 1, settled_at = :at, last_error = 'refused'
           where order_id = :id returning id""",
        at=at,
        id=order_id,
    )[0]
    run(
        session,
        """insert into attempt (step_id, token, started_at, finished_at, outcome, error_code, error)
           values (:id, 1, :at, :at, 'dead', :error, 'refused')""",
        id=found.id,
        at=at,
        error=error,
    )
    open_cases(session, [NewCase("step_dead", f"step:{found.id}", BRAND, "x", order_id, {"step": found.id})], at)
    return found.id


def parked(session: Session, at: datetime, codes: str = "new", connection: str = "mall-pc") -> int:
    """Keep a message that waits for codes to be bound."""
    number = row(session, "select count(*) as n from inbox_key")
    inbox_id, _ = keep(session, connection, "order", f"m{number.n if number else 0}", b"{}", at)
    error = f"nothing in the catalogue is bound to {codes}"
    settle(session, read(session, inbox_id), InboxState.PARKED, at, code="unknown_sku", error=error)
    case = NewCase("unknown_sku", f"inbox:{inbox_id}", BRAND, f"{connection}: {error}", None, {"inbox": inbox_id})
    open_cases(session, [case], at)
    return inbox_id


def audited(session: Session, act: str) -> list[Mapping[str, Any]]:
    return [one.detail for one in rows(session, "select detail from audit_entry where act = :act order by id", act=act)]


def state_of(session: Session, step_id: int) -> str:
    found = row(session, "select state from step where id = :id", id=step_id)
    return found.state if found else ""
