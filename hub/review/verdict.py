"""What a review rule says when it is true: hold the order from named acts, or let some holds go at once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from hub.document import Document
from hub.roles import Role


class HoldType(StrEnum):
    ADDRESS = "address"
    FRAUD = "fraud"
    REMARK = "remark"
    PRESALE = "presale"
    REFUND_REQUESTED = "refund_requested"
    STOCK = "stock"
    FINANCE = "finance"
    DUPLICATE = "duplicate"
    MERGE_WINDOW = "merge_window"
    REVIEW = "review"


class Act(StrEnum):
    """What a hold can keep from being done: finding a source, and sending what has one to its location."""

    ROUTE = "route"
    RELEASE = "release"


ROUTING: Final = (Act.ROUTE.value,)

OURS: Final = frozenset({HoldType.REFUND_REQUESTED, HoldType.REVIEW})
"""Types that the hub alone sets and ends: a cancellation under way, a rule that failed."""

LONGEST_WAIT: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Hold:
    """A reason to wait and the acts it blocks; `evidence` names what was seen, without personal data.

    A rule's hold has the rule's own `version`, may expire, and is let go by who has the role `resolver`, or by anybody
    who works on orders. With `released_by` it was let go as it was made, by the rule of that name.
    """

    type: HoldType
    rule: str
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])
    blocks: tuple[str, ...] = ROUTING
    version: str = ""
    expires_at: datetime | None = None
    resolver: str = ""
    released_by: str = ""

    def stops(self, act: Act) -> bool:
        """Say whether it keeps an act from being done."""
        return not self.released_by and act.value in self.blocks

    @property
    def calls(self) -> bool:
        """Say whether a person must look: one that ends by itself and names nobody calls nobody."""
        return not self.released_by and (self.expires_at is None or bool(self.resolver))


class Holding(Document):
    """Hold the order, until somebody with the role `resolver` lets it go or `expires_after_s` seconds have passed."""

    kind: Literal["hold"] = "hold"
    type: HoldType
    blocks: Annotated[tuple[Act, ...], Field(min_length=1)] = (Act.ROUTE,)
    expires_after_s: Annotated[int, Field(ge=1, le=int(LONGEST_WAIT.total_seconds()))] | None = None
    resolver: Role | None = None

    @model_validator(mode="after")
    def be_possible(self) -> Self:
        if self.type in OURS:
            raise ValueError(f"holds of type {self.type} are the hub's own")
        if self.type is HoldType.ADDRESS and self.expires_after_s is not None:
            raise ValueError("an unknown address does not become known by waiting: such a hold cannot expire")
        if self.resolver is Role.VIEWER or self.resolver is Role.ANALYST:
            raise ValueError(f"a {self.resolver} may not let orders go on")
        return self


class Letting(Document):
    """Let go at once what other rules hold the order for, by the types of their holds."""

    kind: Literal["release"] = "release"
    releases: Annotated[tuple[HoldType, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def be_possible(self) -> Self:
        if stays := (OURS | {HoldType.ADDRESS}).intersection(self.releases):
            raise ValueError(f"only a person lets go of {', '.join(sorted(stays))}")
        return self


Verdict = Annotated[Holding | Letting, Field(discriminator="kind")]

RANKS: Final = (Role.OPERATOR, Role.SUPERVISOR, Role.ADMIN)
"""Roles that may let orders go on, the least first: each also lets go what the ones before it may."""


def roles_held(roles: Collection[Role]) -> list[str]:
    """Name the resolvers that somebody with these roles is, nobody in particular among them."""
    highest = max((RANKS.index(role) for role in roles if role in RANKS), default=-1)
    return ["", *(role.value for role in RANKS[: highest + 1])]
