"""What a confirm says, brought to our lines; and whether it says the same again as was booked under its key."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from hub.errors import Conflict
from hub.fulfilment.lots import Filled, add_up
from hub.fulfilment.model import Confirm, ConfirmedParcel, ConfirmLine
from hub.fulfilment.release import NewLine

Waybill: TypeAlias = tuple[str, str]
"""A courier and its number; without a number nobody knows one such parcel from another."""


class Booked(NamedTuple):
    """What was booked under a confirm's key: the pieces of each line of its delivery, and of those in each parcel.

    `more` says that more was to come, and something is open still.
    """

    lines: Sequence[NewLine]
    parcels: Mapping[Waybill, Sequence[NewLine]]
    more: bool


def waybill_of(courier: str, tracking_no: str) -> Waybill:
    """Name a parcel by what tells it from others."""
    return (courier, tracking_no) if tracking_no else ("", "")


def fill(lines: Sequence[ConfirmLine], asked: Sequence[NewLine]) -> Filled:
    """Bring a confirm's lines to ours: by line number, else by SKU, filling our lines in order; zero pieces vanish.

    `asked` are all lines of the delivery, with the pieces that are open of each: what names one that is full is not
    passed to another of its SKU, for then a piece that is told twice would count as one that is still to come. Lines
    that name theirs are served first, so that it does not matter in which order they are told.

    Raises: Conflict with code batch_mismatch or over_confirm.
    """
    room = {line.line_no: line.quantity for line in asked}
    filled: list[tuple[ConfirmLine, list[tuple[int, int]]]] = []
    for line in sorted(lines, key=lambda one: not _named(one, asked)):
        if line.batches and sum(batch.quantity for batch in line.batches) != line.quantity:
            raise Conflict(
                f"line {line.line_ref or line.sku}: batches hold {sum(b.quantity for b in line.batches)} pieces, "
                f"the line says {line.quantity}",
                code="batch_mismatch",
            )
        filled.append((line, _fill(line, asked, room)))
    return filled


def read_parcels(
    parcels: Sequence[ConfirmedParcel], asked: Sequence[NewLine], pieces: Mapping[int, int]
) -> list[tuple[ConfirmedParcel, dict[int, int]]]:
    """Say which pieces each parcel holds; where none is told with contents, the first holds everything.

    Others without contents come last, for their waybills: what is in them is told with another.
    Raises: Conflict with code batch_mismatch when the parcels together do not hold what the lines say.
    """
    if not pieces:
        return []
    filled = [parcel for parcel in parcels if parcel.lines]
    bare = _bare(parcels)
    if not filled:
        first = (bare or [*parcels, ConfirmedParcel()])[0]
        return [(first, dict(pieces)), *((parcel, {}) for parcel in bare[1:])]
    room = [NewLine(line.line_no, line.sku, pieces.get(line.line_no, 0)) for line in asked]
    left = {line.line_no: line.quantity for line in room}
    held: list[tuple[ConfirmedParcel, dict[int, int]]] = []
    try:
        for parcel in filled:
            contents: defaultdict[int, int] = defaultdict(int)
            for line in parcel.lines:
                for line_no, quantity in _fill(line, room, left):
                    contents[line_no] += quantity
            held.append((parcel, dict(contents)))
    except Conflict as error:
        raise Conflict(f"the parcels hold more than the lines say: {error.message}", code="batch_mismatch") from error
    if any(left.values()):
        raise Conflict("the parcels hold less than the lines say", code="batch_mismatch")
    return [*held, *((parcel, {}) for parcel in bare)]


def check_same(confirm: Confirm, booked: Booked) -> None:
    """Make sure that a confirm whose key was booked says what was booked, in whatever order: then it is a repeat.

    Raises: Conflict with code confirm_differs.
    """
    if not (_is_all(confirm.lines, booked.lines) and _are_all(confirm.parcels, booked)):
        told = f"{confirm.confirm_key} of {confirm.code} was booked with other pieces or parcels"
        raise Conflict(told, code="confirm_differs")
    if confirm.final and booked.more:
        told = f"{confirm.confirm_key} of {confirm.code} was booked with more to come, and is the last now"
        raise Conflict(told, code="confirm_differs")


def _named(line: ConfirmLine, asked: Sequence[NewLine]) -> list[NewLine]:
    """Give our line that a partner's names: by its number and its goods."""
    return [ours for ours in asked if ours.sku == line.sku and str(ours.line_no) == line.line_ref]


def _fill(line: ConfirmLine, asked: Sequence[NewLine], room: dict[int, int]) -> list[tuple[int, int]]:
    """Put a confirmed line's pieces where they were asked for, using `room` up."""
    # Some warehouses repeat the item's code where our line number belongs: then the SKU alone decides.
    named = _named(line, asked)
    fitting = named or [ours for ours in asked if ours.sku == line.sku]
    if line.quantity and not any(room[ours.line_no] for ours in fitting):
        where = f"line {line.line_ref}: " if named else ""
        raise Conflict(f"{where}nothing of {line.sku} is open here", code="over_confirm")
    rest = line.quantity
    taken: list[tuple[int, int]] = []
    for ours in fitting:
        quantity = min(rest, room[ours.line_no])
        if quantity:
            room[ours.line_no] -= quantity
            rest -= quantity
            taken.append((ours.line_no, quantity))
    if rest:
        raise Conflict(f"{line.sku}: {line.quantity} confirmed, {line.quantity - rest} open", code="over_confirm")
    return taken


def _bare(parcels: Sequence[ConfirmedParcel]) -> list[ConfirmedParcel]:
    """Give the parcels without contents whose waybills stand at no other, each once."""
    known = {(parcel.courier_code, parcel.tracking_no) for parcel in parcels if parcel.lines}
    bare = {(parcel.courier_code, parcel.tracking_no): parcel for parcel in parcels if parcel.tracking_no}
    return [parcel for waybill, parcel in bare.items() if waybill not in known]


def _is_all(told: Sequence[ConfirmLine], booked: Sequence[NewLine]) -> bool:
    """Say whether told lines are of exactly these pieces."""
    try:
        return add_up(fill(told, booked)).total() == sum(line.quantity for line in booked)
    except Conflict:
        return False


def _are_all(told: Sequence[ConfirmedParcel], booked: Booked) -> bool:
    """Say whether told parcels are those that were booked; where none is told with contents, by their waybills."""
    if not booked.parcels:
        return True  # nothing left with it
    held: defaultdict[Waybill, list[ConfirmLine]] = defaultdict(list)
    for parcel in told:
        if parcel.tracking_no or any(line.quantity for line in parcel.lines):
            held[waybill_of(parcel.courier_code, parcel.tracking_no)] += parcel.lines
    if not any(held.values()):
        return held.keys() == booked.parcels.keys() - {waybill_of("", "")}
    known = {waybill for waybill, pieces in booked.parcels.items() if waybill[1] or sum(one.quantity for one in pieces)}
    return held.keys() == known and all(_is_all(lines, booked.parcels[waybill]) for waybill, lines in held.items())
