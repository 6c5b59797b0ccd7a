"""Decide questions together that want more than there is: each gets its share of what the optimiser found for all."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice
from math import inf
from typing import Final

import numpy as np
from msgspec.structs import replace

from hub.sourcing.batch.carriage import Carriage
from hub.sourcing.batch.carried_pool import carriage_of, dearest_of, plans_in_turn
from hub.sourcing.batch.optimise import Outcome, optimise
from hub.sourcing.batch.pool import Line, Penalties, Plan, Pool
from hub.sourcing.batch.verify import faults_of
from hub.sourcing.greedy import cost_of
from hub.sourcing.model import Decision, Question, Share, Site, digest_of
from hub.sourcing.shared import decide_shared
from hub.sourcing.shared_carried import decide_carried

SPLIT: Final = Penalties().split


def contended(questions: Sequence[Question]) -> bool:
    """Say whether some location has a SKU that several questions want, but not all that they want of it."""
    wanted, asking = Counter[str](), Counter[str]()
    free: dict[tuple[str, str], int] = {}
    for question in questions:
        asking.update({want.sku for want in question.wants})
        for want in question.wants:
            wanted[want.sku] += want.quantity
        for site in question.sites:
            free.update({(site.code, sku): pieces for sku, pieces in site.free.items()})
    return any(asking[sku] > 1 and 0 < pieces < wanted[sku] for (_, sku), pieces in free.items())


ENDLESS: Final[Mapping[str, int]] = {}


def decide_together(
    asked: Sequence[Sequence[Question]],
    seconds: float = inf,
    room: Mapping[str, int] = ENDLESS,
    iterations: float = inf,
) -> list[list[tuple[Question, Decision]]]:
    """Decide the questions of many needs together; nothing where they do not contend, or in turn is as good.

    `room` says of locations that may not send any number of parcels how many they may. Iterations instead of seconds
    give the same answer every time.
    """
    questions = [question for each in asked for question in each]
    shared = share_out(questions, seconds, iterations, room) if contended(questions) else None
    if shared is None:
        return []
    answers = iter([(question, (decide_carried if question.terms else decide_shared)(question)) for question in shared])
    return [list(islice(answers, len(each))) for each in asked]


def share_out(
    questions: Sequence[Question], seconds: float = inf, iterations: float = inf, room: Mapping[str, int] = ENDLESS
) -> list[Question] | None:
    """Give the questions, asked on one reading of stock and at one price list, with their shares of the best answer.

    None where asking them in turn is no dearer, where it finds more pieces and none may be left at a price, or where
    one question names a SKU at two weights.
    """
    pool = pool_of(questions, room)
    if pool is None:
        return None
    greedy = plans_in_turn(questions, _codes(questions), pool.orders, room) if pool.carriage else None
    found = optimise(pool, seconds=seconds, iterations=iterations, greedy=greedy)
    priced = questions[0].terms is not None and questions[0].terms.unfilled > 0
    if found.cost >= found.greedy_cost or (not priced and _pieces(found.plans) < _pieces(found.greedy)):
        return None
    if faults_of(pool, found.plans, found.cost):  # a location's room too
        return None
    batch = digest_of("".join([question.digest() for question in questions]).encode())
    codes = _codes(questions)
    return [
        replace(question, share=_share(question, plan, codes, batch, found))
        for question, plan in zip(questions, found.plans, strict=True)
    ]


def _share(question: Question, plan: Plan, codes: Sequence[str], batch: str, found: Outcome) -> Share:
    """Divide what each location gives of a SKU among the lines that want it, the first line first."""
    left = [want.quantity for want in question.wants]
    skus = list(dict.fromkeys([want.sku for want in question.wants]))
    given: dict[str, tuple[tuple[int, int], ...]] = {}
    for location, pieces in plan:
        taken: list[tuple[int, int]] = []
        for sku, count in zip(skus, pieces, strict=True):
            rest = count
            for at, want in enumerate(question.wants):
                part = min(rest, left[at]) if want.sku == sku else 0
                if part:
                    taken.append((want.line_no, part))
                    left[at] -= part
                    rest -= part
        given[codes[location]] = tuple(sorted(taken))
    return Share(batch, len(found.plans), found.cost, found.greedy_cost, found.bound, given)


def pool_of(questions: Sequence[Question], room: Mapping[str, int]) -> Pool | None:
    """Lay questions out as a batch; None where one names a SKU at two weights."""
    codes = _codes(questions)
    place = {code: at for at, code in enumerate(codes)}
    numbers: defaultdict[str, int] = defaultdict(lambda: len(numbers))
    orders: list[tuple[Line, ...]] = []
    for question in questions:
        lines: dict[str, Line] = {}
        for want in question.wants:
            cm3 = want.traits.cm3 if want.traits and question.terms else 0
            before = lines.get(want.sku, Line(numbers[want.sku], 0, want.grams, cm3))
            if (before.grams, before.cm3) != (want.grams, cm3):
                return None
            lines[want.sku] = before._replace(quantity=before.quantity + want.quantity)
        orders.append(tuple(lines.values()))
    km, asked = (np.zeros((len(questions), len(codes)), dtype=np.int64) for _ in range(2))
    stock = np.zeros((len(codes), len(numbers)), dtype=np.int64)
    handling = np.zeros(len(codes), dtype=np.int64)
    for order, question in enumerate(questions):
        storages = {want.storage for want in question.wants}
        for site in question.sites:
            at = place[site.code]
            km[order, at], handling[at] = site.km, site.handling
            asked[order, at] = not site.barred and storages.issubset(site.storages) and _carried(question, site)
            for sku, pieces in site.free.items():
                stock[at, numbers[sku]] = pieces
    carriage = carriage_of(questions, codes, orders) if questions[0].terms else None
    return Pool(
        orders=orders,
        km=km,
        asked=asked.astype(np.bool_),
        handling=handling,
        stock=stock,
        capacity=np.array([min(room.get(code, len(questions)), len(questions)) for code in codes], dtype=np.int64),
        costs=questions[0].costs,
        penalties=_penalties(questions, carriage),
        carriage=carriage,
    )


def _carried(question: Question, site: Site) -> bool:
    return question.terms is None or bool(question.terms.lanes.get(site.code))


def _penalties(questions: Sequence[Question], carriage: Carriage | None) -> Penalties:
    """Without a price for a piece that is left, it is more than any parcel costs: what is free is worth sending."""
    terms = questions[0].terms
    if terms is None or carriage is None:
        return Penalties(SPLIT, max(_dearest(question) for question in questions) + SPLIT)
    if terms.unfilled:
        return Penalties(terms.split, terms.unfilled)
    dearest = max(dearest_of(question, lanes) for question, lanes in zip(questions, carriage.lanes, strict=True))
    return Penalties(terms.split, dearest + terms.split + 1)


def _dearest(question: Question) -> int:
    """Give what a parcel of all that is wanted can cost at most: what is free is worth sending, however heavy."""
    grams = sum([want.quantity * want.grams for want in question.wants])
    return max([cost_of(site, grams, question.costs) for site in question.sites], default=0)


def _codes(questions: Sequence[Question]) -> list[str]:
    return sorted({site.code for question in questions for site in question.sites})


def _pieces(plans: Sequence[Plan]) -> int:
    return sum(sum(parcel.pieces) for plan in plans for parcel in plan)
