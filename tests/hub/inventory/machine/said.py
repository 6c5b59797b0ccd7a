"""What the machine believes of warehouses' reports: watermarks, lines once, carts that let go, what is short."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from hub.inventory.counted import CountReport, LotLine, ReportLine
from hub.inventory.ledger import StockKey
from tests.hub.inventory.machine.books import Books, Cart, Move, Pile, held
from tests.hub.making import OWNER

REST = 0
DAYS = {"old": date(2026, 11, 11), "fresh": date(2026, 12, 1)}
"""When lots expire: the machine's day is the first of these."""


class Line(NamedTuple):
    """A line of a report; with `lots` half of its pieces are of an old lot."""

    sku: str
    kind: str
    pieces: int
    lots: bool = False

    def parts(self) -> dict[str, int]:
        return {"old": self.pieces // 2, "fresh": self.pieces - self.pieces // 2} if self.lots else {}


@dataclass(frozen=True)
class Report:
    """A report of a location, page by page."""

    name: str
    location: str
    counted_at: datetime
    pages: Sequence[Sequence[Line]]
    full: bool = False

    def sent(self, page: int) -> CountReport:
        """Give a page as it is sent."""
        lines = [
            ReportLine(
                no=no,
                sku=one.sku,
                kind="count" if one.kind == "count" else "change",
                pieces=one.pieces,
                lots=tuple(
                    LotLine(lot=code, pieces=pieces, expires_on=DAYS[code]) for code, pieces in one.parts().items()
                ),
            )
            for no, one in enumerate(self.pages[page - 1], 1)
        ]
        return CountReport(
            report=self.name,
            location=self.location,
            counted_at=self.counted_at,
            page=page,
            pages=len(self.pages),
            full=self.full,
            lines=tuple(lines),
        )


class Told(NamedTuple):
    """What a page was answered, refused lines counted."""

    taken: int
    outdated: int
    repeated: int
    refused: int
    short: tuple[StockKey, ...]


class _Booked(NamedTuple):
    taken: int
    outdated: int
    refused: int
    short: tuple[StockKey, ...]


def take(books: Books, report: Report, page: int) -> Told:
    """Take over a page: each line once, those that were refused again whenever the page comes again."""
    lines = dict(enumerate(report.pages[page - 1], 1))
    fresh = {no: one for no, one in lines.items() if (report.name, page, no) not in books.settled}
    booked = _book(books, report, page, fresh)
    books.refused[report.name, page] = booked.refused
    gone = _close(books, report)
    return Told(
        booked.taken + gone.taken,
        booked.outdated,
        len(lines) - len(fresh),
        booked.refused,
        tuple(sorted({*booked.short, *gone.short})),
    )


def _close(books: Books, report: Report) -> _Booked:
    """Take what a whole full count does not name as gone."""
    room = StockKey(report.location, "", OWNER)
    pages = [books.refused.get((report.name, page)) for page in range(1, len(report.pages) + 1)]
    is_older = room in books.marks and report.counted_at <= books.marks[room]
    if not report.full or is_older or pages != [0] * len(pages):
        return _Booked(0, 0, 0, ())
    named = {sku for (name, _, _), (sku, _) in books.settled.items() if name == report.name}
    gone = [
        key.sku
        for key, pile in sorted(books.piles.items())
        if key.location == report.location and pile.on_hand and key.sku not in named
    ]
    booked = _book(books, report, REST, {no: Line(sku, "count", 0) for no, sku in enumerate(gone, 1)})
    books.marks[room] = report.counted_at
    return booked


def _book(books: Books, report: Report, page: int, lines: dict[int, Line]) -> _Booked:
    """Fold lines into what is on hand, let carts go for it, and leave the rest short."""
    on_hand: dict[StockKey, int] = {}
    taken: list[tuple[StockKey, Line]] = []
    outdated = refused = 0
    elsewhere = _counted_elsewhere(books, report, page)
    for no, one in lines.items():
        key = StockKey(report.location, one.sku, OWNER)
        if one.kind == "count" and one.sku in elsewhere and books.counted_by.get(key) == report.name:
            refused += 1
            continue
        before = on_hand.setdefault(key, books.piles[key].on_hand)
        since = sum(pieces for of, when, pieces in books.changes if of == key and when > report.counted_at)
        counted = one.pieces + since if one.pieces else max(0, since)
        after = counted if one.kind == "count" else before + one.pieces
        late = _is_late(books, report, key, one)
        if after < 0 and not late:
            refused += 1
            continue
        books.settled[report.name, page, no] = (one.sku, "outdated" if late else "taken")
        outdated += late
        if not late:
            on_hand[key] = after
            taken.append((key, one))
    short = _make_room(books, on_hand)
    for key, one in taken:
        lots = [(lot, pieces) for of, when, lot, pieces in books.lot_changes if of == key and when > report.counted_at]
        _keep_lots(books.piles[key], one, lots)
        if one.kind == "change":
            books.changes.append((key, report.counted_at, one.pieces))
            books.lot_changes += [(key, report.counted_at, lot, pieces) for lot, pieces in one.parts().items()]
        if one.kind == "count" and books.marks.get(key, report.counted_at) <= report.counted_at:
            books.marks[key] = report.counted_at
            books.counted_by[key] = report.name
    for key, one in taken:
        if one.lots or (one.kind == "count" and not one.pieces):
            books.piles[key].forget_empty_lots(report.counted_at.date() if one.kind == "change" else None)
    return _Booked(len(taken), outdated, refused, short)


def _counted_elsewhere(books: Books, report: Report, page: int) -> set[str]:
    """Give what another page of a report has counted: nothing says which of them has all pieces."""
    return {
        sku
        for (name, of, no), (sku, _) in books.settled.items()
        if name == report.name and of not in (page, REST) and report.pages[of - 1][no - 1].kind == "count"
    }


def _is_late(books: Books, report: Report, key: StockKey, line: Line) -> bool:
    marks = [books.marks[one] for one in (key, key._replace(sku="")) if one in books.marks]
    return bool(marks) and (
        report.counted_at < max(marks) or (line.kind == "change" and report.counted_at == max(marks))
    )


def newest_carts(books: Books, lacking: Mapping[StockKey, int]) -> list[Cart]:
    """Give the newest carts that hold pieces of counters which lack them, as many as it takes."""
    ended: list[str] = []
    for key, pieces in lacking.items():
        left = pieces
        for ref, cart in reversed(books.carts.items()):
            if left > 0 and cart.state == "held" and key in cart.claims:
                left -= cart.claims[key]
                ended.append(ref)
    return [books.carts[ref] for ref in dict.fromkeys(ended)]


def end_carts(books: Books, carts: Sequence[Cart]) -> None:
    """Write that carts have let go; their pieces are free already."""
    for cart in carts:
        cart.state = "expired"
        books.count({(cart.shop, sku): -pieces for sku, pieces in cart.pieces.items()})


def _make_room(books: Books, on_hand: dict[StockKey, int]) -> tuple[StockKey, ...]:
    """Set what is on hand; where too much is promised the newest carts go, and what is missing still is short."""
    piles = {key: books.piles[key] for key in sorted(on_hand)}
    over = {key: pile.promised - on_hand[key] - pile.limit for key, pile in piles.items() if pile.soft}
    ended = newest_carts(books, over)
    moves = [move for cart in ended for move in held(cart.claims, -1)]
    freed = {key: sum(one.soft for one in moves if one.key == key) for key in on_hand}
    short: list[StockKey] = []
    for key in sorted(on_hand):
        pile = books.piles[key]
        missing = pile.promised + freed[key] - on_hand[key] - pile.limit
        if missing > pile.short:
            pile.short = missing
            short.append(key)
    books.called |= {f"stock:{key.sku} at {key.location}" for key in short}
    changed = [Move(key, now - books.piles[key].on_hand) for key, now in on_hand.items()]
    books.shift([*moves, *(one for one in changed if one.on_hand)])
    end_carts(books, ended)
    return tuple(short)


def _keep_lots(pile: Pile, line: Line, since: Sequence[tuple[str, int]]) -> None:
    """Keep what a line says of lots; a count that names none says nothing of them, unless nothing is left.

    What changes since did to lots stands on top of a count.
    """
    if not line.lots and (line.kind == "change" or line.pieces):
        return
    before = {code: pieces if line.kind == "change" else 0 for code, (pieces, _) in pile.lots.items()}
    after = dict(before)
    for code, pieces in line.parts().items():
        after[code] = max(0, before.get(code, 0) + pieces)
    moved = Counter[str]()
    for code, pieces in since:
        moved[code] += pieces if line.kind == "count" else 0
    for code, pieces in moved.items():
        after[code] = max(0, after.get(code, 0) + pieces)
    pile.lots |= {code: (pieces, DAYS[code]) for code, pieces in after.items()}
