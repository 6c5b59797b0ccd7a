"""People as the hub knows them: a row with a data key of their own, found by blind index, erased by losing the key."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Identity, UniqueConstraint
from sqlalchemy.orm import Session

from hub.columns import Table, moment, number, sealed, words
from hub.database import aside, keyring_of, later, rows, run
from hub.keyring import SubjectKey

REFERENCE: Final = "subject|reference"


class Subject(Table, table=True):
    """A buyer of a brand; `data_key` opens every personal field of theirs."""

    __table_args__ = (UniqueConstraint("brand", "reference_index"),)
    id: int | None = number(default=None, primary_key=True, sa_column_args=[Identity(always=True)])
    brand: str = words()
    reference_index: bytes = sealed()
    reference: bytes = sealed()
    data_key: bytes | None = sealed(default=None)
    created_at: datetime = moment()


def known_subjects(
    session: Session, brand: str, references: Iterable[str], at: datetime
) -> Mapping[str, tuple[int, SubjectKey]]:
    """Find or make the subjects of a brand by their references (a buyer id), each with its opened data key.

    Those that are there are not locked, and new ones are made beside the transaction: two batches with one new buyer
    would else wait for each other's end. One who was erased and comes back gets a fresh key, which does not open what
    the lost one sealed.
    """
    ring = keyring_of(session)
    by_index = {ring.index("subject", brand, reference): reference for reference in references}
    found = _find(session, brand, list(by_index))
    missing = sorted(by_index.keys() - found.keys())
    made = ring.new_subject_keys([_place(brand, index) for index in missing])
    if missing:
        with aside(session) as side:
            run(
                side,
                """insert into subject (brand, reference_index, reference, data_key, created_at)
                   select :brand, index, reference, key, :at
                   from unnest(cast(:indexes as bytea[]), cast(:references as bytea[]), cast(:keys as bytea[]))
                        as new (index, reference, key)
                   order by index on conflict (brand, reference_index) do nothing""",
                brand=brand,
                at=at,
                indexes=missing,
                references=ring.seal_all([(by_index[index].encode(), REFERENCE) for index in missing]),
                keys=[sealed for _, sealed in made],
            )
        found |= _find(session, brand, missing)
        if erased := sorted(set(missing) - found.keys()):
            _renew(session, brand, erased)
            found |= _find(session, brand, erased)
    mine = {sealed: key for key, sealed in made}  # not opened again
    return {
        by_index[index]: (subject_id, mine.get(key) or ring.open_subject_key(key, _place(brand, index)))
        for index, (subject_id, key) in found.items()
    }


def _renew(session: Session, brand: str, erased: list[bytes]) -> None:
    """Give fresh keys to those who were erased and have come back."""
    ring = keyring_of(session)
    run(
        session,
        """update subject set data_key = new.key
           from unnest(cast(:indexes as bytea[]), cast(:keys as bytea[])) as new (index, key)
           where subject.brand = :brand and subject.reference_index = new.index and subject.data_key is null""",
        brand=brand,
        indexes=erased,
        keys=[sealed for _, sealed in ring.new_subject_keys([_place(brand, index) for index in erased])],
    )


def _find(session: Session, brand: str, indexes: list[bytes]) -> dict[bytes, tuple[int, bytes]]:
    """Give id and sealed key of those who are known and not erased."""
    found = rows(
        session,
        """select id, reference_index, data_key from subject
           where brand = :brand and reference_index = any(cast(:indexes as bytea[])) and data_key is not null""",
        brand=brand,
        indexes=indexes,
    )
    return {bytes(one.reference_index): (one.id, bytes(one.data_key)) for one in found}


def hold_subjects(session: Session, subject_ids: Collection[int]) -> None:
    """Lock subjects until the transaction ends, in the order of their ids: who places another order of one waits."""
    statement = "select 1 from subject where id = any(:ids) order by id for no key update"
    later(session, statement, ids=sorted(subject_ids))


def open_key(session: Session, subject_id: int) -> SubjectKey | None:
    """Open one subject's data key; None when it was erased."""
    found = rows(session, "select brand, reference_index, data_key from subject where id = :id", id=subject_id)
    if not found or found[0].data_key is None:
        return None
    subject = found[0]
    place = _place(subject.brand, bytes(subject.reference_index))
    return keyring_of(session).open_subject_key(bytes(subject.data_key), place)


def open_keys(session: Session, subject_ids: Collection[int]) -> dict[int, SubjectKey]:
    """Open the data keys of many subjects; those who were erased are left out."""
    ring = keyring_of(session)
    found = rows(
        session,
        """select id, brand, reference_index, data_key from subject
           where id = any(:ids) and data_key is not null""",
        ids=sorted(subject_ids),
    )
    return {
        one.id: ring.open_subject_key(bytes(one.data_key), _place(one.brand, bytes(one.reference_index)))
        for one in found
    }


def _place(brand: str, index: bytes) -> str:
    return f"subject|data_key|{brand}|{index.hex()}"
