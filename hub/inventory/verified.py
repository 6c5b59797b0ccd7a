"""The ledger read once: sums of what was verified are kept, so that the daily check reads what is new alone.

Numbers are drawn before their transactions commit, so sums are kept only up to where nothing can be added any more
(`closed` of hub/inventory/look.py). Ids carry their month and numbers do not: what is new lies behind the number in the
month of the last check and the one before, and in all later ones. A movement that lay elsewhere would be missing, and
its counter reported; so is one that was changed since it was read by whoever reads all again (`recheck`).
"""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from hub.audit import record
from hub.database import row, rows, run
from hub.ids import PER_MONTH, first_id_of, month_before, months_from
from hub.inventory.ledger import Drift, differing

NAME: Final = "stock"

NEW: Final = "(id > :low_1 and id < :high_1 or id > :low_2 and id < :high_2 or id > :low_3)"

BOOKED: Final = f"""
    select location, sku, owner, condition, on_hand, allocated, soft from stock_movement where {NEW} union all
    select location, sku, owner, condition, on_hand, allocated, soft from stock_verified"""


def drift_since(session: Session) -> list[Drift]:
    """Compare every counter with its verified sums and its movements since; give the counters that differ."""
    return differing(session, BOOKED, **_new(session))


def keep_verified(session: Session, at: datetime) -> int:
    """Add what is new, and closed, to the verified sums; give up to which number they are.

    It must be in the transaction that found no drift.
    """
    new = _new(session)
    look = row(session, "select closed from stock_look where name = :name", name=NAME)
    if look is None or not look.closed:
        return 0
    run(
        session,
        f"""insert into stock_verified (month, location, sku, owner, condition, on_hand, allocated, soft)
            select id / :per_month, location, sku, owner, condition, sum(on_hand), sum(allocated), sum(soft)
            from stock_movement where {NEW} and id % :per_month <= :closed
            group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
            on conflict (month, location, sku, owner, condition) do update set
                on_hand = stock_verified.on_hand + excluded.on_hand, soft = stock_verified.soft + excluded.soft,
                allocated = stock_verified.allocated + excluded.allocated""",
        per_month=PER_MONTH,
        closed=look.closed,
        **new,
    )
    run(
        session,
        "update stock_verification set number = :closed, at = :at where name = :name",
        closed=look.closed,
        at=at,
        name=NAME,
    )
    return int(look.closed)


def recheck(session: Session) -> list[tuple[str, str]]:
    """Read the whole ledger again and give the counters whose movements of a verified month have changed, and how."""
    found = rows(
        session,
        """select month, location, sku, kept.on_hand || '/' || kept.allocated || '/' || kept.soft as kept,
                  booked.on_hand || '/' || booked.allocated || '/' || booked.soft as booked
           from stock_verified kept full join (
               select id / :per_month as month, location, sku, owner, condition, sum(on_hand)::bigint as on_hand,
                      sum(allocated)::bigint as allocated, sum(soft)::bigint as soft
               from stock_movement where id % :per_month <= :number group by 1, 2, 3, 4, 5) booked
               using (month, location, sku, owner, condition)
           where (kept.on_hand, kept.allocated, kept.soft) is distinct from
                 (booked.on_hand, booked.allocated, booked.soft)
           order by 1, 2, 3 limit 100""",
        per_month=PER_MONTH,
        number=_lock(session).number,
    )
    return [
        (
            f"stock:{one.sku} at {one.location}",
            f"month {one.month}: verified {one.kept or 'nothing'}, ledger {one.booked or 'nothing'}",
        )
        for one in found
    ]


def forget_verified(session: Session, actor: str, at: datetime) -> None:
    """Forget what was verified, so that the next check reads the whole ledger and begins anew."""
    _lock(session)
    run(session, "delete from stock_verified")
    run(session, "update stock_verification set number = 0 where name = :name", name=NAME)
    record(session, at, actor, "stock.verify_anew", "stock")


def _new(session: Session) -> dict[str, int]:
    """Give where movements lie that no sum is of yet."""
    last = _lock(session)
    if not last.number:
        return {"low_1": 0, "high_1": 0, "low_2": 0, "high_2": 0, "low_3": 0}
    before, this, after = map(first_id_of, months_from(month_before(last.at.astimezone(UTC).date(), 1), 3))
    n = last.number
    return {"low_1": before + n, "high_1": this, "low_2": this + n, "high_2": after, "low_3": after + n}


def _lock(session: Session) -> Any:  # noqa: ANN401 # a row
    """Read how far is verified; nobody else adds to it meanwhile."""
    run(
        session,
        """insert into stock_verification (name, number, at) values (:name, 0, now()) on conflict do nothing""",
        name=NAME,
    )
    found = row(session, "select number, at from stock_verification where name = :name for update", name=NAME)
    if found is None:
        raise RuntimeError("the verification that was just written is not there")
    return found
