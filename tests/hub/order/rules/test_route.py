from collections.abc import Mapping

from hub.address.division import Point, point_of
from hub.order.rules.route import Shelf, rank, route
from hub.sourcing.model import Costs, Decision, Place, Question, Want
from tests.hub.making import DIVISIONS, OWNER

PUDONG = point_of(DIVISIONS["sh"])
WANT = Want(line_no=1, sku="apple", quantity=2, storage="ambient", grams=500)


def place(code: str, *, active: bool = True, point: Point | None = None) -> Place:
    where = point or point_of(DIVISIONS[code])
    return Place("demo", code, f"wms-{code}", OWNER, "SF", where, ("ambient",), 100, active)


def routed(
    shelf: Shelf, *places: Place, parts: int = 1, barred: Mapping[str, str] | None = None
) -> list[tuple[Question, Decision]]:
    return list(route([(WANT,)] * parts, rank(PUDONG, places), shelf, "v1", Costs(), barred or {}))


def chosen(decisions: list[tuple[Question, Decision]]) -> list[list[str]]:
    return [[choice.code for choice in decision.choices] for _, decision in decisions]


def test_the_nearest_of_equal_locations_is_chosen_and_listed_first() -> None:
    shelf = Shelf({("bj", "apple"): 9, ("sh", "apple"): 9})
    ((question, decision),) = routed(shelf, place("bj"), place("sh"))
    assert [site.code for site in question.sites] == ["sh", "bj"]
    assert (question.sites[0].km, decision.choices[0].code) == (0, "sh")


def test_a_part_sees_what_the_parts_before_it_took() -> None:
    shelf = Shelf({("sh", "apple"): 2, ("bj", "apple"): 3})
    decisions = routed(shelf, place("sh"), place("bj"), parts=3)
    assert chosen(decisions) == [["sh"], ["bj"], ["bj"]]
    assert [take.quantity for take in decisions[2][1].unmet] == [1]
    assert shelf.free(["apple"]) == {}


def test_a_closed_or_refusing_location_is_asked_and_eliminated() -> None:
    shelf = Shelf({(code, "apple"): 9 for code in DIVISIONS})
    places = (place("sh", active=False), place("bj"), place("gz"))
    ((question, decision),) = routed(shelf, *places, barred={"bj": "rejected_before"})
    assert {site.code: site.barred for site in question.sites} == {"sh": "closed", "bj": "rejected_before", "gz": ""}
    assert [choice.code for choice in decision.choices] == ["gz"]


def test_only_what_is_wanted_and_free_is_in_the_question() -> None:
    shelf = Shelf({("sh", "apple"): 1, ("sh", "pear"): 5, ("bj", "apple"): 0})
    ((question, _),) = routed(shelf, place("sh"), place("bj"))
    assert [site.free for site in question.sites] == [{"apple": 1}, {}]


def test_without_locations_everything_is_unmet() -> None:
    ((_, decision),) = routed(Shelf({}))
    assert (chosen(routed(Shelf({}))), decision.unmet[0].quantity, decision.cost) == ([[]], 2, 0)


def test_equally_near_locations_are_ranked_by_code() -> None:
    shelf = Shelf({("b", "apple"): 2, ("a", "apple"): 2})
    decisions = routed(shelf, place("b", point=PUDONG), place("a", point=PUDONG))
    assert chosen(decisions) == [["a"]]
