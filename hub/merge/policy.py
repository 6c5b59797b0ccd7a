"""Each shop's merging: set by people, off until it is, and read once a transaction by whoever places orders."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, cast

import msgspec
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.audit import record
from hub.database import row, rows, run
from hub.errors import Conflict, Malformed, NotFound
from hub.merge.fit import Limits
from hub.roles import Actor, Permission
from hub.scope import scope
from hub.settings import Connection

REMEMBERED: Final = "merge.policies"
LONGEST_MIN: Final = 7 * 24 * 60
MOST_ORDERS: Final = 1_000
MOST_GRAMS: Final = 100_000_000
"""The most orders and grams of one delivery: more than any lorry takes."""

ALONE: Final = ("presale", "exchange", "reship", "o2o")
"""Types of orders that never travel with others, unless a shop's policy says something else."""

COLUMNS: Final = "brand, shop, active, window_min, brands, most_orders, most_grams, never"


class ShopPolicy(msgspec.Struct, frozen=True):
    """How one shop's orders are merged: its fields as in the table, and how often it was set."""

    brand: str
    shop: str
    active: bool = True
    window_min: int = 30
    brands: tuple[str, ...] = ()
    most_orders: int = 20
    most_grams: int = 30_000
    never: tuple[str, ...] = ALONE
    version: int = 0

    @property
    def window(self) -> timedelta:
        return timedelta(minutes=self.window_min)

    @property
    def together(self) -> str:
        """Name the brands that may travel together; keys are made under this name, so it must be the same for both."""
        return ",".join(sorted({self.brand, *self.brands}))

    @property
    def limits(self) -> Limits:
        return Limits(self.most_orders, self.most_grams)


def policies_of(session: Session) -> Mapping[str, ShopPolicy]:
    """Give the policies of the shops that merge, by shop; a transaction asks once and remembers."""
    if REMEMBERED not in session.info:
        found = rows(session, f"select version, {COLUMNS} from merge_policy where active")
        session.info[REMEMBERED] = {one.shop: _read(one) for one in found}
    return cast("Mapping[str, ShopPolicy]", session.info[REMEMBERED])


def list_policies(session: Session, actor: Actor) -> list[ShopPolicy]:
    """Give the policies of the shops that an actor may see."""
    actor.require(Permission.SEE_ORDERS)
    found = rows(
        session,
        f"""select version, {COLUMNS} from merge_policy
            where (:every_brand or brand = any(:brands)) and (:every_shop or shop = any(:shops)) order by shop""",
        **scope(actor),
    )
    return [_read(one) for one in found]


def brand_of(session: Session, connections: Mapping[str, Connection], shop: str) -> str:
    """Give the brand of a shop by the settings; of one that has left them, by its policy, so that it can be ended.

    Raises: NotFound; Malformed when the settings give it to several.
    """
    brands = sorted({one.brand for one in connections.values() if shop and one.shop == shop})
    if not brands:
        brands = [one.brand for one in rows(session, "select brand from merge_policy where shop = :shop", shop=shop)]
    if not brands:
        raise NotFound(f"there is no shop {shop}", code="unknown_shop", zh=f"没有店铺 {shop}")
    if len(brands) > 1:
        text, zh = (
            f"shop {shop} is of several brands: {', '.join(brands)}",
            f"店铺 {shop} 属于多个品牌：{'、'.join(brands)}",
        )
        raise Malformed(text, code="merge_policy", zh=zh)
    return brands[0]


def set_policy(session: Session, actor: Actor, policy: ShopPolicy, at: datetime, *, after: int | None = None) -> None:
    """Set a shop's policy; orders that wait already keep their windows, and go alone once it is off.

    Who names the version that was read, 0 for none, comes right `after` it or not at all. Raises: Unauthorised;
    Malformed; Conflict when somebody has set it since (merge_policy_version).
    """
    actor.require(Permission.CONFIGURE)
    for brand in {policy.brand, *policy.brands}:
        actor.require_scope(brand, policy.shop)
    _check(session, policy)
    written = _written(policy)
    done = run(
        session,
        f"""insert into merge_policy as held (version, created_at, updated_at, {COLUMNS})
            values (1, :at, :at, :brand, :shop, :active, :window_min, :brands, :most_orders, :most_grams, :never)
            on conflict (shop) do update set version = held.version + 1, updated_at = :at, brand = :brand,
                active = :active, window_min = :window_min, brands = :brands, most_orders = :most_orders,
                most_grams = :most_grams, never = :never
            where cast(:after as bigint) is null or held.version = :after""",
        at=at,
        after=after,
        **written,
    )
    if not done:
        text, zh = f"the policy of {policy.shop} was set meanwhile", f"店铺 {policy.shop} 的合单策略已被他人修改"
        raise Conflict(text, code="merge_policy_version", zh=zh)
    session.info.pop(REMEMBERED, None)
    record(session, at, actor.name, "merge.policy_set", f"shop:{policy.shop}", **written)


def _check(session: Session, policy: ShopPolicy) -> None:
    """Make sure that a policy can be followed, and that the shop is not another brand's.

    Raises: Malformed.
    """
    if not 1 <= policy.window_min <= LONGEST_MIN:
        text, zh = f"a window has 1 to {LONGEST_MIN} minutes", f"等待时间为 1 到 {LONGEST_MIN} 分钟"
        raise Malformed(text, code="merge_policy", field="window_min", zh=zh)
    if not 2 <= policy.most_orders <= MOST_ORDERS:  # noqa: PLR2004 # a delivery of one is no merging
        text, zh = f"a delivery takes 2 to {MOST_ORDERS} orders", f"一组可合 2 到 {MOST_ORDERS} 单"
        raise Malformed(text, code="merge_policy", field="most_orders", zh=zh)
    if not 1 <= policy.most_grams <= MOST_GRAMS:
        text, zh = f"a delivery takes 1 to {MOST_GRAMS} grams", f"一组重量为 1 到 {MOST_GRAMS} 克"
        raise Malformed(text, code="merge_policy", field="most_grams", zh=zh)
    known = "select brand from merge_policy where shop = :shop and brand <> :brand"
    if row(session, known, shop=policy.shop, brand=policy.brand) is not None:
        raise Malformed(f"shop {policy.shop} is not of brand {policy.brand}", code="merge_policy", field="brand")


def _read(found: Row[Any]) -> ShopPolicy:
    return ShopPolicy(
        brand=found.brand,
        shop=found.shop,
        active=found.active,
        window_min=found.window_min,
        brands=tuple(found.brands),
        most_orders=found.most_orders,
        most_grams=found.most_grams,
        never=tuple(found.never),
        version=found.version,
    )


def _written(policy: ShopPolicy) -> dict[str, object]:
    """Give a policy's fields as they are written and audited."""
    return {
        name: list(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else value
        for name, value in msgspec.structs.asdict(policy).items()
        if name != "version"
    }
