import json
import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from commands.happening_words import KINDS
from hub.cases import NewCase, open_cases
from hub.database import Database, row, run
from hub.errors import Conflict, NotFound
from hub.inbox import InboxState, keep, read, settle
from hub.order.model import Receiver
from hub.order.trace.timeline import SOURCES
from hub.settings import ROOT
from tests.commands.conftest import Oms
from tests.hub.making import AT, BRAND, RECEIVER, open_causes, order, placed
from tests.staging import CANARY, CANARY_NAME, encoded, order_of

NOW = datetime.now(UTC)
LOST = Receiver(name=CANARY_NAME, phone=CANARY, province="月球", city="静海", street="一号坑")


def place(database: Database, number: str = "T1", **changes: object) -> int:
    with database.transaction() as session:
        return placed(session, order({"apple": 2}, number, **changes))


def causes(database: Database) -> list[str]:
    with database.transaction() as session:
        return open_causes(session)


def parked(database: Database, state: InboxState = InboxState.PARKED) -> int:
    """Keep an order of a product that is not known yet, set aside."""
    with database.transaction() as session:
        inbox_id, _ = keep(session, "mall-pc", "order", "m1", encoded(order_of("T9", {"new": 1})), NOW)
        settle(session, read(session, inbox_id), state, NOW, code="unknown_sku", error="no SKU for new")
    return inbox_id


def test_an_order_is_shown_by_either_number(oms: Oms, database: Database) -> None:
    order_id = place(database)
    by_ours, by_theirs = (json.loads(oms("order", "show", number, "--json").stdout) for number in (str(order_id), "T1"))
    assert by_ours == by_theirs
    assert by_ours["id"] == str(order_id)


def test_an_order_is_shown_as_tables_in_the_persons_language(
    oms: Oms, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = place(database)
    shown = oms("order", "show", "T1").stdout
    assert f"order {order_id} · pc T1 · In fulfilment · Paid · Not shipped" in shown
    assert all(
        word in shown for word in ("fulfilment orders", "apple", f"{order_id}-1", "Not submitted", "promised on")
    )
    assert "LineView" not in shown
    assert "parcels" not in shown
    monkeypatch.setenv("OMS_LANGUAGE", "zh")
    assert all(word in oms("order", "show", "T1").stdout for word in ("履约中", "商品行", "预计到达", "合计 ¥"))


def test_an_order_that_waits_was_changed_and_has_a_follower_is_shown_with_all_of_it(
    oms: Oms, database: Database
) -> None:
    place(database)
    oms("order", "cancel", "T1", "--line", "L1:1", "--reason", "one less")
    shown = oms("order", "show", "T1").stdout
    assert all(word in shown for word in ("changes", "Fewer pieces", "Applied", "refunds", "¥10.00"))
    with database.transaction() as session:
        placed(session, order({"apple": 1}, "T2", paid_at=None))
    assert all(word in oms("order", "show", "T2").stdout for word in ("holds", "unpaid", "the order", "Finance"))


def test_everything_of_an_order_is_traced_and_nothing_personal(oms: Oms, database: Database) -> None:
    place(database, receiver=RECEIVER.model_copy(update={"name": CANARY_NAME, "phone": CANARY}))
    shown, table = oms("order", "trace", "T1", "--json").stdout, oms("order", "trace", "T1").stdout
    assert {"audit", "route", "fulfilment", "step"} <= {one["what"] for one in json.loads(shown)}
    assert "release_fulfilment" in table
    assert not any(word in shown + table for word in (CANARY, CANARY_NAME))


def test_a_trace_names_every_kind_of_happening_in_both_languages(
    oms: Oms, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = [re.search(r"at, '([a-z ]+)'", statement) for statement in SOURCES.values()]
    assert {found[1] for found in kinds if found} == KINDS.keys()
    place(database)
    monkeypatch.setenv("OMS_LANGUAGE", "zh")
    assert "寻源" in oms("order", "trace", "T1").stdout


@pytest.mark.parametrize("words", [("order", "show", "T1"), ("order", "trace", "9" * 16), ("inbox", "replay", "999")])
def test_what_is_not_there_is_not_found(oms: Oms, words: tuple[str, ...]) -> None:
    assert isinstance(oms(*words).exception, NotFound)


def test_a_number_of_two_shops_is_ambiguous(oms: Oms, database: Database) -> None:
    place(database)
    with database.transaction() as session:
        placed(session, replace(order({"apple": 2}), shop="h5", channel="mall-h5"))
    assert isinstance(oms("order", "show", "T1").exception, Conflict)


def test_a_lost_address_is_corrected_and_the_order_goes_on(oms: Oms, database: Database) -> None:
    place(database, receiver=LOST)
    assert isinstance(oms("order", "release", "T1", "--reason", "asked").exception, Conflict)
    done = oms("order", "release", "T1", "--reason", "asked", "--division", "310115")
    assert (done.exit_code, causes(database)) == (0, [])
    assert json.loads(oms("order", "show", "T1", "--json").stdout)["lines"][0]["allocated"] == 2


def test_an_order_is_cancelled_with_a_reason(oms: Oms, database: Database) -> None:
    place(database)
    assert oms("order", "cancel", "T1").exit_code == 2
    assert "cancelled" in oms("order", "cancel", "T1", "--reason", "wish").stderr


def test_a_parked_message_is_bound_and_replayed(oms: Oms, database: Database) -> None:
    inbox_id = parked(database)
    assert oms("sku", "bind", "mall-pc", "new", "apple").exit_code == 0
    assert oms("inbox", "replay", str(inbox_id), "--reason", "bound").exit_code == 0
    with database.transaction() as session:
        assert read(session, inbox_id).state == "received"
        assert row(session, "select 1 from audit_entry where act = 'inbox.replay' and actor = 'cli:tester'")


def test_a_message_that_became_an_order_is_not_replayed(oms: Oms, database: Database) -> None:
    assert isinstance(oms("inbox", "replay", str(parked(database, InboxState.DONE))).exception, Conflict)


def test_a_product_is_described_as_far_as_it_is_named(oms: Oms, database: Database) -> None:
    place(database)
    assert oms("sku", "describe", "apple", "--hazard", "3", "--available-from", "2026-12-01").exit_code == 0
    told = json.loads(oms("sku", "describe", "apple", "--oversize", "--json").stdout)
    assert told.pop("available_from") == "2026-12-01"
    assert told == {"sku": "apple", "storage": "ambient", "hazard": "3", "oversize": True}


@pytest.mark.parametrize("words", [("mall-pc", "new", "ghost"), ("stranger", "new", "apple")])
def test_nothing_is_bound_to_what_is_not_there(oms: Oms, words: tuple[str, ...]) -> None:
    assert isinstance(oms("sku", "bind", *words).exception, NotFound)


def test_a_shops_code_stands_for_goods_of_its_own_brand_alone(oms: Oms, database: Database) -> None:
    place(database)
    with database.transaction() as session:
        run(session, "update sku set brand = 'other' where code = 'apple'")
    assert isinstance(oms("sku", "bind", "mall-pc", "new", "apple").exception, NotFound)


def test_a_dead_step_is_retried_once_as_an_unknown_one(oms: Oms, database: Database) -> None:
    place(database)
    with database.transaction() as session:
        run(session, "update step set state = 'dead', attempts = 12")
        step = row(session, "select id from step")
    number = str(step.id if step else 0)
    assert oms("step", "retry", number, "--reason", "mended").exit_code == 0
    with database.transaction() as session:
        assert tuple(row(session, "select state, attempts from step") or ()) == ("unknown", 0)
    assert isinstance(oms("step", "retry", number, "--reason", "again").exception, Conflict)


def test_open_cases_say_how_to_go_on(oms: Oms, database: Database) -> None:
    order_id = place(database, receiver=LOST)
    (case,) = json.loads(oms("case", "ls", "--json").stdout)
    assert f"./oms order release {order_id} --division" in case["how"]
    assert "address" in oms("case", "ls").stdout


def test_why_a_count_was_not_taken_is_told_in_the_person_s_language(
    oms: Oms, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = NewCase("stock_report", "inbox:1", BRAND, "line 1 (X): a batch code that is too long", None, {"inbox": 1})
    with database.transaction() as session:
        open_cases(session, [case], AT)
    monkeypatch.setenv("OMS_LANGUAGE", "zh")
    monkeypatch.setenv("COLUMNS", "300")
    assert "批次号过长" in oms("case", "ls").stdout
    assert "a batch code that is too long" in oms("case", "ls", "--json").stdout


def test_an_error_is_one_line_and_the_exit_code_is_two(oms: Oms) -> None:
    assert oms
    words = [sys.executable, "-m", "commands", "order", "show", "nothing"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 # our own program
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == "error there is no order nothing (unknown_order)"


def case_id(oms: Oms) -> str:
    (case,) = json.loads(oms("case", "ls", "--json").stdout)
    return str(case["id"])


def test_a_case_is_given_to_somebody_and_taken_back(oms: Oms, database: Database) -> None:
    place(database, receiver=LOST)
    number = case_id(oms)
    assert oms("case", "assign", number, "op").exit_code == 0
    assert json.loads(oms("case", "ls", "--json").stdout)[0]["assignee"] == "op"
    oms("case", "assign", number, "-")
    assert not json.loads(oms("case", "ls", "--json").stdout)[0]["assignee"]
    assert isinstance(oms("case", "assign", "999", "op").exception, NotFound)


def test_a_case_is_closed_by_hand_only_where_nothing_else_ends_it(oms: Oms, database: Database) -> None:
    place(database, receiver=LOST)
    assert isinstance(oms("case", "resolve", case_id(oms), "--reason", "done").exception, Conflict)
    with database.transaction() as session:
        run(session, "update case_file set cause = 'cancel_refused'")
    assert f"./oms case resolve {case_id(oms)}" in json.loads(oms("case", "ls", "--json").stdout)[0]["how"]
    assert oms("case", "resolve", case_id(oms), "--reason", "parcel stopped").exit_code == 0
    assert causes(database) == []
