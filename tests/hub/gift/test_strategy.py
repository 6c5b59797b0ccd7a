"""Strategies are drafted, put in force and retired; each act is audited, and no version is lost."""

import json
from typing import Any

import pytest
from sqlalchemy.orm import Session

from hub.database import rows
from hub.errors import Conflict, Malformed, NotFound, Unauthorised
from hub.gift.model import MOST_FEN, Give, Strategy
from hub.gift.strategy import draft, list_strategies, publish, read_strategy, retire, rules_of
from hub.roles import SYSTEM, Actor, Role
from tests.hub.gift.giving import put_in_force
from tests.hub.making import AT, BRAND, add_sku

SPRING = Strategy(brand=BRAND, name="spring", gives=(Give(sku="cup"),))


@pytest.fixture(autouse=True)
def cup(session: Session) -> None:
    add_sku(session, "cup")


def states(session: Session) -> list[tuple[int, str]]:
    return [(one["no"], one["state"]) for one in list_strategies(session, SYSTEM)]


def test_a_draft_is_followed_once_it_is_in_force(session: Session) -> None:
    no = draft(session, SYSTEM, SPRING, AT)
    assert rules_of(session, [BRAND]) == {}
    publish(session, SYSTEM, BRAND, "spring", no, AT, untried="a test")
    assert [one.no for one in rules_of(session, [BRAND, "other"])[BRAND]] == [1]


def test_a_draft_that_was_replaced_after_it_was_read_is_not_put_in_force(session: Session) -> None:
    read = draft(session, SYSTEM, SPRING, AT)
    other = draft(session, SYSTEM, SPRING.model_copy(update={"first_orders": 9}), AT)
    with pytest.raises(Conflict, match="version 1 of spring of demo is retired"):
        publish(session, SYSTEM, BRAND, "spring", read, AT, untried="a test")
    assert states(session) == [(other, "draft"), (read, "retired")]


def test_a_new_version_in_force_retires_the_one_before(session: Session) -> None:
    put_in_force(session)
    put_in_force(session, first_orders=1)
    assert states(session) == [(2, "in_force"), (1, "retired")]
    assert retire(session, SYSTEM, BRAND, "spring", AT) == 2
    told = rows(session, "select act, detail from audit_entry where subject = 'gift:demo/spring' order by id")
    assert [(one.act, one.detail["no"]) for one in told[-2:]] == [("gift.publish", 2), ("gift.retire", 2)]


def test_only_what_is_there_is_put_in_force_or_retired(session: Session) -> None:
    with pytest.raises(NotFound):
        publish(session, SYSTEM, BRAND, "spring", 1, AT, untried="a test")
    with pytest.raises(Conflict):
        retire(session, SYSTEM, BRAND, "spring", AT)


def test_a_publication_without_a_draft_leaves_what_is_in_force(session: Session) -> None:
    put_in_force(session)
    for no, error in ((1, Conflict), (2, NotFound)):
        with pytest.raises(error):
            publish(session, SYSTEM, BRAND, "spring", no, AT, untried="a test")
    assert states(session) == [(1, "in_force")]


def test_what_must_be_bought_is_sold_by_the_brand(session: Session) -> None:
    add_sku(session, "set", parts={"cup": 2})
    assert draft(session, SYSTEM, SPRING.model_copy(update={"skus": ("cup", "set")}), AT) == 1
    with pytest.raises(Malformed, match="sells nothing of ghost"):
        draft(session, SYSTEM, SPRING.model_copy(update={"skus": ("cup", "ghost")}), AT)


def test_only_goods_of_the_brand_are_given_and_no_bundles(session: Session) -> None:
    add_sku(session, "set", parts={"cup": 2})
    for sku in ("ghost", "set"):
        with pytest.raises(Malformed, match=sku):
            draft(session, SYSTEM, SPRING.model_copy(update={"gives": (Give(sku=sku),)}), AT)


def test_who_may_not_configure_a_brand_drafts_nothing(session: Session) -> None:
    for actor in (
        Actor("one", frozenset({Role.OPERATOR})),
        Actor("two", frozenset({Role.ADMIN}), frozenset({"other"})),
    ):
        with pytest.raises(Unauthorised):
            draft(session, actor, SPRING, AT)


def test_a_file_that_is_no_strategy_says_where(session: Session) -> None:
    assert read_strategy(SPRING.model_dump_json().encode()) == SPRING
    with pytest.raises(Malformed, match=r"gives\[0\]\.pieces"):
        read_strategy(json.dumps({"brand": "b", "name": "n", "gives": [{"sku": "cup", "pieces": 0}]}).encode())
    assert states(session) == []


@pytest.mark.parametrize("field", [{"brand": "\0"}, {"shops": ["pc\0"]}, {"group": "\0"}])
def test_what_the_database_cannot_keep_is_refused_when_it_is_read(field: dict[str, Any]) -> None:
    written = {"brand": BRAND, "name": "spring", "gives": [{"sku": "cup"}], **field}
    with pytest.raises(Malformed, match=next(iter(field))):
        read_strategy(json.dumps(written).encode())


@pytest.mark.parametrize(
    ("field", "zh", "en"),
    [
        (
            {"starts_at": "2027-01-02T00:00:00Z", "ends_at": "2027-01-01T00:00:00Z"},
            "策略的结束时间须晚于开始时间",
            "the strategy ends before it starts",
        ),
        ({"most_times": 2}, "重复赠送须有金额或件数门槛（min_fen 或 min_pieces）", "giving again needs an amount"),
        (
            {"gives": [{"sku": "cup", "pieces": 2}], "most_pieces": 1},
            "赠品总件数少于一单所得",
            "there are fewer pieces",
        ),
        (
            {"gives": [{"sku": "cup", "pieces": 2, "value_fen": MOST_FEN}]},
            f"一单所得赠品的价值超过 {MOST_FEN} 分",
            f"worth more than {MOST_FEN} fen",
        ),
        (
            {"if_out": "replace"},
            'instead 是缺货时的替代赠品，须且仅在 if_out = "replace" 时填写',
            '"instead" names what',
        ),
    ],
)
def test_what_can_never_be_given_is_refused_in_both_languages(field: dict[str, Any], zh: str, en: str) -> None:
    written = {"brand": BRAND, "name": "spring", "gives": [{"sku": "cup"}], **field}
    with pytest.raises(Malformed, match=en) as refused:
        read_strategy(json.dumps(written).encode())
    assert refused.value.say("zh") == f"strategy：{zh}"
