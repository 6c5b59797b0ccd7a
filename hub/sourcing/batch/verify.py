"""Check an answer for a batch from nothing but the question: shares no code with what found it."""

from collections import Counter
from collections.abc import Iterator, Sequence

from hub.sourcing.batch.carriage import Carriage
from hub.sourcing.batch.pool import Plan, Pool


def faults_of(pool: Pool, plans: Sequence[Plan], cost: int) -> list[str]:
    """Say what is wrong with an answer: nothing, if it can be carried out and costs what it is said to."""
    if len(plans) != len(pool.orders):
        return [f"{len(pool.orders)} orders have {len(plans)} plans"]
    faults = [fault for order in range(len(plans)) for fault in _order_faults(pool, order, plans[order])]
    return faults or [*_shortages(pool, plans), *_cost_fault(pool, plans, cost)]


def _order_faults(pool: Pool, order: int, plan: Plan) -> Iterator[str]:
    wanted = [line.quantity for line in pool.orders[order]]
    if len({parcel.location for parcel in plan}) < len(plan):
        yield f"order {order} has two parcels from one location"
    for location, pieces in plan:
        if not 0 <= location < len(pool.handling) or not pool.asked[order, location]:
            yield f"order {order} is served by location {location}, which may not be asked"
        if len(pieces) != len(wanted) or min(pieces) < 0 or not any(pieces):
            yield f"order {order} has a parcel of {pieces} for {len(wanted)} lines"
            return
    for line, quantity in enumerate(wanted):
        sent = sum(parcel.pieces[line] for parcel in plan)
        if sent > quantity:
            yield f"order {order} is sent {sent} of {quantity} pieces of its line {line}"


def _shortages(pool: Pool, plans: Sequence[Plan]) -> Iterator[str]:
    taken = Counter[tuple[int, int]]()
    parcels = Counter[int]()
    for lines, plan in zip(pool.orders, plans, strict=True):
        for location, pieces in plan:
            parcels[location] += 1
            for line, count in zip(lines, pieces, strict=True):
                taken[location, line.sku] += count
    for (location, sku), count in taken.items():
        if count > (there := int(pool.stock[location, sku])):
            yield f"location {location} gives {count} of SKU {sku} and has {there}"
    for location, count in parcels.items():
        if count > (most := int(pool.capacity[location])):
            yield f"location {location} sends {count} parcels and can send {most}"


def _carried(pool: Pool, by: Carriage, order: int, location: int, pieces: Sequence[int]) -> int:
    lines = pool.orders[order]
    grams = sum(line.grams * count for line, count in zip(lines, pieces, strict=True))
    cm3 = sum(line.cm3 * count for line, count in zip(lines, pieces, strict=True))
    costs: list[int] = []
    for fixed, first_grams, first_fen, each_grams, each_fen, divisor in by.lanes[order, location].tolist():
        heavy = max(grams, (cm3 * 1000 + divisor - 1) // divisor) if divisor else grams
        steps = 0
        while heavy > first_grams + steps * each_grams:
            steps += 1
        costs.append(fixed + first_fen + steps * each_fen)
    more = 0
    for at, (line, count) in enumerate(zip(lines, pieces, strict=True)):
        if count:
            more += count * int(by.piece[order, location, at])
            more += by.scarcity * count // int(by.free[location, line.sku])
    return min(costs) + more


def _cost_fault(pool: Pool, plans: Sequence[Plan], cost: int) -> Iterator[str]:
    true = 0
    for order, (lines, plan) in enumerate(zip(pool.orders, plans, strict=True)):
        if plan:
            true += (len(plan) - 1) * pool.penalties.split
        true += sum(line.quantity for line in lines) * pool.penalties.unfilled
        for location, pieces in plan:
            true -= sum(pieces) * pool.penalties.unfilled
            if pool.carriage:
                true += _carried(pool, pool.carriage, order, location, pieces)
                continue
            true += pool.costs.parcel + int(pool.handling[location])
            true += int(pool.km[order, location]) * pool.costs.per_1000_km // 1000
            grams = sum(line.grams * count for line, count in zip(lines, pieces, strict=True))
            while grams > 1000:  # noqa: PLR2004 # the first kilogram is in the price of the parcel
                true += pool.costs.per_further_kg
                grams -= 1000
    if true != cost:
        yield f"the plans cost {true}, not {cost}"
