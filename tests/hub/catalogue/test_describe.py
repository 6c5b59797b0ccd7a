from datetime import date

import pytest
from sqlalchemy.orm import Session

from hub.catalogue.describe import describe
from hub.catalogue.find import find_products
from hub.catalogue.model import ORDINARY, Storage, Traits
from hub.database import rows
from hub.errors import Malformed, NotFound, Unauthorised
from hub.roles import SYSTEM, Actor, Role
from tests.hub.making import AT, add_sku


def test_goods_are_ordinary_until_they_are_described(session: Session) -> None:
    add_sku(session, "lamp")
    assert find_products(session, ["lamp"])["lamp"].traits is None
    assert describe(session, SYSTEM, "lamp", AT) == (Storage.AMBIENT, ORDINARY)


def test_what_is_named_changes_and_the_rest_stays(session: Session) -> None:
    add_sku(session, "lamp")
    describe(session, SYSTEM, "lamp", AT, hazard="9", available_from=date(2026, 12, 1))
    describe(session, SYSTEM, "lamp", AT, cm3=1_200)
    expected = Traits(hazard="9", cm3=1_200, available_from=date(2026, 12, 1))
    assert find_products(session, ["lamp"])["lamp"].traits == expected
    acts = rows(session, "select detail from audit_entry where act = 'sku.describe' order by id")
    assert acts[0].detail == {"hazard": "9", "available_from": "2026-12-01", "storage": "ambient"}


def test_virtual_goods_have_no_traits_and_bundles_are_described_by_their_parts(session: Session) -> None:
    add_sku(session, "lamp")
    add_sku(session, "box", parts={"lamp": 2})
    describe(session, SYSTEM, "lamp", AT, storage=Storage.NONE)
    with pytest.raises(Malformed, match="virtual"):
        describe(session, SYSTEM, "lamp", AT, bonded=True)
    with pytest.raises(Malformed, match="parts"):
        describe(session, SYSTEM, "box", AT, bonded=True)


def test_a_class_of_danger_is_one_of_the_uns(session: Session) -> None:
    add_sku(session, "lamp")
    with pytest.raises(Malformed, match="class of danger"):
        describe(session, SYSTEM, "lamp", AT, hazard="10")


def test_only_known_goods_are_described_by_those_who_may(session: Session) -> None:
    add_sku(session, "lamp")
    with pytest.raises(NotFound):
        describe(session, SYSTEM, "none", AT)
    with pytest.raises(Unauthorised):
        describe(session, Actor("viewer", frozenset({Role.VIEWER})), "lamp", AT, bonded=True)
    with pytest.raises(Unauthorised):
        describe(session, Actor("other", frozenset({Role.ADMIN}), frozenset({"other"})), "lamp", AT, bonded=True)
