"""Small makers of review rules, so that a test names only what matters to it."""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from hub.order.model import ShopOrder
from hub.order.place.batch import Placed, place
from hub.review.publish import NewRule, draft_rule, publish_rule
from hub.roles import Actor, Role
from tests.hub.making import AT, ZONE

ADMIN: Final = Actor("admin-1", frozenset({Role.ADMIN}))
SUPERVISOR: Final = Actor("supervisor-1", frozenset({Role.SUPERVISOR}))

FRAGILE: Final = "100000 / (order.total - 1000) < 0"
"""True below 10.00, false above, and no answer at 10.00."""


def rule(expression: str, name: str = "some_rule", **changes: Any) -> NewRule:  # noqa: ANN401 # any field of a rule
    """Make a rule that holds for a risk, unless its verdict is given."""
    values: dict[str, Any] = {"name": name, "expression": expression, "verdict": {"kind": "hold", "type": "fraud"}}
    return NewRule.model_validate(values | changes)


def holding(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 # any field of a verdict
    return {"kind": "hold", "type": "fraud", **changes}


def letting(*types: str) -> dict[str, Any]:
    return {"kind": "release", "releases": types}


def enforce(session: Session, one: NewRule) -> None:
    """Put a rule in force."""
    drafted = draft_rule(session, ADMIN, one, AT)
    publish_rule(session, ADMIN, drafted.name, drafted.no, AT, untried="a test")


def place_later(session: Session, one: ShopOrder, later: timedelta) -> int:
    """Place one order some time after the others."""
    (placed,) = place(session, [one], AT + later, ZONE)
    assert isinstance(placed, Placed)
    return placed.order_id
