from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.cases import NewCase, open_cases
from hub.database import keyring_of, run
from hub.errors import Malformed
from hub.order.change.cancel import cancel
from hub.order.search import page as searching
from hub.order.search.page import Findings, count_newer, find_numbered, search
from hub.order.search.query import Filter, first_id_since
from hub.order.search.recognise import Reading, hide, readings, reveal_term, shown_term
from hub.order.ship.progress import record_confirm
from hub.roles import SYSTEM, Actor, Role
from tests.hub.making import AT, RECEIVER, ZONE, confirm, order, placed, stock

OF_PC = Actor("of-pc", frozenset({Role.VIEWER}), shops=frozenset({"pc"}))
OF_APP = Actor("of-app", frozenset({Role.VIEWER}), shops=frozenset({"app"}))
OF_OTHER = Actor("of-other", frozenset({Role.VIEWER}), brands=frozenset({"other"}))
OF_DEMO = Actor("of-demo", frozenset({Role.VIEWER}), brands=frozenset({"demo"}))


@pytest.fixture
def ids(session: Session) -> list[int]:
    stock(session, {"sh": {"apple": 50, "pear": 50}})
    phones = ("10000000042", "10000000042", "10000001234", "10000005678", "10000009999")
    return [
        placed(
            session,
            order({"apple": 1} if n else {"pear": 2}, f"T{n}", receiver=RECEIVER.model_copy(update={"phone": phone})),
        )
        for n, phone in enumerate(phones)
    ]


def found(session: Session, actor: Actor = SYSTEM, cursor: str = "", **wanted: object) -> list[int]:
    page = search(session, actor, Filter.model_validate(wanted), ZONE, cursor)
    return [int(one.id) for one in page.orders]


def small_pages(monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    monkeypatch.setattr(searching, "PAGE", page)


@pytest.mark.parametrize(
    ("term", "by"),
    [
        ("{id}", "number"),
        ("{id}-1", "number"),
        (" T2 ", "external"),
        ("SF-c1", "tracking"),
        ("1234", "tail"),
        ("１２３４", "tail"),
        ("10000001234", "phone"),
        ("+86 100 0000 1234", "phone"),
        ("100-0000-1234", "phone"),
    ],
)
def test_a_term_is_recognised_by_its_shape(session: Session, ids: list[int], term: str, by: str) -> None:
    record_confirm(session, confirm(ids[2], 1, {"apple": 1}), AT)
    page = search(session, OF_DEMO, Filter(q=term.format(id=ids[2])), ZONE)
    assert [(int(one.id), one.by) for one in page.orders] == [(ids[2], (by,))]


def test_a_sku_finds_its_orders_and_other_filters_narrow_them(session: Session, ids: list[int]) -> None:
    cancel(session, ids[2], "operator-1", "", AT)
    assert found(session, q="apple") == ids[:0:-1]
    assert found(session, q="apple", status="cancelled") == [ids[2]]
    assert found(session, q="apple", shop="app") == []


def test_one_term_is_read_in_several_ways_at_once(session: Session, ids: list[int]) -> None:
    other = placed(session, order({"apple": 1}, "1234"))
    page = search(session, SYSTEM, Filter(q="1234"), ZONE)
    assert [(int(one.id), one.by) for one in page.orders] == [(other, ("external",)), (ids[2], ("tail",))]


@given(st.text(max_size=80))
def test_no_term_is_beyond_reading(term: str) -> None:
    assert set(readings(term)) <= set(Reading)


@pytest.mark.parametrize("term", ["%", "' or 1=1 --", "phone~AAAA", "phone~", "T\x00é", "a" * 500])
def test_hostile_terms_find_nothing(session: Session, ids: list[int], term: str) -> None:
    assert ids
    assert found(session, q=term) == []


def test_a_whole_phone_number_is_sealed_before_it_stands_in_an_address(session: Session, ids: list[int]) -> None:
    hidden = hide(session, "+86 10000001234")
    assert "1234" not in hidden
    assert found(session, q=hidden) == [ids[2]]
    assert (reveal_term(session, hidden), shown_term(session, hidden)) == ("10000001234", "100****1234")
    assert hide(session, " T2 ") == "T2"


def test_a_phone_is_looked_for_only_among_the_brands_that_the_actor_may_see(session: Session, ids: list[int]) -> None:
    assert found(session, OF_PC, q="0042") == [ids[1], ids[0]]
    assert found(session, OF_OTHER, q="0042") == found(session, OF_APP, q="0042") == []


@pytest.mark.parametrize("wanted", [{}, {"q": "T2"}, {"q": "apple"}, {"status": "in_fulfilment"}, {"shop": "pc"}])
def test_nobody_finds_what_is_not_theirs(session: Session, ids: list[int], wanted: dict[str, str]) -> None:
    assert ids[2] in found(session, OF_PC, **wanted)
    assert found(session, OF_APP, **wanted) == found(session, OF_OTHER, **wanted) == []


def test_what_waits_is_found_by_its_holds_and_cases(session: Session, ids: list[int]) -> None:
    held = placed(session, order({"apple": 1}, "T9", remark="先别发"))
    open_cases(session, [NewCase("step_dead", "step:1", "demo", "", ids[1])], AT)
    open_cases(session, [NewCase("review", f"order:{ids[0]}", "demo", "", ids[0])], AT)
    assert found(session, status="on_hold") == [held]
    assert found(session, status="has_case") == [held, ids[1], ids[0]]
    assert found(session, status="call_dead") == [ids[1]]
    assert found(session, status="on_hold", q="T9") == [held]
    assert found(session, status="accepted") == [held]


def test_a_row_tells_what_a_person_needs_to_choose(session: Session, ids: list[int]) -> None:
    held = placed(session, order({"apple": 2, "pear": 1}, "T9", paid_at=None))
    open_cases(session, [NewCase("review", f"order:{held}", "demo", "", held)], AT)
    one = search(session, SYSTEM, Filter(), ZONE).orders[0]
    assert (one.external_id, one.lines, one.pieces, one.holds, one.cases) == ("T9", 2, 3, ("finance",), 1)
    assert (one.lifecycle, one.province, one.total, one.couriers) == ("accepted", "上海市", 3000, ())
    assert len(ids) == 5


def test_pages_lead_forth_and_back_without_gap_or_repeat(
    session: Session, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch, 2)
    pages, cursor = list[Findings](), ""
    for _ in range(3):
        pages.append(search(session, SYSTEM, Filter(), ZONE, cursor))
        cursor = pages[-1].older
    seen = [[int(one.id) for one in page.orders] for page in pages]
    assert seen == [ids[:2:-1], ids[2:0:-1], ids[:1]]
    assert (pages[0].newer, pages[2].older) == ("", "")
    assert search(session, SYSTEM, Filter(), ZONE, pages[2].newer).orders == pages[1].orders
    assert search(session, SYSTEM, Filter(), ZONE, pages[1].newer).orders == pages[0].orders


def test_a_count_is_exact_where_it_was_counted_and_says_so_where_it_was_not(
    session: Session, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = search(session, SYSTEM, Filter(), ZONE)
    assert (page.count, page.at_least) == (len(ids), False)
    small_pages(monkeypatch, 2)
    monkeypatch.setattr(searching, "CAP", 3)
    page = search(session, SYSTEM, Filter(), ZONE)
    assert (page.count, page.at_least) == (3, True)


def test_a_search_that_has_looked_far_enough_says_where_to_go_on(
    session: Session, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.order.search.query.SCAN", 1)
    monkeypatch.setattr(searching, "STRETCHES", 2)
    page = search(session, SYSTEM, Filter(channel="elsewhere"), ZONE)
    assert (page.orders, page.older, page.back_to) == ((), f"o{ids[3]}", AT)
    assert search(session, SYSTEM, Filter(channel="elsewhere"), ZONE, page.older).older == f"o{ids[1]}"


def test_days_are_of_the_business_zone(session: Session, ids: list[int]) -> None:
    midnight = datetime(2026, 11, 10, 16, tzinfo=UTC)
    for id_, at in zip(ids, (midnight - timedelta(seconds=1), midnight, midnight, AT, AT), strict=True):
        run(session, "update sales_order set created_at = :at where id = :id", at=at, id=id_)
    assert found(session, since=date(2026, 11, 11)) == ids[:0:-1]
    assert found(session, until=date(2026, 11, 10)) == ids[:1]
    assert found(session, since=date(2026, 11, 10), until=date(2026, 11, 11)) == ids[::-1]
    assert found(session, since=date(2026, 11, 12)) == found(session, until=date(2025, 1, 1)) == []


def test_the_first_id_of_a_moment_is_found_by_halving(session: Session, ids: list[int]) -> None:
    for n, id_ in enumerate(ids):
        run(session, "update sales_order set created_at = :at where id = :id", at=AT + timedelta(hours=n), id=id_)
    for n, id_ in enumerate(ids):
        border = first_id_since(session, AT + timedelta(hours=n))
        assert next(other for other in ids if other >= border) == id_
    assert first_id_since(session, AT + timedelta(days=9)) == ids[-1] + 1
    assert first_id_since(session, datetime(2026, 10, 5, tzinfo=UTC)) == 2610 * 10**12


def test_new_orders_are_counted_under_the_same_filter(session: Session, ids: list[int]) -> None:
    assert count_newer(session, SYSTEM, Filter(), ZONE, ids[2]) == 2
    assert count_newer(session, SYSTEM, Filter(q="pear"), ZONE, 0) == 1
    assert count_newer(session, OF_APP, Filter(), ZONE, 0) == 0


def test_an_order_is_known_by_its_own_number_and_by_its_shops(session: Session, ids: list[int]) -> None:
    assert find_numbered(session, SYSTEM, str(ids[1])) == find_numbered(session, OF_PC, "T1") == [ids[1]]
    assert find_numbered(session, OF_APP, "T1") == find_numbered(session, SYSTEM, "9" * 16) == []


@pytest.mark.parametrize("cursor", ["x1", "o", "o-1", "n" + "9" * 17, "o１"])
def test_what_is_no_cursor_is_refused(session: Session, cursor: str) -> None:
    with pytest.raises(Malformed, match="no place in a list"):
        search(session, SYSTEM, Filter(), ZONE, cursor)


def test_an_unknown_status_is_refused(session: Session) -> None:
    with pytest.raises(Malformed, match="there is no status"):
        search(session, SYSTEM, Filter(status="ghost"), ZONE)


def test_the_sealed_term_opens_with_the_key_ring_alone(session: Session) -> None:
    assert keyring_of(session).open(keyring_of(session).seal(b"1", "search|phone"), "search|phone") == b"1"
    assert reveal_term(session, "phone~" + "A" * 40) == "phone~" + "A" * 40


@pytest.mark.parametrize("term", ["+1 555 010 0042", "010-10000042", "(010) 10000042", "100 0000 0042", "10000000042"])
def test_what_is_written_like_a_phone_stands_in_no_address(session: Session, term: str) -> None:
    assert hide(session, term).startswith("phone~")
    assert reveal_term(session, hide(session, term))


@pytest.mark.parametrize("term", ["20261111000042", "2611000000000053", "2611000000000053-1", "T-1"])
def test_an_orders_number_stands_as_it_is(session: Session, term: str) -> None:
    assert hide(session, term) == term
