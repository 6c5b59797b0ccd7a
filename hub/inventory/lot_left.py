"""The books of lots that goods leave of: what lots have, what left of which, and whom to call when they differ."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.cases import NewCase, open_cases, resolve_all
from hub.database import copy, run
from hub.inventory.ledger import StockKey
from hub.inventory.lot import columns_of
from hub.inventory.lot_leave import Lacking, Left

DRIFT: Final = "lot_drift"

SHIPPED: Final = (
    *("order_id", "shipment_no", "line_no", "sku", "lot", "produced_on", "expires_on", "quantity", "assumed"),
)


def write_pieces(session: Session, pieces: Mapping[tuple[StockKey, str], int]) -> None:
    """Write how many pieces lots have now. Their counters are locked, and so, with them, are they."""
    if not pieces:
        return
    places = sorted(pieces)
    run(
        session,
        """update stock_lot lot set on_hand = new.on_hand
           from unnest(cast(:locations as text[]), cast(:skus as text[]), cast(:owners as text[]),
                       cast(:conditions as text[]), cast(:lots as text[]), cast(:pieces as bigint[]))
                as new (location, sku, owner, condition, lot, on_hand)
           where (lot.location, lot.sku, lot.owner, lot.condition, lot.lot)
               = (new.location, new.sku, new.owner, new.condition, new.lot)""",
        **columns_of([key for key, _ in places]),
        lots=[lot for _, lot in places],
        pieces=[pieces[place] for place in places],
    )


def write_left(session: Session, order_id: int, shipment_no: int, left: Sequence[Left]) -> None:
    """Record of which lots a shipment's pieces are."""
    copy(
        session,
        "shipped_lot",
        SHIPPED,
        [
            (
                *(order_id, shipment_no, one.line_no, one.key.sku, one.lot, one.produced_on, one.expires_on),
                *(one.quantity, one.assumed),
            )
            for one in left
        ],
    )


def call_for(session: Session, lacking: Sequence[Lacking], brand: str, code: str, order_id: int, at: datetime) -> None:
    """Call a person for lots of which more left than they had; the counters are right, and so is what was booked."""
    words: dict[StockKey, list[str]] = {}
    for one in lacking:
        words.setdefault(one.key, []).append(str(one))
    cases = [
        NewCase(DRIFT, _subject(key), brand, f"{code}: {'; '.join(told)}", order_id, {"delivery": code})
        for key, told in words.items()
    ]
    open_cases(session, cases, at)


def call_for_told(
    session: Session, told: str, lacking: Mapping[StockKey, Sequence[Lacking]], brand: str, at: datetime
) -> None:
    """Call a person for lots of which a report has more leave than were there; `told` says how, around them."""
    said = {key: told.format("; ".join(map(str, of))) for key, of in lacking.items()}
    if said:
        open_cases(session, [NewCase(DRIFT, _subject(key), brand, words) for key, words in said.items()], at)


def call_off(session: Session, keys: Sequence[StockKey], at: datetime) -> None:
    """Close what was called for of counters whose lots have been counted since."""
    resolve_all(session, [_subject(key) for key in keys], at, "system", "the lots were counted")


def _subject(key: StockKey) -> str:
    return f"lot:{key.sku} at {key.location}"
