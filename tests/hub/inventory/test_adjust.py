from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from hub.database import row, rows, run
from hub.errors import Conflict, Malformed, NotFound
from hub.inventory.adjust import MOST, Limits, adjust, set_limits, set_safety
from hub.inventory.condition import Condition
from hub.inventory.ledger import Shortage, StockKey, drift
from hub.inventory.promise import promise
from hub.inventory.reserve import Claim, reserve
from tests.hub.making import AT, BRAND, OWNER, add_sku, counters, stock

APPLE = StockKey("sh", "apple", OWNER)


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})


def correct(session: Session, at: datetime, delta: int, ref: str = "ADJ-1", key: StockKey = APPLE) -> None:
    adjust(session, "boss", BRAND, key, delta, "broken in the aisle", ref, at)


def test_lost_and_found_pieces_are_booked_with_who_and_why(session: Session, at: datetime) -> None:
    correct(session, at, -2)
    correct(session, at, 4, "ADJ-2")
    assert (counters(session, "sh", "apple"), drift(session)) == ((7, 0), [])
    told = rows(session, "select actor, subject, detail from audit_entry where act = 'stock.adjust' order by id")
    assert [(one.actor, one.subject, one.detail["delta"]) for one in told] == [
        ("boss", "sku:apple", -2),
        ("boss", "sku:apple", 4),
    ]
    assert told[0].detail["reason"] == "broken in the aisle"


def test_one_document_is_booked_once(session: Session, at: datetime) -> None:
    correct(session, at, -2)
    with pytest.raises(Conflict) as caught, session.begin_nested():
        correct(session, at, -2)
    assert (caught.value.code, counters(session, "sh", "apple")) == ("movement_booked", (3, 0))


def test_promised_pieces_cannot_be_corrected_away(session: Session, at: datetime) -> None:
    reserve(session, [Claim("fo:1", APPLE, 4)], at)
    with pytest.raises(Shortage):
        correct(session, at, -2)
    correct(session, at, -1)
    assert counters(session, "sh", "apple") == (4, 4)


def test_pieces_may_be_found_where_none_were_counted(session: Session, at: datetime) -> None:
    damaged = APPLE._replace(condition=Condition.DAMAGED)
    correct(session, at, 3, key=damaged)
    assert (counters(session, "sh", "apple"), drift(session)) == ((5, 0), [])
    found = row(session, "select on_hand from stock_level where condition = 'damaged'")
    assert found is not None
    assert found.on_hand == 3


@pytest.mark.parametrize("delta", [0, MOST + 1, -MOST - 1, 2**63])
def test_a_correction_beyond_reason_is_refused(session: Session, at: datetime, delta: int) -> None:
    with pytest.raises(Malformed):
        correct(session, at, delta)
    assert counters(session, "sh", "apple") == (5, 0)


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (APPLE._replace(location="nowhere"), "unknown_location"),
        (APPLE._replace(sku="nothing"), "unknown_sku"),
        (APPLE._replace(sku="basket"), "unknown_sku"),
        (APPLE._replace(sku="voucher"), "unknown_sku"),
        (APPLE._replace(owner="nobody"), "unknown_owner"),
    ],
)
def test_what_the_brand_does_not_count_is_refused(session: Session, at: datetime, key: StockKey, code: str) -> None:
    add_sku(session, "basket", parts={"apple": 2})
    add_sku(session, "voucher", storage="none")
    with pytest.raises(NotFound) as caught:
        correct(session, at, 1, key=key)
    assert caught.value.code == code
    with pytest.raises(NotFound):
        adjust(session, "boss", "other", APPLE, 1, "why", "ADJ-1", at)


def test_pieces_of_what_is_virtual_since_can_be_put_right(session: Session, at: datetime) -> None:
    run(session, "update sku set storage = 'none' where code = 'apple'")
    correct(session, at, -5)
    assert counters(session, "sh", "apple") == (0, 0)


def test_safety_stock_is_set_and_told_who_set_it(session: Session, at: datetime) -> None:
    set_safety(session, "boss", BRAND, APPLE, 2, at)
    found = row(session, "select safety, on_hand from stock_level where sku = 'apple'")
    assert found is not None
    assert (found.safety, found.on_hand) == (2, 5)
    assert [one.actor for one in rows(session, "select actor from audit_entry where act = 'stock.safety'")] == ["boss"]


@pytest.mark.parametrize("pieces", [-1, MOST + 1])
def test_safety_stock_beyond_reason_is_refused(session: Session, at: datetime, pieces: int) -> None:
    with pytest.raises(Malformed):
        set_safety(session, "boss", BRAND, APPLE, pieces, at)


def limits_of(session: Session) -> tuple[int, str]:
    found = row(session, "select backorder_limit, authority from stock_level where sku = 'apple'")
    assert found is not None
    return found.backorder_limit, found.authority


def test_limits_are_set_one_by_one_and_told_who_set_them(session: Session, at: datetime) -> None:
    set_limits(session, "boss", BRAND, APPLE, Limits(backorder_limit=7), at)
    set_limits(session, "boss", BRAND, APPLE, Limits(authority="owner"), at)
    assert limits_of(session) == (7, "owner")
    told = rows(session, "select actor, detail from audit_entry where act = 'stock.limits' order by id")
    assert [one.actor for one in told] == ["boss", "boss"]
    assert told[0].detail["backorder_limit"] == [0, 7]
    assert told[1].detail["authority"] == ["hub", "owner"]
    assert promise(session, BRAND, "pc", ["apple"], AT)["apple"].free == 12


def test_a_limit_is_not_set_below_what_is_promised_beyond_what_is_there(session: Session, at: datetime) -> None:
    set_limits(session, "boss", BRAND, APPLE, Limits(backorder_limit=7), at)
    reserve(session, [Claim("fo:1", APPLE, 9)], at)
    with pytest.raises(Conflict, match="4 pieces are promised beyond what is there") as caught:
        set_limits(session, "boss", BRAND, APPLE, Limits(backorder_limit=3), at)
    assert (caught.value.code, limits_of(session)) == ("backorders_promised", (7, "hub"))
    set_limits(session, "boss", BRAND, APPLE, Limits(backorder_limit=4), at)
    assert limits_of(session) == (4, "hub")


@pytest.mark.parametrize(
    "limits",
    [Limits(backorder_limit=-1), Limits(backorder_limit=MOST + 1), Limits(backorder_limit=2**63), Limits(0, "nobody")],
)
def test_a_limit_beyond_reason_or_an_unknown_authority_is_refused(
    session: Session, at: datetime, limits: Limits
) -> None:
    with pytest.raises(Malformed):
        set_limits(session, "boss", BRAND, APPLE, limits, at)
    assert limits_of(session) == (0, "hub")


def test_limits_of_what_the_brand_does_not_count_are_refused(session: Session, at: datetime) -> None:
    for key, code in ((APPLE._replace(location="x"), "unknown_location"), (APPLE._replace(sku="x"), "unknown_sku")):
        with pytest.raises(NotFound) as caught:
            set_limits(session, "boss", BRAND, key, Limits(1), at)
        assert caught.value.code == code


def test_what_a_higher_limit_covers_is_short_no_more(session: Session, at: datetime) -> None:
    run(session, "update stock_level set allocated = 10, short = 5 where sku = 'apple'")
    set_limits(session, "boss", BRAND, APPLE, Limits(20), at)
    with pytest.raises(Shortage), session.begin_nested():
        reserve(session, [Claim("fo:1", APPLE, 16)], at)
    reserve(session, [Claim("fo:1", APPLE, 15)], at)
    assert counters(session, "sh", "apple") == (5, 25)
