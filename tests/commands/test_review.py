import json
from datetime import UTC, datetime

import pytest

from hub.database import Database, rows
from hub.errors import Conflict, Malformed, NotFound
from hub.order.place.batch import Placed, place
from tests.commands.conftest import Oms
from tests.hub.making import ZONE, order, stock

DEAR = ("review", "draft", "dear", "--expression", "order.total > 1500", "--type", "fraud", "--resolver", "supervisor")


@pytest.fixture
def drafted(oms: Oms) -> Oms:
    assert oms(*DEAR).exit_code == 0
    return oms


def test_a_rule_is_drafted_tried_published_and_retired(drafted: Oms, database: Database) -> None:
    with database.transaction() as session:
        place(session, [order({"apple": 2}, "T1"), order({"apple": 1}, "T2")], datetime.now(UTC), ZONE)
    said = json.loads(drafted("review", "try", "dear", "--json").stdout)
    assert (said["looked"], said["hit"], len(said["samples"])) == (2, 1, 1)
    assert drafted("review", "publish", "dear", "1").exit_code == 0
    listed = drafted("review", "ls").stdout
    assert "dear@1" in listed
    assert "in force" in listed
    assert "until supervisor" in listed
    assert drafted("review", "retire", "dear", "1", "--reason", "not wanted").exit_code == 0
    assert json.loads(drafted("review", "ls", "--json").stdout) == []
    assert [one["state"] for one in json.loads(drafted("review", "show", "dear", "--json").stdout)] == ["retired"]


def test_a_rule_that_was_not_tried_is_published_only_for_a_reason_that_is_audited(
    drafted: Oms, database: Database
) -> None:
    refused = drafted("review", "publish", "dear", "1").exception
    assert isinstance(refused, Conflict)
    assert (refused.code, "从未试算" in refused.say("zh")) == ("untried", True)
    assert drafted("review", "publish", "dear", "1", "--untried", "recalled goods").exit_code == 0
    with database.transaction() as session:
        [told] = rows(session, "select detail from audit_entry where act = 'review.publish'")
    assert told.detail["untried"] == "recalled goods"


def test_trying_is_told_in_words_of_both_languages(drafted: Oms, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "would hold: 0" in drafted("review", "try", "dear").stdout
    monkeypatch.setenv("OMS_LANGUAGE", "zh")
    assert "会挂起: 0" in drafted("review", "try", "dear").stdout


def test_a_rule_of_release_names_what_it_lets_go(oms: Oms) -> None:
    words = ("--expression", "twin.found && order.total < 5000", "--releases", "duplicate", "--releases", "remark")
    assert oms("review", "draft", "small", *words).exit_code == 0
    assert "let go duplicate, remark" in oms("review", "show", "small").stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--expression", "order.total >", "--type", "fraud"), "expression"),
        (("--expression", "true"), "verdict"),
        (("--expression", "true", "--type", "refund_requested"), "rule"),
    ],
)
def test_what_is_no_rule_is_refused(oms: Oms, words: tuple[str, ...], code: str) -> None:
    error = oms("review", "draft", "odd", *words).exception
    assert isinstance(error, Malformed)
    assert error.code == code


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--brand", "nobrand"), "unknown_brand"), (("--brand", "demo", "--shop", "noshop"), "unknown_shop")],
)
def test_a_rule_is_drafted_for_nobody_unknown(oms: Oms, words: tuple[str, ...], code: str) -> None:
    error = oms(*DEAR, *words).exception
    assert isinstance(error, NotFound)
    assert (error.code, "没有" in error.say("zh")) == (code, True)
    assert oms(*DEAR, "--brand", "demo", "--shop", "pc").exit_code == 0


@pytest.mark.parametrize("phone", ["abc", "12", "100000000429999", "call 10000000042"])
def test_what_is_no_phone_number_is_not_put_on_the_blacklist(oms: Oms, phone: str) -> None:
    error = oms("review", "blacklist", "add", "phone", phone, "--brand", "demo", "--reason", "a test").exception
    assert isinstance(error, Malformed)
    assert (error.code, "电话" in error.say("zh")) == ("phone", True)


def test_nobody_is_barred_from_an_unknown_brand(oms: Oms) -> None:
    add = ("review", "blacklist", "add", "phone", "10000000042", "--reason", "a test", "--brand", "nobrand")
    assert isinstance(oms(*add).exception, NotFound)


def test_the_blacklist_keeps_nobody_in_plain_text(oms: Oms, database: Database) -> None:
    base = ("review", "blacklist", "add")
    end = ("--brand", "demo", "--reason", "parcels refused")
    assert oms(*base, "phone", "10000000042", *end, "--days", "30").exit_code == 0
    assert oms(*base, "buyer", "buyer-of-T1", *end).exit_code == 0
    assert isinstance(oms(*base, "address", "测试路1号", *end).exception, Malformed)
    assert oms(*base, "address", "测试路1号", *end, "--division", "310115").exit_code == 0
    listed = json.loads(oms("review", "blacklist", "ls", "--json").stdout)
    assert [one["kind"] for one in listed] == ["address", "buyer", "phone"]
    assert oms("review", "blacklist", "lift", str(listed[0]["id"])).exit_code == 0
    assert "phone" in oms("review", "blacklist", "ls").stdout
    assert isinstance(oms("review", "blacklist", "lift", "999").exception, NotFound)
    with database.transaction() as session:
        kept = rows(
            session, "select cast(barred as text) || cast(a.detail as text) as words from barred, audit_entry a"
        )
    assert not any("10000000042" in one.words or "buyer-of" in one.words for one in kept)


def test_a_rule_of_lines_is_tried_on_lines_and_one_hold_is_let_go_alone(oms: Oms, database: Database) -> None:
    words = ("--expression", "line.sku == 'pear'", "--type", "stock", "--scope", "line")
    assert oms("review", "draft", "scarce", *words).exit_code == 0
    assert oms("review", "publish", "scarce", "1", "--untried", "a test").exit_code == 0
    with database.transaction() as session:
        stock(session, {"sh": {"pear": 9}}, "ASN-pears")
        (one,) = place(session, [order({"apple": 2, "pear": 1}, "T1")], datetime.now(UTC), ZONE)
        assert isinstance(one, Placed)
    said = json.loads(oms("review", "try", "scarce", "--json").stdout)
    assert (said["scope"], said["looked"], said["asked"], said["hit"]) == ("line", 1, 2, 1)
    assert said["samples"] == [f"{one.order_id}/2"]
    assert "asked: lines 2" in oms("review", "try", "scarce").stdout
    assert "hold lines stock" in oms("review", "ls").stdout
    assert oms("order", "release", str(one.order_id), "--hold", "1", "--reason", "checked").exit_code == 0
    with database.transaction() as session:
        assert rows(session, "select 1 from order_hold where line_no is not null and released_at is null") == []
