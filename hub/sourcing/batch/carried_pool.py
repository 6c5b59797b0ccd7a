"""Questions with terms as a batch: their lanes and weights as arrays, and what they get when asked in turn."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from msgspec.structs import replace

from hub.sourcing.asking import Asking
from hub.sourcing.batch.carriage import NO_LANE, Carriage, Ints, freight
from hub.sourcing.batch.pool import Line, Parcel, Plan
from hub.sourcing.freight import decide_freight
from hub.sourcing.model import Question, Site, Terms

FIELDS: Final = len(NO_LANE)


def carriage_of(questions: Sequence[Question], codes: Sequence[str], lines: Sequence[tuple[Line, ...]]) -> Carriage:
    """Lay out what parcels cost by the terms of each question; `codes` number the locations, `lines` the SKUs.

    Raises: ValueError for a question without terms.
    """
    place = {code: at for at, code in enumerate(codes)}
    asked = [Asking(question, terms_in(question)) for question in questions]
    couriers = max([len(stand.lanes) for asking in asked for stand in asking.able], default=1)
    lanes = np.empty((len(asked), len(codes), couriers, FIELDS), dtype=np.int64)
    lanes[:] = NO_LANE
    piece = np.zeros((len(asked), len(codes), max(len(each) for each in lines)), dtype=np.int64)
    skus = 1 + max(line.sku for each in lines for line in each)
    free = np.zeros((len(codes), skus), dtype=np.int64)
    for order, asking in enumerate(asked):
        names = list(dict.fromkeys([want.sku for want in asking.wants]))
        at_line = [names.index(want.sku) for want in asking.wants]
        for stand in asking.able:
            at = place[stand.site.code]
            for courier, (cost, lane) in enumerate(stand.lanes):
                weights = (lane.first_grams, lane.first_fen, lane.each_grams, lane.each_fen, lane.divisor)
                lanes[order, at, courier] = (cost, *weights)
            for no, line in enumerate(at_line):
                piece[order, at, line] = sum(each[no] for each in (stand.thin, stand.other) if each)
                free[at, lines[order][line].sku] = stand.free[no]
    return Carriage(lanes, piece, free, terms_in(questions[0]).scarcity)


def plans_in_turn(
    questions: Sequence[Question], codes: Sequence[str], lines: Sequence[tuple[Line, ...]], room: Mapping[str, int]
) -> list[Plan]:
    """Ask the questions one after another, each of what those before it leave of stock and room."""
    place = {code: at for at, code in enumerate(codes)}
    taken, sent = Counter[tuple[str, str]](), Counter[str]()
    plans: list[Plan] = []
    for question, wanted in zip(questions, lines, strict=True):
        names = list(dict.fromkeys([want.sku for want in question.wants]))
        sites = tuple([_left(site, taken, sent, room) for site in question.sites])
        parcels: list[Parcel] = []
        for choice in decide_freight(replace(question, sites=sites)).choices:
            pieces = [0] * len(wanted)
            for take in choice.takes:
                pieces[names.index(take.sku)] += take.quantity
                taken[choice.code, take.sku] += take.quantity
            sent[choice.code] += 1
            parcels.append(Parcel(place[choice.code], tuple(pieces)))
        plans.append(tuple(sorted(parcels)))
    return plans


def dearest_of(question: Question, lanes: Ints) -> int:
    """Give more than a parcel of all that is wanted can cost by these lanes, weights included."""
    terms = terms_in(question)
    there = lanes[lanes[:, :, 0] < NO_LANE[0]]
    pieces = sum(want.quantity for want in question.wants)
    grams = sum(want.quantity * want.grams for want in question.wants)
    cm3 = sum(want.quantity * (want.traits.cm3 if want.traits else 0) for want in question.wants)
    weights = (terms.supply.fen if terms.supply else 0) + (terms.clearing.fen if terms.clearing else 0)
    alone = there[:, None, :]
    carried = int(freight(alone, np.array(grams), np.array(cm3)).max()) if len(there) else 0
    return carried + pieces * weights + len(question.wants) * terms.scarcity


def terms_in(question: Question) -> Terms:
    """Give the terms of a question that must have some.

    Raises: ValueError.
    """
    if question.terms is None:
        raise ValueError("this question has no terms")
    return question.terms


def _left(site: Site, taken: Mapping[tuple[str, str], int], sent: Mapping[str, int], room: Mapping[str, int]) -> Site:
    free = {sku: pieces - taken.get((site.code, sku), 0) for sku, pieces in site.free.items()}
    full = site.code in room and sent.get(site.code, 0) >= room[site.code]
    return replace(site, free=free, barred=site.barred or ("capacity" if full else ""))
