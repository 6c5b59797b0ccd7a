"""What a location says of a merged delivery, said again of each fulfilment order in it: exactly its own pieces."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from hub.fulfilment.confirmed import fill, read_parcels
from hub.fulfilment.lots import Filled, add_up
from hub.fulfilment.model import Batch, Confirm, ConfirmedParcel, ConfirmLine
from hub.fulfilment.release import NewLine

PER_PLACE: Final = 10_000
"""A merged delivery's lines are numbered by their fulfilment order's place and their own number: 20001 is 2's 1."""


def ref_of(place: int, line_no: int) -> int:
    """Number a line within its merged delivery."""
    return place * PER_PLACE + line_no


def spread(confirm: Confirm, codes: Mapping[int, str], asked: Mapping[int, Sequence[NewLine]]) -> dict[int, Confirm]:
    """Give by place what left of each fulfilment order, of those something left of or, if it is final, is open of.

    `codes` are the fulfilment orders' numbers by place, `asked` all their lines, with what is open of each. Pieces go
    where their line's number says; without one the oldest order is served first, so a short pick falls on the newest.
    Raises: Conflict as `fill` and `read_parcels` do.
    """
    lines = [
        NewLine(ref_of(place, line.line_no), line.sku, line.quantity)
        for place, of_place in sorted(asked.items())
        for line in of_place
    ]
    filled = fill(confirm.lines, lines)
    pieces = dict(sorted(add_up(filled).items()))
    skus = {line.line_no: line.sku for line in lines}
    parcels = read_parcels(confirm.parcels, lines, pieces)
    left = {ref // PER_PLACE for ref in pieces}
    open_places = {place for place, of_place in asked.items() if any(line.quantity for line in of_place)}
    own_lines = _own_lines(filled)
    return {
        place: confirm.model_copy(
            update={
                "code": codes[place],
                "lines": tuple(own_lines.get(place, ())),
                "parcels": tuple(_own_parcels(parcels, skus, place)),
            }
        )
        for place in sorted(left | open_places if confirm.final else left)
    }


def _own_lines(filled: Filled) -> Mapping[int, Sequence[ConfirmLine]]:
    """Cut a confirm's lines, with their batches, into those of each place."""
    own: defaultdict[int, list[ConfirmLine]] = defaultdict(list)
    for line, taken in filled:
        rest = list(line.batches)
        for ref, quantity in taken:
            place, line_no = divmod(ref, PER_PLACE)
            batches, rest = _cut(rest, quantity)
            own[place].append(ConfirmLine(line_ref=str(line_no), sku=line.sku, quantity=quantity, batches=batches))
    return own


def _cut(batches: Sequence[Batch], quantity: int) -> tuple[tuple[Batch, ...], list[Batch]]:
    """Take so many pieces of some batches, in their order; give those and what is left."""
    taken: list[Batch] = []
    rest: list[Batch] = []
    for batch in batches:
        pieces = min(batch.quantity, quantity)
        quantity -= pieces
        if pieces:
            taken.append(batch.model_copy(update={"quantity": pieces}))
        if batch.quantity - pieces:
            rest.append(batch.model_copy(update={"quantity": batch.quantity - pieces}))
    return tuple(taken), rest


def _own_parcels(
    parcels: Sequence[tuple[ConfirmedParcel, Mapping[int, int]]], skus: Mapping[int, str], place: int
) -> list[ConfirmedParcel]:
    """Give the parcels that hold something of a place, with that alone in them and the number they all share.

    One of which nobody knows what it holds may hold something of each.
    """
    own: list[ConfirmedParcel] = []
    for parcel, held in parcels:
        lines = tuple(
            ConfirmLine(line_ref=str(ref % PER_PLACE), sku=skus[ref], quantity=quantity)
            for ref, quantity in held.items()
            if ref // PER_PLACE == place
        )
        if lines or not held:
            own.append(parcel.model_copy(update={"lines": lines}))
    return own
