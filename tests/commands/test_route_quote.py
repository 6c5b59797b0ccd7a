import json

import pytest

from hub.catalogue.describe import describe
from hub.database import Database
from hub.errors import Malformed
from hub.roles import SYSTEM
from tests.commands.conftest import Oms
from tests.hub.making import AT, add_sku, stock


@pytest.fixture(autouse=True)
def _goods(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"rope": 3, "lamp": 1}, "bj": {"rope": 2}}, "ASN-2")
        add_sku(session, "card", storage="none")
        describe(session, SYSTEM, "lamp", AT, available_from=AT.date().replace(year=2099))


def test_it_says_how_goods_would_be_sent(oms: Oms) -> None:
    shown = oms("route", "quote", "310115", "rope=6", "lamp=1", "card=1", "nothing=1", "--brand", "demo")
    assert ("sh" in shown.stdout, "rope × 3" in shown.stdout, "rope × 2" in shown.stdout) == (True, True, True)
    for told in ("from 2099-11-11: lamp × 1", "no parcel: card × 1", "source: rope × 1", "no such goods: nothing"):
        assert told in shown.stderr


def test_a_program_reads_it(oms: Oms) -> None:
    told = json.loads(oms("route", "quote", "310115", "rope=1", "--brand", "demo", "--json").stdout)
    assert (told["whole"], told["parcels"][0]["location"]) == (True, "sh")


@pytest.mark.parametrize(
    ("goods", "code"),
    [
        ("rope", "malformed"),
        ("rope=", "malformed"),
        ("rope=0", "malformed"),
        ("=3", "malformed"),
        (f"rope={'9' * 5_000}", "malformed"),
        ("rope=10001", "pieces"),
    ],
)
def test_goods_that_cannot_be_meant_are_refused(oms: Oms, goods: str, code: str) -> None:
    error = oms("route", "quote", "310115", goods, "--brand", "demo").exception
    assert isinstance(error, Malformed)
    assert error.code == code
    assert error.say("zh") != error.say("en")
