"""The chain of splitting as a brand's policy orders it: its own rules, limits and floor, else the built-in ones."""

from collections.abc import Iterator, Sequence
from typing import Final

from hub.order.rules.policy import BONDED_FEN, PARCEL_CM3, PARCEL_GRAMS
from hub.order.rules.split import (
    WITH_MAIN,
    Floor,
    Link,
    Splitter,
    by_arrival,
    by_bond,
    by_bonded_value,
    by_hazard,
    by_parcel,
    by_pieces,
    by_size,
    by_storage,
    by_supplier,
    by_volume,
    by_weight,
    gently,
)
from hub.sourcing.splitting import MOST_BONDED_FEN, Splitting

APART: Final = {
    one.name: one for one in (by_storage, by_hazard, by_supplier, by_bond, by_size, by_arrival)
}  # the rules without limits


def chain_of(built_in: Sequence[Link], said: Splitting) -> tuple[Link, ...]:
    """Give a chain as a policy says it; what it does not say is as built in."""
    links = _limited(built_in, said) if said.chain is None else _ordered(said)
    wishes = [gently(one) if isinstance(one, Splitter) and one.name in said.wishes else one for one in links]
    return (*wishes, Floor(said.floor_fen)) if said.floor_fen is not None else tuple(wishes)


def _limits(said: Splitting) -> dict[str, Splitter]:
    grams, cm3 = said.parcel_grams or PARCEL_GRAMS, said.parcel_cm3 or PARCEL_CM3
    bonded_fen = min(said.bonded_fen or BONDED_FEN, MOST_BONDED_FEN)  # a policy of before the limit may say more
    limits = (by_parcel(grams, cm3), by_weight(grams), by_volume(cm3), by_bonded_value(bonded_fen))
    named = {one.name: one for one in limits}
    return named | {"pieces": by_pieces(said.parcel_pieces)} if said.parcel_pieces else named


def _limited(chain: Sequence[Link], said: Splitting) -> Iterator[Link]:
    """Give the built-in chain with the brand's own limits; their place in it stays."""
    own = _limits(said)
    yield from (own.get(link.name, link) if isinstance(link, Splitter) else link for link in chain)
    if "pieces" in own:
        yield own["pieces"]


def _ordered(said: Splitting) -> Iterator[Link]:
    own = APART | _limits(said)
    for name in said.chain or ():
        yield WITH_MAIN if name == "with_main" else own[name]
