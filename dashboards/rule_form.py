"""The form of a review rule: read into what is drafted, and filled again from a version."""

import re
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hub.errors import Malformed
from hub.review.publish import NewRule
from hub.review.rules import RuleView
from hub.review.verdict import RELEASING, Act, Holding, Scope
from hub.unfit import malformed

SECONDS: Final = 60
LASTS: Final = re.compile(r"([0-9]+)(?::([0-5][0-9]))?")

Word = Annotated[str, Field(max_length=64)]


class Wish(BaseModel):
    """A rule as the form sends it; `minutes`, or minutes:seconds, is how long its holds last, none for good."""

    model_config = ConfigDict(frozen=True)

    name: Word = ""
    brand: Word = ""
    shop: Word = ""
    why: Annotated[str, Field(max_length=200)] = ""
    expression: Annotated[str, Field(max_length=20_000)] = ""
    kind: Word = "hold"
    scope: Word = "order"
    type: Word = "fraud"
    blocks: tuple[Word, ...] = ()
    minutes: Annotated[str, Field(max_length=9)] = ""
    resolver: Word = ""
    releases: tuple[Word, ...] = ()

    def rule(self) -> NewRule:
        """Give what is to be drafted.

        Raises: Malformed with the code rule, which names the first value that cannot be meant.
        """
        try:
            return NewRule.model_validate(
                {
                    "name": self.name.strip(),
                    "brand": self.brand or None,
                    "shop": self.shop or None,
                    "expression": self.expression.replace("\r\n", "\n").strip(),
                    "why": self.why.strip(),
                    "verdict": self._verdict(),
                }
            )
        except ValidationError as error:
            raise malformed(error, "rule") from error

    def _verdict(self) -> dict[str, Any]:
        if self.kind == "release":
            return {"kind": "release", "scope": self.scope, "releases": self.releases}
        # Whatever is ticked: a fulfilment order has its source, and nothing but its release can be blocked.
        blocks = RELEASING if self.scope == Scope.FULFILMENT else self.blocks
        return {
            "kind": "hold",
            "scope": self.scope,
            "type": self.type,
            "blocks": blocks,
            "expires_after_s": self._seconds(),
            "resolver": self.resolver or None,
        }

    def _seconds(self) -> int | None:
        """Read the minutes; what is no time is refused with the rule.

        Raises: Malformed.
        """
        if not (text := self.minutes.strip()):
            return None
        told = LASTS.fullmatch(text)
        if told is None:
            raise Malformed(
                "minutes: a whole number, or minutes:seconds as in 1:30",
                code="rule",
                field="minutes",
                zh="分钟：整数，或写成 分:秒，例如 1:30",
            )
        return int(told[1]) * SECONDS + int(told[2] or 0)


def filled(rule: RuleView | None) -> Wish:
    """Fill the form from a version of a rule, or as a new one begins."""
    if rule is None:
        return Wish(blocks=(Act.ROUTE,))
    told: dict[str, Any] = {
        "name": rule.name,
        "brand": rule.brand or "",
        "shop": rule.shop or "",
        "why": rule.why,
        "expression": rule.expression,
        "scope": rule.verdict.scope,
    }
    verdict = rule.verdict
    if not isinstance(verdict, Holding):
        return Wish(**told, kind="release", releases=verdict.releases, blocks=(Act.ROUTE,))
    whole, rest = divmod(verdict.expires_after_s or 0, SECONDS)
    minutes = f"{whole}:{rest:02}" if rest else str(whole or "")
    return Wish(
        **told,
        kind="hold",
        type=verdict.type,
        blocks=verdict.blocks,
        minutes=minutes,
        resolver=verdict.resolver or "",
    )
