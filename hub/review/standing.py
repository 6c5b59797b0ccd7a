"""The rules in force, compiled once and remembered: a batch asks one number, which tells whether they still hold."""

import secrets
from collections import OrderedDict
from functools import lru_cache
from threading import Lock
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import row, rows, run
from hub.errors import Malformed
from hub.review.expression import Expression, read_expression
from hub.review.judge import Ruleset, Standing
from hub.review.verdict import Holding, Letting, Scope, Verdict

REMEMBERED: Final = 8
"""How many editions are kept: the one in force, and those that batches under way have read."""

_VERDICT: Final[TypeAdapter[Holding | Letting]] = TypeAdapter(Verdict)


class Edition:
    """All rules that are in force together; each shop's are compiled when they are first asked for."""

    def __init__(self, found: tuple[Row[Any], ...]) -> None:
        self._found = [(one.brand, one.shop, _standing(one)) for one in found]
        self.scopes = frozenset(rule.verdict.scope for _, _, rule in self._found)
        """What some rule is asked of: nothing need be looked at for any other."""
        self.of = lru_cache(maxsize=4096)(self._of)

    def _of(self, brand: str, shop: str, scope: Scope) -> Ruleset | None:
        """Give the rules of a shop that are asked of its orders, or their lines or fulfilment orders; None for none."""
        own = [rule for of, at, rule in self._found if of in {None, brand} and at in {None, shop}]
        rules = [rule for rule in own if rule.verdict.scope is scope]
        return Ruleset(rules) if rules else None


NONE: Final = Edition(())

_known: OrderedDict[int, Edition] = OrderedDict()
_lock: Final = Lock()


def rules_in_force(session: Session) -> Edition:
    """Give the rules in force as this transaction sees them.

    An edition's number is drawn at random, so those of two databases, or of a transaction that was rolled back, are
    never taken for each other.
    """
    now = row(session, "select edition from review_edition where id = 1")
    if now is None:
        return NONE
    with _lock:
        if (known := _known.get(now.edition)) is not None:
            return known
    read = Edition(
        tuple(
            rows(
                session,
                """select name, no, brand, shop, expression, verdict from review_rule where state = 'in_force'
                   order by name""",
            )
        )
    )
    with _lock:
        _known[now.edition] = read
        while len(_known) > REMEMBERED:
            _known.popitem(last=False)
    return read


def renew_edition(session: Session) -> None:
    """Say that the rules in force have changed."""
    run(
        session,
        """insert into review_edition (id, edition) values (1, :edition)
           on conflict (id) do update set edition = excluded.edition""",
        edition=secrets.randbits(62),
    )


def _standing(one: Row[Any]) -> Standing:
    verdict = _VERDICT.validate_python(one.verdict)
    return Standing(one.name, one.no, _read(one.expression, verdict.scope), verdict)


def _read(source: str, scope: Scope) -> Expression | None:
    """Read an expression as it was let in; None when this release refuses it, and then its orders wait for a person."""
    try:
        return read_expression(source, scope)
    except Malformed:
        return None
