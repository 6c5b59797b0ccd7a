"""A supplier sends what is his own and nothing else, and what is bonded leaves from under bond."""

from hypothesis import given
from hypothesis import strategies as st

from hub.address.division import point_of
from hub.catalogue.model import Traits
from hub.order.rules.keepers import NOT_BONDED, OTHER_SENDER, keepers_of
from hub.order.rules.route import Shelf, ask, rank, route
from hub.sourcing.model import Costs, LocationKind, Place, Want
from tests.hub.making import DIVISIONS, OWNER

POINT = point_of(DIVISIONS["sh"])
OURS, FARM, DAIRY, BOND = "ours", "farm-1", "dairy-1", "bond"


def place(code: str, *, owner: str = OWNER, kind: LocationKind = LocationKind.WAREHOUSE, bonded: bool = False) -> Place:
    point = point_of(DIVISIONS["bj"] if code == OURS else DIVISIONS["sh"])
    return Place("demo", code, "wms", owner, "SF", point, ("ambient",), 100, active=True, kind=kind, bonded=bonded)


ALL = (
    place(OURS),
    place(FARM, owner="farm", kind=LocationKind.SUPPLIER),
    place(DAIRY, owner="dairy", kind=LocationKind.SUPPLIER),
    place(BOND, bonded=True),
)
SENDERS = {"farm": {FARM}, "dairy": {DAIRY}, "": {OURS, BOND}, "elsewhere": {OURS, BOND}}


def want(no: int, traits: Traits | None = None) -> Want:
    return Want(no, f"sku{no}", 1, "ambient", 500, traits)


def barred(*wants: Want, places: tuple[Place, ...] = ALL) -> dict[str, str]:
    keepers = keepers_of(places)
    (question,) = ask([wants], rank(POINT, places), Shelf({}), "v1", Costs(), {}, None, keepers)
    return {site.code: site.barred for site in question.sites if site.barred}


def test_a_supplier_sends_his_own_and_nobody_else_does() -> None:
    assert barred(want(1, Traits(supplier="farm"))) == dict.fromkeys((OURS, DAIRY, BOND), OTHER_SENDER)
    assert barred(want(1)) == dict.fromkeys((FARM, DAIRY), OTHER_SENDER)


def test_what_is_bonded_leaves_from_under_bond_which_may_send_other_goods_too() -> None:
    found = barred(want(1, Traits(bonded=True)))
    assert found == {OURS: NOT_BONDED, FARM: OTHER_SENDER, DAIRY: OTHER_SENDER}


def test_goods_of_a_supplier_without_a_place_and_bond_without_a_place_go_on_as_they_did() -> None:
    assert barred(want(1, Traits(supplier="elsewhere", bonded=True)), places=ALL[:3]) == {
        FARM: OTHER_SENDER,
        DAIRY: OTHER_SENDER,
    }
    assert keepers_of([place(OURS)]) is None


def test_a_reason_that_a_place_has_already_stays() -> None:
    ranked = rank(POINT, ALL)
    (question,) = ask([(want(1),)], ranked, Shelf({}), "v1", Costs(), {FARM: "rejected_before"}, None, keepers_of(ALL))
    assert {one.code: one.barred for one in question.sites}[FARM] == "rejected_before"


traits = st.builds(Traits, supplier=st.sampled_from(list(SENDERS)), bonded=st.booleans())


@given(st.lists(st.one_of(st.none(), traits), min_size=1, max_size=6))
def test_nothing_is_sent_by_who_may_not_and_all_of_it_by_somebody(several: list[Traits | None]) -> None:
    """Also where a policy's chain has left all in one part."""
    wants = tuple(want(no, one) for no, one in enumerate(several, 1))
    shelf = Shelf({(one.code, w.sku): 9 for one in ALL for w in wants})
    decided = list(route([wants], rank(POINT, ALL), shelf, "v1", Costs(), {}, None, keepers_of(ALL)))
    sent = {take.line_no: choice.code for _, one in decided for choice in one.choices for take in choice.takes}
    for no, one in enumerate(several, 1):
        of = one or Traits()
        if of.bonded and of.supplier in {"farm", "dairy"}:
            assert no not in sent  # his place is not under bond
        else:
            assert sent[no] in ({BOND} if of.bonded else SENDERS[of.supplier])
