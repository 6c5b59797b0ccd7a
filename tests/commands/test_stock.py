import json

import pytest

from hub.database import Database, rows
from hub.errors import Conflict, Malformed, NotFound
from hub.inventory.quota import list_quotas
from hub.order.ship.progress import record_confirm
from tests.commands.conftest import Oms
from tests.hub.inventory.counting import after, take
from tests.hub.inventory.lotted import tell
from tests.hub.making import AT, confirm, forge, order, placed, stock


@pytest.fixture
def counted(oms: Oms, database: Database) -> Oms:
    """Let one count have differed, and one have come too late."""
    with database.transaction() as session:
        take(session, {"apple": 97}, "R-1", after(5))
        take(session, {"apple": 100, "nothing": 1}, "R-0", after(1))
    return oms


def given(database: Database) -> list[tuple[str, str, str, int]]:
    with database.transaction() as session:
        return [(one.shop, one.location, one.mode, one.amount) for one in list_quotas(session, ["apple"])]


def test_counters_are_listed_with_what_may_be_promised(oms: Oms) -> None:
    told = json.loads(oms("stock", "ls", "--json").stdout)
    assert [(one["sku"], one["location"], one["promised"]) for one in told] == [
        ("apple", "bj", 100),
        ("apple", "sh", 100),
    ]
    assert "enough" in oms("stock", "ls").stdout.lower()


def test_counters_are_narrowed_by_sku_place_and_state(oms: Oms, database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"pear": 0}}, ref="ASN-2")
    assert len(json.loads(oms("stock", "ls", "--sku", "APP", "--location", "sh", "--json").stdout)) == 1
    assert [one["sku"] for one in json.loads(oms("stock", "ls", "--show", "out", "--json").stdout)] == ["pear"]


def test_a_long_list_says_how_to_go_on(oms: Oms) -> None:
    first = oms("stock", "ls", "--limit", "1")
    assert "bj" in first.stdout
    cursor = first.stderr.partition("--after '")[2].partition("'")[0]
    assert "sh" in oms("stock", "ls", "--after", cursor).stdout


def test_a_quota_is_set_changed_listed_and_dropped_and_each_is_audited(oms: Oms, database: Database) -> None:
    assert oms("stock", "quota", "set", "apple", "pc", "exclusive", "40").exit_code == 0
    assert oms("stock", "quota", "set", "apple", "pc", "cap", "60").exit_code == 0
    assert oms("stock", "quota", "set", "apple", "h5", "percentage", "30", "--location", "sh").exit_code == 0
    assert given(database) == [("h5", "sh", "percentage", 30), ("pc", "", "cap", 60)]
    shown = json.loads(oms("stock", "quotas", "--json").stdout)
    assert [(one["shop"], one["left"]) for one in shown] == [("h5", None), ("pc", 60)]
    assert "30%" in oms("stock", "quotas", "--sku", "apple", "--shop", "h5").stdout
    assert oms("stock", "quota", "drop", "apple", "pc").exit_code == 0
    assert given(database) == [("h5", "sh", "percentage", 30)]
    with database.transaction() as session:
        acts = [one.act for one in rows(session, "select act from audit_entry where actor = 'cli:tester' order by id")]
    assert acts == ["stock.quota"] * 3 + ["stock.quota_drop"]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (("set", "nothing", "pc", "cap", "1"), NotFound),
        (("set", "apple", "nowhere", "cap", "1"), NotFound),
        (("set", "apple", "pc", "cap", "1", "--location", "nowhere"), NotFound),
        (("set", "apple", "pc", "percentage", "101"), Malformed),
        (("drop", "apple", "pc"), NotFound),
    ],
)
def test_a_quota_that_makes_no_sense_is_refused(
    oms: Oms, database: Database, wrong: tuple[str, ...], error: type[Exception]
) -> None:
    assert isinstance(oms("stock", "quota", *wrong).exception, error)
    assert given(database) == []


def test_no_quota_says_what_that_means(oms: Oms) -> None:
    assert "all shops share" in oms("stock", "quotas").stderr


def test_reports_are_listed_with_their_drift(counted: Oms) -> None:
    told = json.loads(counted("stock", "reports", "--json").stdout)
    assert [(one["report"], one["state"], one["drift"]) for one in told] == [
        ("R-1", "differing", 3),
        ("R-0", "refused", 0),
    ]
    assert "R-0" not in counted("stock", "reports", "--show", "differing", "--location", "sh").stdout
    assert "Differs" in counted("stock", "reports", "--connection", "wms-sh").stdout


def test_a_report_is_shown_line_by_line_with_why(counted: Oms) -> None:
    shown = counted("stock", "report", "wms-sh", "R-0")
    assert "A later count stands against it" in shown.stdout
    assert "R-1" in shown.stdout
    assert "lines refused besides: 1" in shown.stderr
    told = json.loads(counted("stock", "report", "wms-sh", "R-1", "--json").stdout)
    assert [(one["said"], one["was"], one["difference"], one["why"]) for one in told["lines_of"]] == [
        (97, 100, -3, "booked")
    ]


def test_a_report_that_nobody_sent_is_not_found(oms: Oms) -> None:
    assert isinstance(oms("stock", "report", "wms-sh", "R-9").exception, NotFound)


def test_the_words_are_chinese_where_that_is_wished(counted: Oms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMS_LANGUAGE", "zh")
    assert "有差异" in counted("stock", "reports").stdout
    assert "充足" in counted("stock", "ls").stdout


def test_the_books_are_checked_and_what_is_wrong_fails_the_command(oms: Oms, database: Database) -> None:
    assert (oms("stock", "check").exit_code, oms("stock", "check", "--full").exit_code) == (0, 0)
    with database.transaction() as session:
        forge(session, "update stock_movement set on_hand = 1 where location = 'sh'")
    told = oms("stock", "check", "--full", "--json")
    assert (told.exit_code, [one["subject"] for one in json.loads(told.stdout)]) == (1, ["stock:apple at sh"])
    assert "100/0/0" in oms("stock", "check").stdout


def test_what_was_verified_is_forgotten_on_demand(oms: Oms, database: Database) -> None:
    assert oms("stock", "check", "--anew").exit_code == 0
    with database.transaction() as session:
        assert rows(session, "select 1 from audit_entry where act = 'stock.verify_anew'")


def test_the_orders_of_a_lot_are_listed_masked_and_page_by_page(oms: Oms, database: Database) -> None:
    with database.transaction() as session:
        tell(session, "count", {"A": 50, "B": 50}, -1)
        for name in ("T1", "T2"):
            record_confirm(session, confirm(placed(session, order({"apple": 2}, name)), 1, {"apple": 2}), AT)
    told = json.loads(oms("stock", "lot", "A", "--json").stdout)
    assert [(one["external_id"], one["assumed"], one["phone"]) for one in told] == [
        ("T1", 2, "100****0001"),
        ("T2", 2, "100****0001"),
    ]
    first = oms("stock", "lot", "A", "--sku", "apple", "--limit", "1")
    assert ("T1" in first.stdout, "T2" in first.stdout) == (True, False)
    cursor = first.stderr.partition("--after '")[2].partition("'")[0]
    assert "T2" in oms("stock", "lot", "A", "--sku", "apple", "--after", cursor).stdout
    assert "no order" in oms("stock", "lot", "Z").stderr


def test_a_lot_is_blocked_listed_and_unblocked(oms: Oms, database: Database) -> None:
    with database.transaction() as session:
        tell(session, "count", {"A": 40, "B": 60}, -1)
    assert "no lot is blocked" in oms("stock", "blocked-lots").stderr
    told = oms("stock", "block-lot", "A", "--sku", "apple", "--location", "sh", "--reason", "mould")
    assert (told.exit_code, "40 pieces are sold no more" in told.stderr) == (0, True)
    levels = json.loads(oms("stock", "ls", "--location", "sh", "--json").stdout)
    assert [(one["blocked"], one["promised"]) for one in levels] == [(40, 60)]
    (one,) = json.loads(oms("stock", "blocked-lots", "--sku", "apple", "--json").stdout)
    told_of = (one["lot"], one["location"], one["actor"], one["reason"], one["pieces"])
    assert told_of == ("A", "sh", "cli:tester", "mould", 40)
    assert "mould" in oms("stock", "blocked-lots").stdout
    again = oms("stock", "block-lot", "A", "--sku", "apple", "--location", "sh", "--reason", "mould")
    assert isinstance(again.exception, Conflict)
    told = oms("stock", "unblock-lot", "A", "--sku", "apple", "--location", "sh", "--reason", "sieved")
    assert (told.exit_code, "40 pieces" in told.stderr) == (0, True)


def test_unblocking_says_where_the_lot_is_blocked_still(oms: Oms, database: Database) -> None:
    with database.transaction() as session:
        tell(session, "count", {"A": 40, "B": 60}, -1)
    for place in (("--location", "sh"), ()):
        oms("stock", "block-lot", "A", "--sku", "apple", "--reason", "mould", *place)
    told = oms("stock", "unblock-lot", "A", "--sku", "apple", "--reason", "sieved", "--location", "sh").stderr
    assert ("unblocked: 0 pieces" in told, "still blocked: everywhere" in told) == (True, True)
    told = oms("stock", "unblock-lot", "A", "--sku", "apple", "--reason", "sieved").stderr
    assert ("unblocked: 40 pieces" in told, "still blocked" in told) == (True, False)


def test_a_lot_that_is_not_there_is_not_blocked(oms: Oms) -> None:
    for lot, sku in (("Z", "apple"), ("A", "plum")):
        told = oms("stock", "block-lot", lot, "--sku", sku, "--reason", "mould")
        assert isinstance(told.exception, NotFound)


def test_what_is_promised_of_a_counter_is_set_by_a_person(oms: Oms, database: Database) -> None:
    done = oms("stock", "limit", "apple", "sh", "--safety", "5", "--backorder", "7", "--authority", "owner")
    assert done.exit_code == 0
    (one,) = json.loads(oms("stock", "ls", "--location", "sh", "--json").stdout)
    assert (one["safety"], one["backorder_limit"], one["authority"]) == (5, 7, "owner")
    with database.transaction() as session:
        acts = [each.act for each in rows(session, "select act from audit_entry where act like 'stock.%' order by id")]
    assert acts == ["stock.safety", "stock.limits"]


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        (("apple", "nowhere", "--backorder", "1"), NotFound),
        (("nothing", "sh", "--backorder", "1"), NotFound),
        (("apple", "sh", "--backorder", str(2**63)), Malformed),
        (("apple", "sh", "--backorder", "1000001"), Malformed),
        (("apple", "sh", "--safety", "1000001"), Malformed),
        (("apple", "sh", "--backorder", "-1"), Malformed),
        (("apple", "sh"), Malformed),
    ],
)
def test_limits_that_cannot_be_are_refused(oms: Oms, asked: tuple[str, ...], refused: type[Exception]) -> None:
    assert isinstance(oms("stock", "limit", *asked).exception, refused)
    assert oms("stock", "limit", "apple", "sh", "--authority", "nobody").exit_code == 2


def test_a_presale_limit_is_set_listed_and_taken_away(oms: Oms, database: Database) -> None:
    assert "there is no pre-sale limit" in oms("stock", "presale", "ls").stderr
    assert [oms("stock", "presale", "set", "apple", str(n)).exit_code for n in (5, 7)] == [0, 0]
    assert json.loads(oms("stock", "presale", "ls", "--sku", "apple", "--json").stdout) == [
        {"sku": "apple", "shop": "", "amount": 7, "sold": 0, "left": 7}
    ]
    assert "all together" in oms("stock", "presale", "ls").stdout
    assert oms("stock", "presale", "drop", "apple").exit_code == 0
    assert isinstance(oms("stock", "presale", "drop", "apple").exception, NotFound)
    assert isinstance(oms("stock", "presale", "set", "plum", "1").exception, NotFound)
    assert isinstance(oms("stock", "presale", "set", "apple", "1", "--shop", "nobody").exception, NotFound)
    with database.transaction() as session:
        audited = rows(session, "select act from audit_entry where subject = 'sku:apple' order by id")
    assert [one.act for one in audited] == ["stock.presale", "stock.presale", "stock.presale_drop"]


def test_a_flash_sale_is_begun_listed_and_ended(oms: Oms, database: Database) -> None:
    assert "no SKU is in a flash sale" in oms("stock", "sale", "ls").stderr
    ends = ("--ends", "2089-01-01T00:00")
    told = oms("stock", "sale", "begin", "apple", "double-11", "--per-buyer", "2", "--queue", "50", *ends)
    assert "apple is in the flash sale double-11" in told.stderr
    [one] = json.loads(oms("stock", "sale", "ls", "--sku", "apple", "--json").stdout)
    assert (one["sale"], one["per_buyer"], one["queue_limit"], one["over"]) == ("double-11", 2, 50, False)
    assert "double-11" in oms("stock", "sale", "ls").stdout
    assert "is over" in oms("stock", "sale", "end", "apple").stderr
    with database.transaction() as session:
        audited = rows(session, "select act from audit_entry where subject = 'sku:apple' order by id")
    assert [one.act for one in audited] == ["stock.hot", "stock.cool"]


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        (("begin", "plum", "s"), NotFound),
        (("begin", "apple", " "), Malformed),
        (("begin", "apple", "s", "--ends", "soon"), Malformed),
        (("begin", "apple", "s", "--ends", "2026-01-01T00:00"), Conflict),
        (("end", "apple"), Conflict),
    ],
)
def test_a_flash_sale_that_cannot_be_is_refused(oms: Oms, asked: tuple[str, ...], refused: type[Exception]) -> None:
    assert isinstance(oms("stock", "sale", *asked).exception, refused)
