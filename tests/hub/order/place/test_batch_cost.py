"""How many statements a batch is placed with: as many for thirteen orders as for three, whatever becomes of them."""

from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from psycopg import Connection, Cursor
from sqlalchemy.orm import Session

from hub.catalogue.describe import describe
from hub.catalogue.model import Storage
from hub.database import rows
from hub.order.rules.policy import POLICY
from hub.roles import SYSTEM
from hub.sourcing.cards import load_card
from hub.sourcing.policies import draft_policy, publish_policy
from hub.wire import Answer, Statements
from tests.hub.making import AT, add_sku, order, place_all, stock

CARD = "courier,origin,destination,first_fen,each_fen,days\nSF,,,1200,200,1\n"
OWN = '[freight]\nrates = "r1"\n[locations.{}]\nmost_open = 9\n'


@pytest.fixture(autouse=True)
def goods(session: Session) -> None:
    stock(session, {"sh": {"apple": 50}})
    add_sku(session, "pear")
    add_sku(session, "card")
    describe(session, SYSTEM, "card", AT, storage=Storage.NONE)


@contextmanager
def sent(monkeypatch: pytest.MonkeyPatch) -> Generator[Counter[str]]:
    """Count the statements that reach the driver meanwhile, by whichever way."""
    seen, execute, send = Counter[str](), Cursor[Any].execute, Statements.send

    def noted(cursor: Cursor[Any], query: Any, *values: Any, **how: Any) -> Cursor[Any]:  # noqa: ANN401 # the driver's
        seen[str(query)] += 1
        return execute(cursor, query, *values, **how)

    def noted_too(of: Statements, driver: Connection[Any], query: bytes, values: Sequence[object]) -> Answer:
        seen[query.decode()] += 1
        return send(of, driver, query, values)

    with monkeypatch.context() as patched:
        patched.setattr(Cursor, "execute", noted)
        patched.setattr(Statements, "send", noted_too)
        yield seen


@pytest.mark.parametrize(
    ("sku", "changes"),
    [("apple", {}), ("card", {}), ("apple", {"paid_at": None}), ("pear", {})],
    ids=["sent", "virtual", "held", "without stock"],
)
def test_a_batch_costs_as_many_statements_however_many_orders(
    session: Session, monkeypatch: pytest.MonkeyPatch, sku: str, changes: dict[str, Any]
) -> None:
    costs: list[int] = []
    for size in (1, 3, 13):  # what is remembered is read with the first
        batch = [order({sku: 1}, f"T{size}-{no}", **changes) for no in range(size)]
        with sent(monkeypatch) as seen:
            place_all(session, *batch)
        costs.append(seen.total())
    assert costs[1] == costs[2]
    found = rows(session, "select count(*) as n from sales_order")
    assert found[0].n == 17


def test_the_policies_of_other_brands_cost_a_batch_nothing(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    costs: list[int] = []
    for no in range(3):
        place_all(session, order({"apple": 1}, f"W{no}"))
        with sent(monkeypatch) as seen:
            place_all(session, order({"apple": 1}, f"T{no}"))
        costs.append(seen.total())
        other(session, f"other-{no}")
    assert len(set(costs)) == 1


def test_a_policy_without_limits_counts_no_documents_and_waits_for_nobody(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft_policy(session, SYSTEM, 'version = "own"\nbrand = "demo"\n', POLICY.version, AT)
    publish_policy(session, SYSTEM, "demo", "own", "tried", AT, revision=1, untried="a test")
    with sent(monkeypatch) as seen:
        place_all(session, order({"apple": 1}))
    assert [one for one in seen if "routing_policy" in one]
    assert not [one for one in seen if "execution in" in one or "location_day" in one or "pg_advisory" in one]


def other(session: Session, brand: str) -> None:
    """Put a policy with a rate card and a limit in force for another brand."""
    rows(
        session,
        """insert into location
           select (jsonb_populate_record(l, jsonb_build_object('brand', other, 'code', other))).*
           from location l, cast(:brand as text) as other where code = 'sh' returning code""",
        brand=brand,
    )
    load_card(session, SYSTEM, brand, "r1", CARD, AT)
    draft_policy(session, SYSTEM, f'version = "own"\nbrand = "{brand}"\n{OWN.format(brand)}', POLICY.version, AT)
    publish_policy(session, SYSTEM, brand, "own", "tried", AT, revision=1, untried="a test")
