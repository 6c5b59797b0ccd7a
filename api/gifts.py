"""Gift strategies for programs of operations: see them, try one on past orders, draft, publish and retire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy.orm import Session

from api.auth import Operator
from api.examples import RULE_REASON, UNTRIED
from api.gift_examples import GIFT
from api.publication import Publication, Retirement
from api.surroundings import Body, TheHub, read_wish
from hub.document import PRINTABLE, Document
from hub.errors import NotFound
from hub.gift import strategy as strategies
from hub.gift.model import Strategy
from hub.order.rehearse.gift_trial import LONGEST_DAYS, GiftTried, try_strategy
from hub.repair import why
from hub.roles import Actor
from hub.scope import check_names
from hub.trials import TrialKind, note_trial
from hub.versions import VersionState

router = APIRouter(prefix="/v1/gifts", tags=["gifts · 赠品策略"])

Brand = Annotated[str, Path(min_length=1, max_length=64, pattern=PRINTABLE)]
Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
No = Annotated[int, Path(ge=1, lt=2**31)]


class StrategyView(Document):
    """One version of a strategy, and how many orders and pieces all its versions have given if it is limited."""

    brand: str
    name: str
    no: int
    state: VersionState
    body: Strategy
    updated_at: datetime
    orders: int | None
    pieces: int | None


@router.get("", summary="赠品策略列表 · List gift strategies")
def list_all(
    hub: TheHub,
    caller: Operator,
    brand: Annotated[str, Query(max_length=64, pattern=PRINTABLE)] = "",
    *,
    retired: Annotated[bool, Query()] = False,
) -> Sequence[StrategyView]:
    """Give the drafts and the strategies in force of the caller's brands; retired versions only when asked."""
    with hub.database.transaction() as session:
        found = _views(session, caller, brand)
    return [one for one in found if retired or one.state is not VersionState.RETIRED]


@router.get("/{brand}/{name}", summary="查看策略的全部版本 · Get a gift strategy")
def get_versions(hub: TheHub, caller: Operator, brand: Brand, name: Name) -> Sequence[StrategyView]:
    """Give all versions of a strategy, the newest first."""
    with hub.database.transaction() as session:
        return _versions(session, caller, brand, name)


@router.post("", openapi_extra=GIFT, status_code=201, summary="起草赠品策略 · Draft a gift strategy")
def draft(hub: TheHub, caller: Operator, body: Body) -> StrategyView:
    """Write the next version of a strategy; it gives nothing yet. A draft before it is retired.

    A shop that its brand does not have is 404 unknown_shop, goods that it does not have 422 unknown_sku.
    """
    wish = read_wish(Strategy, body)
    for shop in wish.shops:
        check_names(hub.settings.connections, wish.brand, shop)
    with hub.database.transaction() as session:
        strategies.draft(session, caller, wish, hub.now())
        return _versions(session, caller, wish.brand, wish.name)[0]


@router.post("/rehearsals", openapi_extra=GIFT, summary="在过去的订单上试算 · Try a gift strategy on past orders")
def try_it(
    hub: TheHub, caller: Operator, body: Body, days: Annotated[int, Query(ge=1, le=LONGEST_DAYS)] = 7
) -> GiftTried:
    """Ask a strategy, drafted or not, about the orders of its brand in the last days; only that is kept.

    On no order (`looked` 0) it was not tried.
    """
    wish, at = read_wish(Strategy, body), hub.now()
    with hub.database.transaction() as session:
        tried = try_strategy(session, caller, wish, at, days)
        note_trial(session, TrialKind.GIFT, wish.model_dump_json(), tried.seen(caller, at))
        return tried


@router.post("/{brand}/{name}/{no}/publish", openapi_extra=UNTRIED, summary="使草稿生效 · Put a draft in force")
def publish(hub: TheHub, caller: Operator, brand: Brand, name: Name, no: No, body: Body) -> StrategyView:
    """Put a draft in force from the next order on, instead of the version that is. No draft is 409 strategy_state.

    One that was not tried as it stands is 409 untried, unless the body says why it goes in force all the same.
    """
    wish = read_wish(Publication, body)
    with hub.database.transaction() as session:
        strategies.publish(session, caller, brand, name, no, hub.now(), untried=wish.untried)
        return next(one for one in _versions(session, caller, brand, name) if one.no == no)


@router.post("/{brand}/{name}/retire", openapi_extra=RULE_REASON, summary="停用策略 · Retire a gift strategy")
def retire(hub: TheHub, caller: Operator, brand: Brand, name: Name, body: Body) -> StrategyView:
    """Follow a strategy no more; what it has given stays given. With none in force it is 409 strategy_state."""
    wish = read_wish(Retirement, body)
    with hub.database.transaction() as session:
        no = strategies.retire(session, caller, brand, name, hub.now(), why(wish.reason))
        return next(one for one in _versions(session, caller, brand, name) if one.no == no)


def _views(session: Session, caller: Actor, brand: str) -> list[StrategyView]:
    return [StrategyView.model_validate(one) for one in strategies.list_strategies(session, caller, brand)]


def _versions(session: Session, caller: Actor, brand: str, name: str) -> list[StrategyView]:
    """Give all versions of a strategy, the newest first.

    Raises: NotFound.
    """
    found = [one for one in _views(session, caller, brand) if one.name == name]
    if not found:
        raise NotFound(f"{brand} has no strategy {name}", code="unknown_strategy", field="name")
    return found
