"""Say how a product travels, its temperature and its traits: audited, and true from the next order on."""

import re
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from hub.audit import record
from hub.catalogue.find import TRAITS, traits_of
from hub.catalogue.model import HAZARD, ORDINARY, Storage, Traits
from hub.database import row, run
from hub.errors import Malformed, NotFound
from hub.roles import Actor, Permission

MOST_CM3: Final = 100_000_000


def describe(
    session: Session,
    actor: Actor,
    sku: str,
    at: datetime,
    *,
    storage: Storage | None = None,
    **changes: Any,  # noqa: ANN401 # any of the traits
) -> tuple[Storage, Traits]:
    """Change what is named of a product and leave the rest; give how it travels now. Naming nothing reads it.

    Raises: Unauthorised; NotFound; Malformed for a class of danger or a volume that there is not, for virtual goods
    with traits.
    """
    found = row(session, f"select brand, storage, bundle, {TRAITS} from sku where code = :sku for update", sku=sku)
    if found is None:
        raise NotFound(f"there is no SKU {sku}", code="unknown_sku", field="sku")
    actor.require_scope(found.brand, "")
    before = Storage(found.storage), traits_of(found.traits) or ORDINARY
    after = storage or before[0], Traits(**(_fields(before[1]) | changes))
    if after == before:
        return before
    actor.require(Permission.WORK_ORDERS)
    check_traits(*after, bundle=found.bundle)
    run(
        session,
        """update sku set storage = :storage, hazard = :hazard, oversize = :oversize, cm3 = :cm3, supplier = :supplier,
                          bonded = :bonded, available_from = :available_from, version = version + 1, updated_at = :at
           where code = :sku""",
        sku=sku,
        at=at,
        storage=after[0],
        **_fields(after[1]),
    )
    told = {name: value.isoformat() if isinstance(value, date) else value for name, value in changes.items()}
    record(session, at, actor.name, "sku.describe", f"sku:{sku}", storage=after[0], **told)
    return after


def _fields(traits: Traits) -> dict[str, Any]:
    return {name: getattr(traits, name) for name in Traits.__struct_fields__}


def check_traits(storage: Storage, traits: Traits, *, bundle: bool) -> None:
    """Make sure that goods can travel so.

    Raises: Malformed as `describe`.
    """
    if not re.fullmatch(HAZARD, traits.hazard):
        raise Malformed(
            "a class of danger is like 9 or 2.1", code="traits", field="hazard", zh="危险品类别应如 9 或 2.1"
        )
    if not 0 <= traits.cm3 <= MOST_CM3:
        zh = f"体积为整数立方厘米，最多 {MOST_CM3}"
        raise Malformed(f"a volume is a whole number of cm³ up to {MOST_CM3}", code="traits", field="cm3", zh=zh)
    if storage is Storage.NONE and traits != ORDINARY:
        zh = "虚拟商品不发货，没有运输特性"
        raise Malformed("virtual goods are not sent, so they have no traits", code="traits", field="storage", zh=zh)
    if bundle and (storage is Storage.NONE or traits != ORDINARY):
        zh = "组合商品不直接发货：请描述其组成商品"
        raise Malformed("a bundle is not sent: describe its parts", code="traits", field="sku", zh=zh)
