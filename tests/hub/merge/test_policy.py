import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import rows
from hub.errors import Conflict, Malformed, Unauthorised
from hub.merge.policy import ShopPolicy, list_policies, policies_of, set_policy
from hub.merge.view import list_groups, list_waits
from hub.roles import SYSTEM, Actor, Role
from tests.hub.making import AT, BRAND, order, placed, stock
from tests.hub.merge.merging import close, merging

USUAL = ShopPolicy(BRAND, "pc")
STRANGER = Actor("stranger", frozenset({Role.ADMIN}), brands=frozenset({"other"}))


def test_a_policy_is_kept_as_it_was_set_and_each_change_is_audited(session: Session) -> None:
    set_policy(session, SYSTEM, replace(USUAL, window_min=5), AT)
    set_policy(session, SYSTEM, replace(USUAL, window_min=9, brands=("other",)), AT)
    assert list_policies(session, SYSTEM) == [replace(USUAL, window_min=9, brands=("other",), version=2)]
    assert len(rows(session, "select 1 from audit_entry where act = 'merge.policy_set'")) == 2


def test_who_names_the_version_that_was_read_comes_right_after_it_or_not_at_all(session: Session) -> None:
    for after in (0, 1):
        set_policy(session, SYSTEM, replace(USUAL, window_min=5 + after), AT, after=after)
    for after in (0, 1, 3):
        with pytest.raises(Conflict, match="was set meanwhile"):
            set_policy(session, SYSTEM, USUAL, AT, after=after)
    assert [(one.version, one.window_min) for one in list_policies(session, SYSTEM)] == [(2, 6)]


def test_a_transaction_asks_once_which_shops_merge(session: Session) -> None:
    merging(session)
    first = policies_of(session)
    rows(session, "delete from merge_policy returning 1")
    assert policies_of(session) is first


@pytest.mark.parametrize(
    "changes", [{"window_min": 0}, {"window_min": 99_999}, {"most_orders": 1}, {"most_grams": 0}, {"brand": "other"}]
)
def test_what_cannot_be_followed_is_malformed(session: Session, changes: dict[str, object]) -> None:
    merging(session)
    with pytest.raises(Malformed):
        set_policy(session, SYSTEM, replace(USUAL, **changes), AT)


def test_nobody_sets_or_sees_what_is_not_his(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    merging(session)
    ids = [placed(session, order({"apple": 1}, f"T{n}")) for n in range(3)]
    assert (len(list_waits(session, SYSTEM, 9)), list_waits(session, STRANGER, 9)) == (3, [])
    close(session)
    (group,) = list_groups(session, SYSTEM, 9, live=True)
    assert group.members == tuple(f"{order_id}-1" for order_id in ids)
    assert list_groups(session, STRANGER, 9, live=True) == list_policies(session, STRANGER) == []
    for actor in (STRANGER, Actor("clerk", frozenset({Role.OPERATOR}))):
        with pytest.raises(Unauthorised):
            set_policy(session, actor, USUAL, AT)
