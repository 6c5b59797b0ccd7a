"""Stock alerts: what is out, running low or will not last; who sees to it; and the thresholds that raise them."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, ConfigDict

from dashboards.actions import ActionKey, act
from dashboards.asked import Place, address
from dashboards.pages import page, tagged_fragment
from dashboards.stock_look import HOME as STOCK
from dashboards.stock_look import seen_by
from dashboards.visit import Here, Visit
from hub.errors import NotFound
from hub.inventory.acknowledge import acknowledge
from hub.inventory.alert_rule import FIRST, AlertView, Key, RuleView, drop_rule, list_alerts, list_rules, set_rule
from hub.inventory.alert_table import AlertState
from hub.inventory.view import places_of
from hub.roles import Actor, Permission

PAGE: Final = 50
HOME: Final = STOCK + "/alerts"

Word = Annotated[str, Form(max_length=64)]
Threshold = Annotated[int, Form(ge=0, le=1_000_000)]

router: Final = APIRouter()


class Look(BaseModel):
    """What the address of the list asks for: alerts that are open, or that are over, and a page of thresholds."""

    model_config = ConfigDict(frozen=True)

    state: str = ""
    cursor: Place | None = None
    rules: str = ""

    def link(self, path: str = HOME, **changes: object) -> str:
        """Write this question again, for another page or state."""
        return address(path, **{**self.model_dump(), **changes})

    @property
    def wanted(self) -> AlertState:
        return AlertState.CLOSED if self.state == AlertState.CLOSED else AlertState.OPEN

    @property
    def behind(self) -> Key:
        """Which threshold the page begins behind; what was never given begins at the first."""
        match self.rules.split("\n"):
            case [brand, sku, location]:
                return brand, sku, location
            case _:
                return FIRST


class Ruled(BaseModel):
    """Which threshold an address means."""

    model_config = ConfigDict(frozen=True)

    brand: str = ""
    sku: str = ""
    location: str = ""


Asked = Annotated[Look, Query()]


@router.get(HOME)
def alerts(visit: Here, look: Asked) -> Response:
    visit.require(Permission.SEE_ORDERS)
    locations, brands = places_of(visit.session, seen_by(visit))
    rules = [*list_rules(visit.session, _within(visit), look.behind, PAGE + 1)] if brands else []
    told = {"rules": rules[:PAGE], "locations": locations, "brands": brands, "drop": _drop_link}
    more = "\n".join(rules[PAGE - 1].key) if len(rules) > PAGE else ""
    return page(visit, "inventory_alerts.html", **_list(visit, look), **told, more_rules=more)


@router.get(HOME + "/list")
def renewed(visit: Here, look: Asked) -> Response:
    """Give the list alone, to a page that asks for it again and again."""
    visit.require(Permission.SEE_ORDERS)
    return tagged_fragment(visit, "inventory_alerts_rows.html", **_list(visit, look))


@router.post(HOME + "/{alert_id:id}/acknowledge")
def see_to(visit: Here, alert_id: int, action_key: ActionKey) -> Response:
    """Say that one sees to an alert."""
    visit.require(Permission.WORK_ORDERS)

    def work() -> str:
        acknowledge(visit.session, visit.actor, alert_id, visit.at)
        return visit.say("You see to it; it stays open until there is stock again.")

    return act(visit, action_key, work, then=HOME)


@router.post(HOME + "/rules")
def threshold(
    visit: Here,
    action_key: ActionKey,
    brand: Word = "",
    sku: Word = "",
    location: Word = "",
    below_pieces: Threshold = 0,
    below_days: Threshold = 0,
) -> Response:
    """Set from when on a SKU, or all of a brand, is short at a location, or at all together."""
    visit.require(Permission.CONFIGURE)

    def work() -> str:
        locations, brands = places_of(visit.session, seen_by(visit))
        if brand not in brands:
            raise NotFound(f"there is no brand {brand}", code="unknown_brand", field="brand")
        if location and location not in locations:
            raise NotFound(f"there is no location {location}", code="unknown_location", field="location")
        rule = RuleView(brand, sku.strip(), location, below_pieces, below_days)
        set_rule(visit.session, visit.actor, rule, visit.at)
        return visit.say("The threshold counts from the next movement on.")

    return act(visit, action_key, work, then=HOME)


@router.post(HOME + "/rules/drop")
def no_threshold(visit: Here, meant: Annotated[Ruled, Query()], action_key: ActionKey) -> Response:
    """Take a threshold away."""
    visit.require(Permission.CONFIGURE)

    def work() -> str:
        if not drop_rule(visit.session, visit.actor, meant.brand, meant.sku, meant.location, visit.at):
            raise NotFound("there is no such threshold", code="unknown_rule")
        return visit.say("The threshold is gone.")

    return act(visit, action_key, work, then=HOME)


def _drop_link(rule: RuleView) -> str:
    return address(HOME + "/rules/drop", brand=rule.brand, sku=rule.sku, location=rule.location)


def _within(visit: Visit) -> Actor:
    """Give the visitor as somebody of the brands whose stock they may see: a shop's person, of its brand."""
    return Actor(visit.actor.name, visit.actor.roles, frozenset(seen_by(visit) or ()))


def _list(visit: Visit, look: Look) -> dict[str, Any]:
    found: list[AlertView] = []
    if seen_by(visit) != []:
        actor = _within(visit)
        found += list_alerts(visit.session, actor, look.wanted, before=look.cursor, limit=PAGE + 1)
    return {
        "look": look,
        "alerts": found[:PAGE],
        "next": found[PAGE - 1].id if len(found) > PAGE else None,
        "mine": not visit.actor.shops,
    }
