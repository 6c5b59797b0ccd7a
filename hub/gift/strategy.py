"""Strategies as people keep them: drafted, put in force, retired, each act audited; and those that are followed now."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from pydantic import ValidationError
from sqlalchemy.orm import Session

from hub.audit import plain, record
from hub.database import records, row, rows, run
from hub.errors import Conflict, Malformed, NotFound
from hub.gift.model import Rule, Strategy
from hub.roles import Actor, Permission
from hub.scope import scope
from hub.trials import TrialKind, require_trial
from hub.turns import take_turns
from hub.unfit import malformed
from hub.versions import VersionState

REMEMBERED: Final = "gift.rules"

SPACE: Final = 7_105
"""The space of turns at strategies, by their brands and names."""


def rules_of(session: Session, brands: Collection[str]) -> Mapping[str, Sequence[Rule]]:
    """Give the rules in force of brands that have some; a transaction asks once and remembers."""
    known = cast("dict[str, list[Rule]]", session.info.setdefault(REMEMBERED, {}))
    if unknown := set(brands) - known.keys():
        known |= {brand: [] for brand in unknown}
        found = rows(
            session,
            "select brand, no, body from gift_strategy where state = 'in_force' and brand = any(:brands) order by name",
            brands=sorted(unknown),
        )
        for one in found:
            known[one.brand].append(Rule(Strategy.model_validate(one.body), one.no))
    return {brand: known[brand] for brand in brands if known[brand]}


def list_strategies(session: Session, actor: Actor, brand: str = "") -> list[dict[str, Any]]:
    """Give every version that an actor may see, with what limited ones have given, the newest of each first."""
    actor.require(Permission.SEE_ORDERS)
    return records(
        session,
        """select s.brand, s.name, s.no, s.state, s.body, s.updated_at, c.orders, c.pieces
           from gift_strategy s left join gift_counter c using (brand, name)
           where (:every_brand or s.brand = any(:brands)) and (:brand = '' or s.brand = :brand)
           order by s.brand, s.name, s.no desc""",
        brand=brand,
        **scope(actor),
    )


def draft(session: Session, actor: Actor, strategy: Strategy, at: datetime) -> int:
    """Write the next version of a strategy; a draft of it that is not in force yet is retired. Give its number.

    Raises: Unauthorised; Malformed when something that is given is no piece of goods of the brand, or what must be
    bought none that it sells.
    """
    _require(actor, strategy.brand)
    _check_goods(session, strategy)
    _take_turn(session, strategy.brand, strategy.name)
    _move(session, strategy.brand, strategy.name, VersionState.DRAFT, VersionState.RETIRED, at)
    found = row(
        session,
        """insert into gift_strategy (brand, version, created_at, updated_at, name, no, state, body)
           select :brand, 1, :at, :at, :name, coalesce(max(no), 0) + 1, 'draft', cast(:body as jsonb)
           from gift_strategy where (brand, name) = (:brand, :name) returning no""",
        brand=strategy.brand,
        name=strategy.name,
        at=at,
        body=strategy.model_dump_json(),
    )
    no: int = found.no if found else 0
    _record(session, actor, "gift.draft", strategy.brand, strategy.name, no, at)
    return no


def publish(session: Session, actor: Actor, brand: str, name: str, no: int, at: datetime, *, untried: str = "") -> None:
    """Put a draft in force, and retire what was before; the one who has read it names its number.

    Raises: Unauthorised; NotFound; Conflict when that version is no draft (strategy_state), or was not tried as it
    stands and nobody says why it goes in force `untried`.
    """
    _require(actor, brand)
    _take_turn(session, brand, name)
    statement = "select state, body from gift_strategy where (brand, name, no) = (:brand, :name, :no)"
    found = row(session, statement, brand=brand, name=name, no=no)
    if found is None:
        raise NotFound(f"{brand} has no version {no} of {name}", code="unknown_strategy", field="name")
    if found.state != VersionState.DRAFT:
        told = f"version {no} of {name} of {brand} is {found.state}: draft it anew"
        raise Conflict(told, code="strategy_state", field="name")
    said = Strategy.model_validate(found.body).model_dump_json()
    more = require_trial(session, TrialKind.GIFT, said, untried)
    _retire(session, brand, name, at)
    _move(session, brand, name, VersionState.DRAFT, VersionState.IN_FORCE, at)
    run(
        session,
        "insert into gift_counter (brand, name, orders, pieces) values (:brand, :name, 0, 0) on conflict do nothing",
        brand=brand,
        name=name,
    )
    _record(session, actor, "gift.publish", brand, name, no, at, **more)


def retire(session: Session, actor: Actor, brand: str, name: str, at: datetime, reason: str = "") -> int:
    """Follow a strategy no more; give the number of the version that was in force. The `reason` is audited.

    Raises: Unauthorised; Conflict when none is.
    """
    _require(actor, brand)
    _take_turn(session, brand, name)
    no = _retire(session, brand, name, at)
    if no is None:
        raise Conflict(f"no version of {name} of {brand} is in force", code="strategy_state", field="name")
    _record(session, actor, "gift.retire", brand, name, no, at, reason=plain(reason))
    return no


def get_strategy(session: Session, brand: str, name: str) -> Rule:
    """Give the draft of a strategy, else its newest version.

    Raises: NotFound.
    """
    found = row(
        session,
        "select no, body from gift_strategy where (brand, name) = (:brand, :name) order by no desc limit 1",
        brand=brand,
        name=name,
    )
    if found is None:
        raise NotFound(f"{brand} has no strategy {name}", code="unknown_strategy", field="name")
    return Rule(Strategy.model_validate(found.body), found.no)


def read_strategy(written: bytes) -> Strategy:
    """Read a strategy from JSON.

    Raises: Malformed naming the first field that is wrong.
    """
    try:
        return Strategy.model_validate_json(written)
    except ValidationError as error:
        raise malformed(error, "malformed_strategy", whole="strategy") from error


def _require(actor: Actor, brand: str) -> None:
    actor.require(Permission.CONFIGURE)
    actor.require_scope(brand, "")


def _take_turn(session: Session, brand: str, name: str) -> None:
    """Have a strategy's versions for oneself until the transaction ends."""
    take_turns(session, SPACE, [f"{brand}/{name}"])


def _check_goods(session: Session, strategy: Strategy) -> None:
    given = {sku for give in strategy.gives for sku in (give.sku, give.instead) if sku}
    found = rows(
        session,
        "select code, bundle from sku where code = any(:skus) and brand = :brand",
        skus=sorted(given.union(strategy.skus)),
        brand=strategy.brand,
    )
    if missing := given - {one.code for one in found if not one.bundle}:
        told = ", ".join(sorted(missing))
        raise Malformed(f"{strategy.brand} has no goods to give of {told}", code="unknown_sku", field="gives")
    if missing := set(strategy.skus) - {one.code for one in found}:
        told = ", ".join(sorted(missing))
        raise Malformed(f"{strategy.brand} sells nothing of {told}", code="unknown_sku", field="skus")


def _retire(session: Session, brand: str, name: str, at: datetime) -> int | None:
    return _move(session, brand, name, VersionState.IN_FORCE, VersionState.RETIRED, at)


def _move(
    session: Session, brand: str, name: str, before: VersionState, after: VersionState, at: datetime
) -> int | None:
    session.info.pop(REMEMBERED, None)
    found = row(
        session,
        """update gift_strategy set state = :after, updated_at = :at, version = version + 1
           where (brand, name, state) = (:brand, :name, :before) returning no""",
        brand=brand,
        name=name,
        before=before,
        after=after,
        at=at,
    )
    return found.no if found else None


def _record(
    session: Session, actor: Actor, act: str, brand: str, name: str, no: int, at: datetime, **more: str
) -> None:
    record(session, at, actor.name, act, f"gift:{brand}/{name}", no=no, **more)
