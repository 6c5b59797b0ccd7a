"""Policies and rate cards of every kind, made by hypothesis."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from hub.catalogue.model import Traits
from hub.order.rules.keepers import Keepers
from hub.sourcing.model import LocationKind
from hub.sourcing.policy import Elimination, Freight, SourcingPolicy, Standing, Tariff, Weights
from hub.sourcing.promise import NO_CALENDAR, Calendar, Rest
from hub.sourcing.rates import Rate
from hub.sourcing.splitting import Splitting
from tests.hub.sourcing.asking import CODES, FEN

HERE: Final = datetime(2026, 11, 11, 15, tzinfo=ZoneInfo("Asia/Shanghai"))
TO: Final = st.sampled_from(["310115", "540121", "nowhere"])
PLACES: Final = st.sampled_from(["", "a", "b", "east"])
LIMIT: Final = st.none() | st.integers(1, 5000)
STANDINGS: Final = st.builds(
    Standing,
    zone=st.sampled_from(["", "east"]),
    radius_km=st.none() | st.integers(0, 5000),
    methods=st.none() | st.sampled_from([(), ("standard",)]),
    weekdays=st.sampled_from([(1,), (3,), (1, 2, 3)]),
    cut_off=st.times(),
    opens=st.times(),
    at_once=st.booleans(),
    clear=st.booleans() | st.just(("x",)),
    most_a_day=LIMIT,
)
RATES: Final = st.builds(
    Rate,
    courier=st.sampled_from(["SF", "ZTO"]),
    origin=PLACES,
    destination=st.sampled_from(["", "310000", "310115", "east"]),
    valid_from=st.sampled_from([HERE.date().replace(day=1), HERE.date().replace(day=30)]),
    first_grams=st.integers(1, 3000),
    first_fen=FEN,
    each_grams=st.integers(1, 3000),
    each_fen=FEN,
    divisor=st.sampled_from([0, 6000]),
    days=st.integers(0, 9),
)
FREIGHTS: Final = st.builds(
    Freight,
    rates=st.just("r1"),
    couriers=st.none() | st.just(("SF",)),
    split=FEN,
    per_day=FEN,
    per_1000_km=FEN,
    scarcity=FEN,
    couriers_rest=st.sampled_from(Rest),
)
POLICIES: Final = st.builds(
    SourcingPolicy,
    version=st.just("v1"),
    brand=st.just("demo"),
    costs=st.builds(Tariff, parcel=FEN, per_further_kg=FEN, per_1000_km=FEN, split=FEN),
    split=st.builds(Splitting, parcel_grams=LIMIT, parcel_pieces=LIMIT),
    eliminate=st.builds(
        Elimination,
        locations=st.lists(st.sampled_from(CODES)).map(tuple),
        kinds=st.frozensets(st.sampled_from(LocationKind), max_size=1),
        max_km=st.none() | st.integers(0, 5000),
    ),
    freight=st.none() | FREIGHTS,
    weights=st.builds(Weights, supply=FEN, weeks=st.integers(1, 52), markdown=FEN, unfilled=FEN),
    closed=st.sampled_from([(), (HERE.date(),)]),
    zones=st.just({"east": ("310000",)}),
    kinds=st.dictionaries(st.sampled_from(LocationKind), STANDINGS, max_size=2),
    locations=st.dictionaries(st.sampled_from(CODES), STANDINGS),
)
ANY_CODE: Final = st.sampled_from(list[str](CODES))
KINDS: Final = st.dictionaries(ANY_CODE, st.sampled_from(LocationKind))
GOODS: Final = st.none() | st.builds(
    Traits, supplier=st.sampled_from(["", "s1", "s2"]), bonded=st.booleans(), cm3=st.sampled_from([0, 9000])
)
SOME: Final = st.frozensets(ANY_CODE)
KEEPERS: Final = st.none() | st.builds(
    Keepers, of_supplier=st.dictionaries(st.sampled_from(["s1", "s3"]), SOME), bonded=SOME
)
CALENDARS: Final = st.sampled_from([NO_CALENDAR, Calendar(frozenset({HERE.date()}))])
