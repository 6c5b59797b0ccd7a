"""Thresholds of stock alerts as people set them, and the alerts as people see them: each within a person's brands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy.orm import Session

from hub.audit import record
from hub.database import rows, run
from hub.errors import Malformed, NotFound
from hub.inventory.alert_table import AlertState
from hub.roles import Actor, Permission
from hub.scope import scope

MOST: Final = 1_000_000_000
"""The largest threshold: more pieces or days than anybody has."""

Key = tuple[str, str, str]
"""Brand, SKU and location: what tells thresholds apart."""

FIRST: Final[Key] = ("", "", "")
"""Before the first threshold."""


@dataclass(frozen=True, slots=True)
class RuleView:
    """A threshold: a location "" is all of them together, a SKU "" every SKU of the brand."""

    brand: str
    sku: str
    location: str
    below_pieces: int
    below_days: int

    @property
    def key(self) -> Key:
        return self.brand, self.sku, self.location


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert, open or closed, as the console lists it."""

    id: int
    brand: str
    sku: str
    title: str
    location: str
    kind: str
    state: str
    pieces: int
    threshold: int
    cover_days: Decimal | None
    opened_at: datetime
    closed_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None


def set_rule(session: Session, actor: Actor, rule: RuleView, at: datetime) -> None:
    """Set a threshold; 0 pieces or days is none, and it counts from the next movement or sweep on.

    Raises: Unauthorised; Malformed for a number below zero or beyond reason; NotFound when the brand has no such SKU
    or location, or the SKU is virtual, or a bundle, whose parts are counted.
    """
    actor.require(Permission.CONFIGURE)
    actor.require_scope(rule.brand, "")
    for name in ("below_pieces", "below_days"):
        if not 0 <= getattr(rule, name) <= MOST:
            raise Malformed(f"{name} is a whole number from 0 to {MOST}", code="threshold", field=name)
    _check(session, rule)
    run(
        session,
        """insert into stock_rule (brand, version, created_at, updated_at, sku, location, below_pieces, below_days)
           values (:brand, 1, :at, :at, :sku, :location, :pieces, :days)
           on conflict (brand, sku, location) do update set below_pieces = :pieces, below_days = :days,
               updated_at = :at, version = stock_rule.version + 1""",
        brand=rule.brand,
        sku=rule.sku,
        location=rule.location,
        pieces=rule.below_pieces,
        days=rule.below_days,
        at=at,
    )
    _record(session, actor, "stock.rule_set", rule, at)


def drop_rule(session: Session, actor: Actor, brand: str, sku: str, location: str, at: datetime) -> bool:
    """Take a threshold away, and say whether there was one.

    Raises: Unauthorised.
    """
    actor.require(Permission.CONFIGURE)
    actor.require_scope(brand, "")
    statement = "delete from stock_rule where (brand, sku, location) = (:brand, :sku, :location)"
    dropped = bool(run(session, statement, brand=brand, sku=sku, location=location))
    if dropped:
        _record(session, actor, "stock.rule_dropped", RuleView(brand, sku, location, 0, 0), at)
    return dropped


def list_rules(session: Session, actor: Actor, after: Key = FIRST, limit: int = 50) -> Sequence[RuleView]:
    """Give the thresholds of an actor's brands, a page at a time: `after` names the last of the page before."""
    found = rows(
        session,
        """select brand, sku, location, below_pieces, below_days from stock_rule
           where (:every_brand or brand = any(:brands)) and (brand, sku, location) > (:brand, :sku, :location)
           order by brand, sku, location limit :limit""",
        **dict(zip(("brand", "sku", "location"), after, strict=True)),
        limit=limit,
        **_brands(actor),
    )
    return [RuleView(*one) for one in found]


def list_alerts(
    session: Session, actor: Actor, state: AlertState = AlertState.OPEN, before: int | None = None, limit: int = 50
) -> Sequence[AlertView]:
    """Give alerts of an actor's brands, the newest first, a page at a time: `before` is the last id of the page before.

    Raises: Unauthorised.
    """
    actor.require(Permission.SEE_ORDERS)
    found = rows(
        session,
        """select alert.id, alert.brand, alert.sku, sku.title, alert.location, alert.kind, alert.state, alert.pieces,
                  alert.threshold, alert.cover_days, alert.created_at, alert.closed_at, alert.acknowledged_at,
                  alert.acknowledged_by
           from stock_alert alert join sku on sku.code = alert.sku
           where alert.state = :state and (:every_brand or alert.brand = any(:brands))
             and (cast(:before as bigint) is null or alert.id < :before)
           order by alert.id desc limit :limit""",
        state=state,
        before=before,
        limit=limit,
        **_brands(actor),
    )
    return [AlertView(*one) for one in found]


def _check(session: Session, rule: RuleView) -> None:
    """Make sure that there is what a threshold is to watch: one of a mistyped SKU would never be heard of.

    Raises: NotFound.
    """
    (found,) = rows(
        session,
        """select :sku = '' or exists (
                      select from sku where (code, brand) = (:sku, :brand) and not bundle
                                        and storage <> 'none') as counted,
                  :location = '' or exists (
                      select from location where (code, brand) = (:location, :brand)) as placed""",
        sku=rule.sku,
        location=rule.location,
        brand=rule.brand,
    )
    if not found.counted:
        text = f"{rule.brand} has no SKU {rule.sku} that is counted"
        raise NotFound(text, code="unknown_sku", field="sku", zh=f"品牌 {rule.brand} 没有可计数的 SKU {rule.sku}")
    if not found.placed:
        text = f"{rule.brand} has no location {rule.location}"
        raise NotFound(
            text, code="unknown_location", field="location", zh=f"品牌 {rule.brand} 没有仓库 {rule.location}"
        )


def _brands(actor: Actor) -> dict[str, object]:
    values = scope(actor)
    return {name: values[name] for name in ("every_brand", "brands")}


def _record(session: Session, actor: Actor, act: str, rule: RuleView, at: datetime) -> None:
    record(
        session,
        at,
        actor.name,
        act,
        f"sku:{rule.sku}",
        brand=rule.brand,
        location=rule.location,
        below_pieces=rule.below_pieces,
        below_days=rule.below_days,
    )
