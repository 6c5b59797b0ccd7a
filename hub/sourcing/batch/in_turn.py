"""What the batch would get without being looked at together: each order in its turn, from what those before it left."""

from hub.sourcing.batch.pool import Ints, Line, Parcel, Plan, Pool
from hub.sourcing.greedy import decide
from hub.sourcing.model import Question, Site, Want

STORAGE = "any"


def plan_in_turn(pool: Pool) -> list[Plan]:
    """Decide order by order as `hub.sourcing.greedy` does; a location whose capacity is used up is barred."""
    stock, capacity = pool.stock.copy(), pool.capacity.copy()
    return [_plan(pool, number, lines, stock, capacity) for number, lines in enumerate(pool.orders)]


def _plan(pool: Pool, number: int, lines: tuple[Line, ...], stock: Ints, capacity: Ints) -> Plan:
    free = stock[:, [line.sku for line in lines]].tolist()
    km = pool.km[number].tolist()
    sites = [
        Site(
            code=f"{at:06}",
            km=km[at],
            handling=int(pool.handling[at]),
            storages=(STORAGE,),
            free={str(line.sku): pieces for line, pieces in zip(lines, free[at], strict=True)},
            barred="" if pool.asked[number, at] and capacity[at] > 0 else "barred",
        )
        for at in range(len(km))
    ]
    wants = tuple(
        Want(line_no=no, sku=str(line.sku), quantity=line.quantity, storage=STORAGE, grams=line.grams)
        for no, line in enumerate(lines)
    )
    decision = decide(Question(policy="", wants=wants, sites=tuple(sites), costs=pool.costs))
    parcels: list[Parcel] = []
    for choice in decision.choices:
        pieces = [0] * len(lines)
        for take in choice.takes:
            pieces[take.line_no] = take.quantity
            stock[int(choice.code), int(take.sku)] -= take.quantity
        capacity[int(choice.code)] -= 1
        parcels.append(Parcel(int(choice.code), tuple(pieces)))
    return tuple(sorted(parcels))
