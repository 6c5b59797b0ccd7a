"""Read review rules: which there are, how each stands, and all its versions."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import records
from hub.document import Document
from hub.errors import NotFound
from hub.review.verdict import Verdict
from hub.roles import Actor, Permission
from hub.versions import VersionState

SEEN = """(:every_brand or brand is null or brand = any(:brands))
          and (:every_shop or shop is null or shop = any(:shops))"""


class RuleView(Document):
    """One version of a rule: what it asks, what it says then, how it stands, and who did that when."""

    name: str
    no: int
    brand: str | None
    shop: str | None
    expression: str
    verdict: Verdict
    why: str
    state: VersionState
    drafted_at: datetime
    drafted_by: str
    published_at: datetime | None
    published_by: str
    retired_at: datetime | None
    retired_by: str


COLUMNS = ", ".join(RuleView.model_fields)


def list_rules(session: Session, actor: Actor, *, retired: bool = False) -> Sequence[RuleView]:
    """Give the drafts and the rules in force that touch an actor's brands and shops, by name; all versions if asked.

    Raises: Unauthorised.
    """
    actor.require(Permission.SEE_ORDERS)
    found = records(
        session,
        f"""select {COLUMNS} from review_rule where (:retired or state <> 'retired') and {SEEN}
            order by name, no desc""",
        retired=retired,
        **_reach(actor),
    )
    return [RuleView.model_validate(one) for one in found]


def rule_versions(session: Session, actor: Actor, name: str) -> Sequence[RuleView]:
    """Give all versions of a rule, the newest first.

    Raises: Unauthorised; NotFound.
    """
    actor.require(Permission.SEE_ORDERS)
    found = records(
        session,
        f"select {COLUMNS} from review_rule where name = :name and {SEEN} order by no desc",
        name=name,
        **_reach(actor),
    )
    if not found:
        raise NotFound(f"no review rule is called {name}", code="unknown_rule")
    return [RuleView.model_validate(one) for one in found]


def get_version(session: Session, actor: Actor, name: str, no: int) -> RuleView:
    """Give one version of a rule.

    Raises: Unauthorised; NotFound.
    """
    versions = rule_versions(session, actor, name)
    found = next((one for one in versions if one.no == no), None)
    if found is None:
        raise NotFound(f"review rule {name} has no version {no}", code="unknown_rule")
    return found


def _reach(actor: Actor) -> dict[str, object]:
    return {
        "every_brand": not actor.brands,
        "brands": sorted(actor.brands),
        "every_shop": not actor.shops,
        "shops": sorted(actor.shops),
    }
