"""Trials that were made: which text was tried on past orders, so that only what was tried is put in force."""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from hub.audit import plain
from hub.columns import Table, moment, number, one_of, words
from hub.database import row, run
from hub.document import Document
from hub.errors import Conflict


class TrialKind(StrEnum):
    """What is tried on past orders before it is put in force."""

    POLICY = "policy"
    RULE = "rule"
    GIFT = "gift"


class Trial(Table, table=True):
    """The last trial of one text, known by its SHA-256: over how many days and orders, and whether it saw them all."""

    __table_args__ = (one_of("kind", TrialKind),)
    kind: str = words(primary_key=True)
    digest: str = words(primary_key=True)
    days: int = number()
    looked: int = number()
    whole: bool
    tried_at: datetime = moment()
    tried_by: str = words()


class TrialView(Document):
    """A trial as it is told of."""

    days: int
    looked: int
    whole: bool
    tried_at: datetime
    tried_by: str


COLUMNS: Final = ", ".join(TrialView.model_fields)


def note_trial(session: Session, kind: TrialKind, text: str, trial: TrialView) -> TrialView | None:
    """Note that this very text was tried, and give its trial that stands: an earlier one is forgotten.

    What was tried on no order was not tried: it is not noted, and an earlier trial stands.
    """
    if not trial.looked:
        return find_trial(session, kind, text)
    run(
        session,
        f"""insert into trial (kind, digest, {COLUMNS})
            values (:kind, :digest, {", ".join(f":{name}" for name in TrialView.model_fields)})
            on conflict (kind, digest) do update
            set {", ".join(f"{name} = excluded.{name}" for name in TrialView.model_fields)}""",
        kind=kind,
        digest=_digest(text),
        **trial.model_dump(),
    )
    return trial


def find_trial(session: Session, kind: TrialKind, text: str) -> TrialView | None:
    """Give the last trial of this very text; one of no order, as they were noted once, is none."""
    statement = f"select {COLUMNS} from trial where (kind, digest) = (:kind, :digest) and looked > 0"
    found = row(session, statement, kind=kind, digest=_digest(text))
    return TrialView.model_validate(dict(zip(TrialView.model_fields, found, strict=True))) if found else None


def require_trial(session: Session, kind: TrialKind, text: str, untried: str) -> dict[str, str]:
    """Stop what was never tried, unless it is said why it is put in force `untried`; give what the audit log is told.

    Raises: Conflict with code untried.
    """
    if find_trial(session, kind, text) is not None:
        return {}
    if not (said := plain(untried).strip()):
        zh = "请先用历史订单试算：现在的内容从未试算过，或未看到任何订单"
        raise Conflict("try it on past orders first: this very text was tried on none", zh=zh, code="untried")
    return {"untried": said}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
