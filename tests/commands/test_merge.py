import json

from hub.database import Database
from hub.errors import Malformed, NotFound
from hub.merge.close import close_windows
from tests.commands.conftest import Oms
from tests.hub.making import order, placed
from tests.hub.merge.merging import LATER


def place_two(oms: Oms, database: Database) -> list[int]:
    oms("merge", "policy", "pc", "--window", "30")
    with database.transaction() as session:
        return [placed(session, order({"apple": 1}, f"M{n}")) for n in (1, 2)]


def test_no_shop_merges_until_it_is_told_to(oms: Oms) -> None:
    assert "no shop merges" in oms("merge", "policy").stderr
    assert json.loads(oms("merge", "policy", "--json").stdout) == []


def test_a_policy_is_set_shown_and_taken_back(oms: Oms) -> None:
    oms("merge", "policy", "pc", "--window", "45", "--brand", "other", "--most-orders", "5", "--never", "gift")
    (told,) = json.loads(oms("merge", "policy", "--json").stdout)
    assert (told["window_min"], told["brands"], told["most_orders"], told["never"]) == (45, ["other"], 5, ["gift"])
    assert "│ no " in oms("merge", "policy", "pc", "--off").stdout


def test_a_shop_of_nobody_or_a_window_of_no_length_is_refused(oms: Oms) -> None:
    assert isinstance(oms("merge", "policy", "nowhere").exception, NotFound)
    assert isinstance(oms("merge", "policy", "pc", "--window", "0").exception, Malformed)


def test_what_waits_and_what_travels_together_is_listed(oms: Oms, database: Database) -> None:
    first, second = place_two(oms, database)
    assert "M2" in oms("merge", "ls").stdout
    told = json.loads(oms("merge", "ls", "--json").stdout)
    assert [(one["external_id"], one["mates"]) for one in told["waiting"]] == [("M1", 1), ("M2", 1)]
    with database.transaction() as session:
        close_windows(session, LATER)
    told = json.loads(oms("merge", "ls", "--json").stdout)
    assert (told["waiting"], told["groups"][0]["members"]) == ([], [f"{first}-1", f"{second}-1"])
    assert f"{first}-1" in oms("merge", "ls").stdout
