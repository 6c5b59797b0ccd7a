"""How much a policy may say, so that no draft can slow the orders of its brand once it is in force."""

from collections.abc import Iterator
from typing import Final

from hub.address.division import divisions
from hub.errors import Malformed
from hub.sourcing.dotted import MOST as DEEPEST
from hub.sourcing.dotted import too_deep
from hub.sourcing.policy import SourcingPolicy, read_policy

LONGEST: Final = 100_000
"""Characters of a policy."""

LOCATIONS: Final = 2_000
DAYS: Final = 366
METHODS: Final = 50
COURIERS: Final = 50
SKUS: Final = 2_000
ZONES: Final = 200
DIVISIONS: Final = 4_000
"""There are some three thousand counties."""


def read_draft(written: str) -> SourcingPolicy:
    """Read a policy that nobody has looked through yet; what was in force once is read for ever, without bounds.

    Raises: Malformed: policy_too_large names the key and how much of it there may be; else as `read_policy`.
    """
    _check_text(written)
    policy = read_policy(written)
    _check_counts(policy)
    _check_hours(policy)
    _check_zones(policy)
    return policy


def _check_text(written: str) -> None:
    if len(written) > LONGEST:
        zh = f"策略最长 {LONGEST} 个字符，现有 {len(written)} 个"
        en = f"the policy: at most {LONGEST} characters, these are {len(written)}"
        raise Malformed(en, zh=zh, code="policy_too_large")
    if too_deep(written):
        zh = f"策略的键最多 {DEEPEST} 级"
        raise Malformed(f"the policy's keys: at most {DEEPEST} parts", zh=zh, code="policy_too_large")


def _check_counts(policy: SourcingPolicy) -> None:
    for key, there, most in _counts(policy):
        if there > most:
            zh, en = (
                f"策略的 {key} 最多 {most} 项，现有 {there} 项",
                f"the policy's {key}: at most {most}, these are {there}",
            )
            raise Malformed(en, zh=zh, code="policy_too_large", field=key)


def _check_hours(policy: SourcingPolicy) -> None:
    """Refuse hours of which none is ever between: such a place would be asked for nothing, and nobody would see why."""
    for name, standing in policy.standings:
        if standing.at_once and standing.opens == standing.cut_off:
            zh, en = (
                f"策略的 {name}.opens 与 cut_off 相同，永不营业；全天营业请两者都不写",
                f"the policy's {name}.opens: other than its cut_off; a place that is always open names neither",
            )
            raise Malformed(en, zh=zh, code="malformed_policy", field=f"{name}.opens")


def _check_zones(policy: SourcingPolicy) -> None:
    """Refuse a division that there is not: nothing lies in it, so what goes there would be dearer, or not carried."""
    for name, of in policy.zones.items():
        if strange := min(of - divisions().keys(), default=""):
            zh, en = f"策略的 zones.{name}：没有区划 {strange}", f"the policy's zones.{name}: no division {strange}"
            raise Malformed(en, zh=zh, code="malformed_policy", field=f"zones.{name}")


def _counts(policy: SourcingPolicy) -> Iterator[tuple[str, int, int]]:
    yield "locations", len(policy.locations), LOCATIONS
    yield "eliminate.locations", len(policy.eliminate.locations), LOCATIONS
    yield "closed", len(policy.closed), DAYS
    yield "zones", len(policy.zones), ZONES
    if policy.freight:
        yield "freight.couriers", len(policy.freight.couriers or ()), COURIERS
    for name, of in policy.zones.items():
        yield f"zones.{name}", len(of), DIVISIONS
    for name, standing in policy.standings:
        yield f"{name}.closed", len(standing.closed), DAYS
        yield f"{name}.methods", len(standing.methods or ()), METHODS
        yield f"{name}.clear", 0 if isinstance(standing.clear, bool) else len(standing.clear), SKUS
