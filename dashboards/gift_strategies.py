"""Gift strategies: each with its versions, what stands beside what is in force, its counts, and how it is tried."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Response

from dashboards.actions import ActionKey, act, act_towards
from dashboards.asked import segment
from dashboards.faults import CAUSES, status_of
from dashboards.pages import fragment, page
from dashboards.rule_difference import line_pieces
from dashboards.visit import Here, Visit
from hub.errors import HubError, Malformed, NotFound
from hub.gift.model import Give, Strategy
from hub.gift.strategy import draft as draft_strategy
from hub.gift.strategy import list_strategies, read_strategy
from hub.gift.strategy import publish as publish_strategy
from hub.gift.strategy import retire as retire_strategy
from hub.order.rehearse.gift_trial import LONGEST_DAYS, GiftTried, try_strategy
from hub.repair import why
from hub.roles import Permission
from hub.scope import check_names, reach
from hub.trials import TrialKind, find_trial, note_trial
from hub.versions import VersionState

HOME: Final = "/console/gifts"
SPANS: Final = (1, 7, 30, LONGEST_DAYS)
LONGEST: Final = 100_000
"""Characters of a strategy that the editor takes."""

Reason = Annotated[str, Form(max_length=500)]
Days = Annotated[int, Query(ge=1, le=LONGEST_DAYS)]

router: Final = APIRouter()


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a strategy, and what all its versions have given where they are limited."""

    strategy: Strategy
    no: int
    state: VersionState
    at: datetime
    orders: int | None
    pieces: int | None

    @property
    def link(self) -> str:
        return _path(self.strategy.brand, self.strategy.name)

    @property
    def text(self) -> str:
        """Give it as a person writes it: without what is as it is unless one says otherwise."""
        return _written(self.strategy)


@router.get(HOME)
def gifts(visit: Here, *, brand: str = "") -> Response:
    """List the strategies of all brands, or of one, each by the versions that stand or by its last."""
    visit.require(Permission.SEE_ORDERS)
    every = _versions(visit)
    by_name: dict[str, list[Version]] = {}
    for one in every:
        if brand in {"", one.strategy.brand}:
            by_name.setdefault(one.link, []).append(one)
    found = [[one for one in of if one.state != VersionState.RETIRED] or of[:1] for of in by_name.values()]
    brands = list(dict.fromkeys(one.strategy.brand for one in every))
    return page(visit, "gifts.html", found=found, brands=brands, brand=brand)


@router.get(HOME + "-new")
def new(visit: Here) -> Response:
    """Show the editor with a strategy to begin with."""
    visit.require(Permission.CONFIGURE)
    brands = sorted({one.brand for one in reach(visit.actor, visit.console.settings.connections).values()})
    example = Strategy(brand=brands[0] if len(brands) == 1 else "brand", name="my-first", gives=(Give(sku="sku"),))
    return _write(visit, _written(example.model_copy(update={"min_fen": 10_000, "first_orders": 100})))


@router.get(HOME + "/{brand}/{name}")
def strategy(visit: Here, brand: str, name: str) -> Response:
    """Show a strategy: what stands of it, how the draft differs from what is in force, and the editor of the next."""
    visit.require(Permission.SEE_ORDERS)
    return _show(visit, brand, name)


@router.get(HOME + "/{brand}/{name}/{no:id}/try")
def try_it(visit: Here, brand: str, name: str, no: int, days: Days = 7) -> Response:
    """Say whom a version would have given what in the last days; only that it was tried is kept."""
    visit.require(Permission.CONFIGURE)
    one = next((one for one in _found(visit, brand, name) if one.no == no), None)
    if one is None:
        raise NotFound(f"{brand} has no version {no} of {name}", code="unknown_strategy")
    tried = try_strategy(visit.session, visit.actor, one.strategy, visit.at, days)
    seen = tried.seen(visit.actor, visit.at)
    known = note_trial(visit.session, TrialKind.GIFT, one.strategy.model_dump_json(), seen)
    if visit.target("trial"):
        return fragment(visit, "gift_trial.html", tried=tried, known=known, one=one, path=one.link)
    return _show(visit, brand, name, tried)


@router.post(HOME)
def draft(
    visit: Here, action_key: ActionKey, written: Annotated[str, Form(alias="strategy", max_length=2 * LONGEST)] = ""
) -> Response:
    """Keep a text as the next version; one that is refused comes back with the reason."""
    visit.require(Permission.CONFIGURE)

    def work() -> tuple[str, str]:
        read = read_strategy(written.encode())
        for shop in read.shops:
            check_names(visit.console.settings.connections, read.brand, shop)
        no = draft_strategy(visit.session, visit.actor, read, visit.at)
        told = visit.say("Version %(no)s of %(name)s is drafted: try it, then publish it.", no=no, name=read.name)
        return told, _path(read.brand, read.name)

    try:
        with visit.session.begin_nested():  # the key of a text that is refused is not spent
            return act_towards(visit, action_key, work)
    except (Malformed, NotFound) as error:
        if error.code == "action_key":
            raise
        return _write(visit, written.replace("\r\n", "\n"), error)


@router.post(HOME + "/{brand}/{name}/{no:id}/publish")
def publish(visit: Here, brand: str, name: str, no: int, action_key: ActionKey) -> Response:
    """Put a draft in force, if it was tried as it stands."""
    visit.require(Permission.CONFIGURE)

    def work() -> str:
        publish_strategy(visit.session, visit.actor, brand, name, no, visit.at)
        return visit.say("Version %(no)s of %(name)s is in force from the next order on.", no=no, name=name)

    return act(visit, action_key, work, then=_path(brand, name))


@router.post(HOME + "/{brand}/{name}/retire")
def retire(visit: Here, brand: str, name: str, action_key: ActionKey, reason: Reason = "") -> Response:
    """Follow a strategy no more; what it has given stays given."""
    visit.require(Permission.CONFIGURE)

    def work() -> str:
        no = retire_strategy(visit.session, visit.actor, brand, name, visit.at, why(reason))
        return visit.say("Version %(no)s of %(name)s is retired; what it gave stays given.", no=no, name=name)

    return act(visit, action_key, work, then=_path(brand, name))


def _path(brand: str, name: str) -> str:
    return f"{HOME}/{segment(brand)}/{segment(name)}"


def _written(strategy: Strategy) -> str:
    return json.dumps(strategy.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False, indent=2) + "\n"


def _versions(visit: Visit, brand: str = "") -> list[Version]:
    return [
        Version(
            strategy=Strategy.model_validate(one["body"]),
            no=one["no"],
            state=VersionState(one["state"]),
            at=one["updated_at"],
            orders=one["orders"],
            pieces=one["pieces"],
        )
        for one in list_strategies(visit.session, visit.actor, brand)
    ]


def _found(visit: Visit, brand: str, name: str) -> Sequence[Version]:
    """Give all versions of a strategy that may be seen, the newest first.

    Raises: NotFound.
    """
    found = [one for one in _versions(visit, brand) if one.strategy.name == name] if brand else []
    if not found:
        raise NotFound(f"{brand} has no strategy {name}", code="unknown_strategy")
    return found


def _show(visit: Visit, brand: str, name: str, tried: GiftTried | None = None) -> Response:
    """Give a strategy's page, with what a trial of it found."""
    versions = _found(visit, brand, name)
    standing = {one.state: one for one in versions if one.state != VersionState.RETIRED}
    live, open_one = standing.get(VersionState.IN_FORCE), standing.get(VersionState.DRAFT)
    return page(
        visit,
        "gift.html",
        one=open_one or live or versions[0],
        live=live,
        draft=open_one,
        pieces=tuple(line_pieces(live.text, open_one.text)) if live and open_one else (),
        versions=versions,
        tried=tried,
        known=find_trial(visit.session, TrialKind.GIFT, open_one.strategy.model_dump_json()) if open_one else None,
        path=versions[0].link,
        spans=SPANS,
        **_editor(versions[0].text),
    )


def _write(visit: Visit, written: str, refused: HubError | None = None) -> Response:
    """Give the editor alone, with why its text was refused."""
    answer = page(visit, "gift_new.html", **_editor(written, refused, visit.language))
    answer.status_code = status_of(refused) if refused else answer.status_code
    return answer


def _editor(written: str, refused: HubError | None = None, language: str = "") -> dict[str, Any]:
    cause = CAUSES[refused.code].say(language) if refused and refused.code in CAUSES else ""
    return {"written": written, "refused": refused, "cause": cause, "longest": LONGEST}
