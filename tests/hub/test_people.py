from datetime import datetime

import pytest
from argon2 import extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY
from sqlalchemy.orm import Session

from hub.database import row, rows
from hub.errors import Conflict, Malformed, NotFound
from hub.people import (
    PersonView,
    _hasher,  # pyright: ignore[reportPrivateUsage] # as it is before tests hash lightly
    add_person,
    find_hash,
    find_person,
    fits,
    hash_of,
    list_people,
    prefer,
    set_password,
    shut_out,
)
from hub.roles import Permission, Role

PASSWORD = "a-made-up-password"


def check_password(session: Session, name: str, password: str) -> PersonView | None:
    return find_person(session, name) if fits(find_hash(session, name), password) else None


@pytest.fixture
def wang(session: Session, at: datetime) -> str:
    add_person(
        session,
        name="wang",
        password=PASSWORD,
        roles=[Role.OPERATOR],
        at=at,
        display="王敏",
        brands=["demo"],
        shops=["pc"],
        by="cli:tester",
    )
    return "wang"


def test_a_password_is_hashed_as_rfc_9106_recommends_second() -> None:
    hashed = _hasher.hash(PASSWORD)
    assert extract_parameters(hashed) == RFC_9106_LOW_MEMORY
    assert _hasher.verify(hashed, PASSWORD)


def test_a_person_is_known_by_name_and_password_alone(session: Session, wang: str) -> None:
    found = check_password(session, wang, PASSWORD)
    assert found is not None
    assert found.display == "王敏"
    assert check_password(session, wang, PASSWORD + "!") is None
    assert check_password(session, "nobody", PASSWORD) is None


def test_a_person_acts_with_their_roles_in_their_brands_and_shops(session: Session, wang: str) -> None:
    found = find_person(session, wang)
    assert found is not None
    actor = found.actor()
    assert actor.may(Permission.WORK_ORDERS)
    assert not actor.may(Permission.CONFIGURE)
    assert (actor.name, actor.brands, actor.shops) == ("wang", {"demo"}, {"pc"})


def test_the_password_itself_is_kept_nowhere(session: Session, wang: str) -> None:
    kept = row(session, "select password, person::text as whole from person where name = :name", name=wang)
    assert kept is not None
    assert kept.password.startswith("$argon2id$")
    assert PASSWORD not in kept.whole
    assert PASSWORD not in str(rows(session, "select detail::text from audit_entry"))
    assert PASSWORD not in repr(find_person(session, wang))


def test_who_is_added_is_in_the_audit_log(session: Session, wang: str) -> None:
    found = rows(session, "select actor, act, subject, detail from audit_entry")
    assert [(one.actor, one.act, one.subject) for one in found] == [("cli:tester", "person.add", f"person:{wang}")]
    assert found[0].detail == {"roles": ["operator"]}


def test_a_name_is_taken_once_and_for_good(session: Session, wang: str, at: datetime) -> None:
    shut_out(session, wang, "admin", at)
    with pytest.raises(Conflict):
        add_person(session, name=wang, password=PASSWORD, roles=[Role.VIEWER], at=at)


@pytest.mark.parametrize("password", ["", "short", "x" * 257])
def test_a_password_is_neither_short_nor_endless(password: str) -> None:
    with pytest.raises(Malformed):
        hash_of(password)


@pytest.mark.parametrize(("name", "roles"), [("", [Role.VIEWER]), (" wang", [Role.VIEWER]), ("wang", list[Role]())])
def test_a_person_needs_a_plain_name_and_a_role(session: Session, at: datetime, name: str, roles: list[Role]) -> None:
    with pytest.raises(Malformed):
        add_person(session, name=name, password=PASSWORD, roles=roles, at=at)


def test_who_is_shut_out_has_no_password_any_more(session: Session, wang: str, at: datetime) -> None:
    shut_out(session, wang, "admin", at)
    assert check_password(session, wang, PASSWORD) is None
    assert [one.active for one in list_people(session)] == [False]


def test_another_password_takes_the_place_of_the_first(session: Session, wang: str, at: datetime) -> None:
    set_password(session, wang, "another-made-up-one", "admin", at)
    assert check_password(session, wang, PASSWORD) is None
    assert check_password(session, wang, "another-made-up-one") is not None


def test_wishes_are_kept_one_by_one(session: Session, wang: str, at: datetime) -> None:
    prefer(session, wang, at, language="en")
    prefer(session, wang, at, theme="dark")
    found = find_person(session, wang)
    assert found is not None
    assert (found.language, found.theme) == ("en", "dark")


def test_an_unknown_wish_or_person_is_refused(session: Session, wang: str, at: datetime) -> None:
    with pytest.raises(Malformed):
        prefer(session, wang, at, theme="pink")
    with pytest.raises(NotFound):
        shut_out(session, "nobody", "admin", at)
