import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.merge.fit import Limits, Part, fit
from hub.merge.recipient import Recipient, identity, plain_street

parts = st.builds(
    Part,
    order_id=st.integers(1, 8),
    no=st.integers(1, 3),
    bucket=st.sampled_from([(), ("a",), ("b",)]),
    due=st.booleans(),
    grams=st.integers(0, 900),
    limits=st.builds(Limits, orders=st.integers(2, 4), grams=st.integers(500, 2_000)),
)


def lists(most: int) -> st.SearchStrategy[list[Part]]:
    return st.lists(parts, max_size=most, unique_by=lambda part: (part.order_id, part.no))


@given(lists(20))
def test_what_is_due_goes_once_within_every_limit_and_with_its_like_alone(waiting: list[Part]) -> None:
    groups = fit(waiting)
    going = [(part.order_id, part.no) for group in groups for part in group]
    assert len(going) == len(set(going))
    assert {(part.order_id, part.no) for part in waiting if part.due} <= set(going)
    for group in groups:
        assert any(part.due for part in group)
        assert len({part.order_id for part in group}) == len(group)
        if len(group) > 1:
            assert len({part.bucket for part in group}) == 1
            assert group[0].bucket
            assert all(len(group) <= part.limits.orders for part in group)
            assert all(sum(one.grams for one in group) <= part.limits.grams for part in group)


@given(lists(12).flatmap(lambda waiting: st.tuples(st.just(waiting), st.permutations(waiting))))
def test_in_which_order_they_are_found_does_not_matter(both: tuple[list[Part], list[Part]]) -> None:
    one, other = (sorted(fit(waiting), key=str) for waiting in both)
    assert one == other


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("测试路 1-11 号", "测试路1－11号", True),
        ("测试路1-11号", "测试路11-1号", False),
        ("测试路1 11号", "测试路111号", False),
        ("Test Road 5, Flat B", "test road 5 flat b", True),
        ("浦东新区测试路1号", "测试路1号", True),
        ("测试路1号", "测试路2号", False),
    ],
)
def test_a_street_is_one_however_it_is_written_and_a_door_is_no_other(one: str, other: str, *, same: bool) -> None:
    names = ("上海市", "浦东新区")
    assert (plain_street(one, names) == plain_street(other, names)) is same


def test_a_recipient_shows_nothing_of_itself_and_a_token_stands_for_phone_and_door() -> None:
    to = Recipient("TB", "oaid-1", "10000000042", "310115", "测试路1号")
    assert "10000000042" not in repr(to)
    assert identity(to) == identity(Recipient("TB", "oaid-1", "10000000077", "310104", "测试路2号"))
    assert identity(to) != identity(Recipient("JD", "oaid-1", "10000000042", "310115", "测试路1号"))
