"""What a review rule says when it is true: hold the order from named acts, or let some holds go at once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self, cast

from pydantic import Field, model_validator

from hub.document import Document
from hub.roles import Role
from hub.unfit import Unfit


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


class Scope(StrEnum):
    """What a rule is asked of, and what its hold holds: the whole order, one of its lines, or one delivery of it."""

    ORDER = "order"
    LINE = "line"
    FULFILMENT = "fulfilment"


ROUTING: Final = (Act.ROUTE.value,)
RELEASING: Final = (Act.RELEASE.value,)

OURS: Final = frozenset({HoldType.REFUND_REQUESTED, HoldType.REVIEW})
"""Types that the hub alone sets and ends: a cancellation under way, a rule that failed."""

OWN_RULES: Final = frozenset(
    {
        "amount_due",
        "arrival",
        "cancel",
        "flash_sale_limit",
        "heavier_than",
        "no_source",
        "presale",
        "presale_limit",
        "refund_asked",
        "remark_asks",
        "reroute_tries",
        "rule_failed",
        "total_above",
        "twin",
        "unpaid",
        "unplaced_address",
    }
)
"""The rules that the hub's own holds name. It finds and ends those holds by them, so no other rule is called so."""

LONGEST_WAIT: Final = timedelta(days=90)


def scope_of_hold(line_no: int | None, fulfilment_no: int | None) -> Scope:
    """Say how much of an order waits behind a hold that names these."""
    if line_no is not None:
        return Scope.LINE
    return Scope.FULFILMENT if fulfilment_no is not None else Scope.ORDER


@dataclass(frozen=True, slots=True)
class Hold:
    """A reason to wait and the acts it blocks; `evidence` names what was seen, without personal data.

    A rule's hold has the rule's own `version`, may expire, and is let go by who has the role `resolver`, or by anybody
    who works on orders. With `released_by` it was let go as it was made, by the rule of that name. It holds one line
    where it names one, one fulfilment order where it names that, else the whole order. A `quiet` one is ended by who is
    not here: the buyer, by paying.
    """

    type: HoldType
    rule: str
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])
    blocks: tuple[str, ...] = ROUTING
    version: str = ""
    expires_at: datetime | None = None
    resolver: str = ""
    released_by: str = ""
    line_no: int | None = None
    fulfilment_no: int | None = None
    quiet: bool = False

    def stops(self, act: Act) -> bool:
        """Say whether it keeps an act from being done with what it holds."""
        return not self.released_by and act.value in self.blocks

    @property
    def of_order(self) -> bool:
        """Say whether it holds the whole order."""
        return scope_of_hold(self.line_no, self.fulfilment_no) is Scope.ORDER

    @property
    def calls(self) -> bool:
        """Say whether a person must look: one that ends by itself and names nobody calls nobody."""
        return not (self.released_by or self.quiet) and (self.expires_at is None or bool(self.resolver))


class Holding(Document):
    """Hold what is asked, until somebody with the role `resolver` lets it go or `expires_after_s` seconds have passed.

    Of an order or a line it blocks the route unless told otherwise. A fulfilment order has its source already: there is
    nothing but its release to block.
    """

    kind: Literal["hold"] = "hold"
    scope: Scope = Scope.ORDER
    type: HoldType
    blocks: Annotated[tuple[Act, ...], Field(min_length=1)] = (Act.ROUTE,)
    expires_after_s: Annotated[int, Field(ge=1, le=int(LONGEST_WAIT.total_seconds()))] | None = None
    resolver: Role | None = None

    @model_validator(mode="before")
    @classmethod
    def block_what_is_left(cls, given: object) -> object:
        """Have a fulfilment order's release blocked where nothing is said."""
        said = cast("dict[str, object]", given) if isinstance(given, dict) else {}
        if said.get("scope") == Scope.FULFILMENT and "blocks" not in said:
            return {**said, "blocks": RELEASING}
        return cast("object", given)

    @model_validator(mode="after")
    def be_possible(self) -> Self:
        if self.type in OURS:
            raise Unfit(f"{self.type} 类挂起由中台自己设置", f"holds of type {self.type} are the hub's own")
        if self.type is HoldType.ADDRESS and self.expires_after_s is not None:
            raise Unfit(
                "未知地址不会因等待而变为已知：address 类挂起不能到期",
                "an unknown address does not become known by waiting: such a hold cannot expire",
            )
        if self.resolver is Role.VIEWER or self.resolver is Role.ANALYST:
            raise Unfit(f"角色 {self.resolver} 不能放行订单", f"a {self.resolver} may not let orders go on")
        if self.scope is Scope.FULFILMENT and self.blocks != (Act.RELEASE,):
            raise Unfit(
                "发货单已有货源：只能阻止下发（release）",
                "a fulfilment order has its source: only its release can be blocked",
            )
        return self


class Letting(Document):
    """Let go at once what other rules hold the same order, line or fulfilment order for, by types of holds."""

    kind: Literal["release"] = "release"
    scope: Scope = Scope.ORDER
    releases: Annotated[tuple[HoldType, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def be_possible(self) -> Self:
        if stays := (OURS | {HoldType.ADDRESS}).intersection(self.releases):
            named = ", ".join(sorted(stays))
            raise Unfit(f"{named} 类挂起只能由人放行", f"only a person lets go of {named}")
        return self


Verdict = Annotated[Holding | Letting, Field(discriminator="kind")]

RANKS: Final = (Role.OPERATOR, Role.SUPERVISOR, Role.ADMIN)
"""Roles that may let orders go on, the least first: each also lets go what the ones before it may."""


def roles_held(roles: Collection[Role]) -> list[str]:
    """Name the resolvers that somebody with these roles is, nobody in particular among them."""
    highest = max((RANKS.index(role) for role in roles if role in RANKS), default=-1)
    return ["", *(role.value for role in RANKS[: highest + 1])]
