from datetime import date
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.errors import Conflict, Malformed, NotFound, Unauthorised
from hub.order.find import get_order
from hub.order.rehearse.policies import compare_policies
from hub.order.rules.policy import POLICY
from hub.order.trace.explain import Routing, routing_of
from hub.order.trace.routing import trace_routing
from hub.roles import SYSTEM, Actor, Role
from hub.sourcing.cards import get_card, list_cards, load_card
from hub.sourcing.freight import FREIGHT
from hub.sourcing.policies import draft_policy, publish_policy
from hub.sourcing.policy import read_policy
from hub.sourcing.rerun import Sameness, rerun, stored_decisions
from tests.hub.making import AT, order, placed, stock

HEAD = "courier,origin,destination,first_fen,each_fen,days\n"
CARD = f"{HEAD}SF,,,1200,200,1\nZTO,sh,310000,500,100,3\nZTO,bj,310000,700,100,4\n"
POLICY_TEXT = 'version = "carried"\nbrand = "demo"\n[freight]\nrates = "r1"\n'


def in_force(session: Session, more: str = "", version: str = "carried") -> None:
    draft_policy(session, SYSTEM, POLICY_TEXT.replace("carried", version) + more, POLICY.version, AT)
    publish_policy(session, SYSTEM, "demo", version, "tried", AT, revision=1, untried="a test")


def load(session: Session, content: str = CARD, edition: str = "r1", actor: Actor = SYSTEM) -> int:
    return len(load_card(session, actor, "demo", edition, content, AT).rates)


def couriers(session: Session, order_id: int) -> list[tuple[str, str]]:
    statement = "select location, courier from fulfilment_order where order_id = :id order by no"
    return [(one.location, one.courier) for one in rows(session, statement, id=order_id)]


def explained(session: Session) -> Routing:
    return routing_of(session, "T1", SYSTEM)


def told(session: Session, order_id: int) -> list[tuple[str | None, date | None]]:
    """Give what an order's shop is told of each fulfilment order: who carries it, and when it should be there."""
    return [(one.courier, one.promised_on) for one in get_order(session, order_id, SYSTEM).fulfilments]


@pytest.fixture
def goods(session: Session) -> Session:
    stock(session, {"sh": {"apple": 90}, "bj": {"apple": 90}})
    load(session)
    return session


def test_the_courier_of_the_rate_card_carries_what_is_placed(goods: Session) -> None:
    in_force(goods)
    assert couriers(goods, placed(goods, order({"apple": 1}))) == [("sh", "ZTO")]
    in_force(goods, "per_day = 400\n", "soon")
    assert couriers(goods, placed(goods, order({"apple": 1}, "T2"))) == [("sh", "SF")]
    told = rerun(stored_decisions(goods))
    assert (told.counts, set(told.solvers)) == ({Sameness.SAME: 2}, {FREIGHT})


def test_a_shop_is_told_the_courier_and_the_day_that_were_decided_and_no_day_where_none_was(goods: Session) -> None:
    unknown = placed(goods, order({"apple": 1}))
    in_force(goods)
    known = placed(goods, order({"apple": 1}, "T2"))
    assert (told(goods, unknown), told(goods, known)) == ([("SF", None)], [("ZTO", date(2026, 11, 14))])


def test_without_a_rate_card_the_location_has_its_own_courier_as_before(goods: Session) -> None:
    assert couriers(goods, placed(goods, order({"apple": 1}))) == [("sh", "SF")]
    written = rows(goods, "select input::text as asked, outcome::text as told from routing_decision")[0]
    assert not [word for word in ("terms", "courier", "promise", "options") if word in written.asked + written.told]


def test_every_location_and_courier_is_told_of_and_the_costs_add_up(goods: Session) -> None:
    in_force(goods, "per_day = 10\nper_1000_km = 100\n")
    placed(goods, order({"apple": 3}))
    [decision] = explained(goods).decisions
    assert [(one.code, one.courier, one.verdict) for one in decision.carriers] == [
        ("sh", "SF", "dearer"),
        ("sh", "ZTO", "chosen"),
        ("bj", "SF", "dearer"),
        ("bj", "ZTO", "dearer"),
    ]
    assert (decision.cost, dict(decision.promises), decision.replays) == (730, {"sh": "2026-11-14"}, True)
    chosen, lost = trace_routing(goods, int(explained(goods).id))[0].candidates
    assert chosen.parts
    assert lost.parts
    assert (chosen.parts.total, chosen.parts.parcel, chosen.parts.weight, chosen.parts.penalty) == (730, 500, 100, 30)
    assert lost.parts.total - chosen.parts.total == lost.lost_by > 0


def test_after_the_cut_off_it_arrives_a_day_later_and_a_closed_store_is_not_asked(goods: Session) -> None:
    in_force(goods, "[locations.sh]\ncut_off = 10:00:00\n[locations.bj]\nat_once = true\ncut_off = 09:00:00\n")
    placed(goods, order({"apple": 1}))  # it is ten in the morning
    [decision] = explained(goods).decisions
    assert dict(decision.promises) == {"sh": "2026-11-15"}
    assert decision.candidates[-1].verdict == "not_open"


def test_a_place_where_no_courier_of_the_card_goes_gets_nothing(goods: Session) -> None:
    load(goods, f"{HEAD}SF,,540000,1,1,1\n", "r2")
    in_force(goods, version="west")
    run(goods, "update routing_policy set content = replace(content, '\"r1\"', '\"r2\"')")
    assert couriers(goods, placed(goods, order({"apple": 1}))) == []
    assert {one.verdict for one in explained(goods).decisions[0].candidates} == {"no_rate"}


def test_a_draft_with_another_card_is_compared_at_the_prices_in_force(goods: Session) -> None:
    placed(goods, order({"apple": 1}))
    load(goods, f"{HEAD}JD,bj,,100,100,2\n", "r2")
    since = AT.astimezone(ZoneInfo("Asia/Shanghai"))
    draft = read_policy(POLICY_TEXT.replace("r1", "r2"))
    told = compare_policies(goods, draft, POLICY, since)
    assert (told.draft.total.share, told.draft.total.days, told.in_force.total.days) == ({"bj": 1.0}, 2.0, None)
    assert told.draft.total.own_cost == 200 < told.in_force.total.cost < told.draft.total.cost


def test_an_edition_is_loaded_once_and_never_changes(goods: Session) -> None:
    assert load(goods) == 3
    with pytest.raises(Conflict):
        load(goods, f"{CARD}JD,,,1,1,1\n")
    [card] = list_cards(goods, "demo")
    acts = rows(goods, "select detail from audit_entry where act = 'rate_card.load'")
    assert [one.detail["digest"] for one in acts] == [card.digest]
    assert get_card(goods, "demo", "r1") is get_card(goods, "demo", "r1")


@pytest.mark.parametrize(
    ("content", "edition"),
    [
        (f"{HEAD}S\0F,,,1,1,1\n", "r2"),
        (f"courier,{HEAD}\0,SF,,,1,1,1\n", "r2"),
        (f"{HEAD}\ud800,,,1,1,1\n", "r2"),
        (CARD, "r\0"),
        (CARD, ""),
        (CARD, "r" * 65),
    ],
    ids=["cell", "column given twice", "surrogate", "edition", "no edition", "long edition"],
)
def test_a_card_that_the_database_cannot_keep_is_refused(goods: Session, content: str, edition: str) -> None:
    with pytest.raises(Malformed):
        load(goods, content, edition)


def test_a_policy_without_its_rate_card_is_refused(goods: Session) -> None:
    with pytest.raises(NotFound):
        draft_policy(goods, SYSTEM, POLICY_TEXT.replace("r1", "none"), POLICY.version, AT)
    with pytest.raises(Malformed):
        load(goods, "courier\n", "r3")
    with pytest.raises(Unauthorised):
        load(goods, edition="r4", actor=Actor("o", frozenset({Role.OPERATOR})))


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ('couriers = ["SF", "ZT0"]\n', "freight.couriers"),
        ('method = "expres"\n', "freight.method"),
        ('couriers = ["SF"]\nmethod = "slow"\n', "freight.method"),
        ('[locations.sh]\nzone = "esat"\n', "locations.sh.zone"),
        ('[kinds.store]\nzone = "esat"\n', "kinds.store.zone"),
    ],
)
def test_a_draft_names_nothing_of_a_card_that_is_not_there(goods: Session, more: str, field: str) -> None:
    load(goods, f"{HEAD[:-1]},method\nSF,east,,1,1,1,\nSF,,,2,1,1,\nZTO,,,1,1,1,slow\n", "r2")
    text = POLICY_TEXT.replace("r1", "r2")
    zones = '[zones]\nwest = ["540000"]\n[locations.sh]\nzone = "east"\n[locations.bj]\nzone = "west"\n'
    draft_policy(goods, SYSTEM, f'{text}couriers = ["SF"]\n{zones}', POLICY.version, AT)
    with pytest.raises(Malformed) as refused:
        draft_policy(goods, SYSTEM, text + more, POLICY.version, AT)
    assert refused.value.field == field
