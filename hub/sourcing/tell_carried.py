"""Tell of each location, and of each of its couriers, what a decision by rate cards and weights made of it."""

from collections.abc import Iterator, Sequence

from hub.sourcing.asking import Asking, Left, Stop
from hub.sourcing.model import Candidate, Choice, Option, Question, Take, Want


def candidates_of(
    question: Question, asking: Asking, whole: Sequence[Stop], choices: Sequence[Choice], total: int
) -> Iterator[Candidate]:
    """Tell of each location, by its cheapest courier, as the solver without terms does; `total` is what won."""
    chosen = {choice.code for choice in choices}
    wanted = sum(asking.wanted)
    for stop in whole:
        site, pieces = stop.site, sum(stop.given)
        if site.code in chosen:
            yield Candidate(site.code, site.km, pieces, stop.cost, "chosen")
        elif pieces == wanted:
            yield Candidate(site.code, site.km, pieces, stop.cost, "dearer", stop.cost - total)
        else:
            missing: dict[str, int] = {}
            for take in takes_of(asking.wants, less(asking.wanted, stop.given)):
                missing[take.sku] = missing.get(take.sku, 0) + take.quantity
            yield Candidate(site.code, site.km, pieces, stop.cost, "short", 0, missing)
    for site in question.sites:
        if site.code in asking.barred:
            yield Candidate(site.code, site.km, 0, 0, asking.barred[site.code])


def options_of(asking: Asking, choices: Sequence[Choice], total: int) -> Iterator[Option]:
    """Tell of each location with each courier that goes there, the whole asked of it."""
    chosen = {(choice.code, choice.courier) for choice in choices}
    wanted = sum(asking.wanted)
    for stand in asking.able:
        given, code = asking.given(stand.free, asking.wanted), stand.site.code
        pieces = sum(given)
        for cost, freight, lane in asking.prices(stand, given):
            verdict = "chosen" if (code, lane.courier) in chosen else "dearer" if pieces == wanted else "short"
            lost = cost - total if verdict == "dearer" else 0
            if lane.courier:
                yield Option(code, lane.courier, lane.method, pieces, cost, freight, lane.days, verdict, lost)


def takes_of(wants: Sequence[Want], pieces: Left) -> Iterator[Take]:
    """Name pieces of lines."""
    return (Take(want.line_no, want.sku, part) for want, part in zip(wants, pieces, strict=True) if part)


def less(left: Left, given: Left) -> Left:
    """Take pieces away from what is left."""
    return tuple([pieces - part for pieces, part in zip(left, given, strict=True)])
