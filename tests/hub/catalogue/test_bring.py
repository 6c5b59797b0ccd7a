"""Goods and bundles are brought in by a sheet: all rows or none, every bad one named, and again without any change."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from sqlalchemy.orm import Session

from hub.catalogue.bring import Brought, bring_goods
from hub.catalogue.find import find_products
from hub.catalogue.model import Part, Product, Traits
from hub.database import Database, rows, run
from hub.errors import Malformed, Unauthorised
from hub.roles import SYSTEM, Actor, Role
from tests.hub.making import AT, BRAND, add_sku, order, placed, stock
from tests.hub.waiting import until_it_waits

GOODS = """code,title,storage,grams,hazard,cm3,bonded,available_from,parts
tea,红茶 100g,,120,,,,,
ice,雪糕,frozen,90,,300,yes,2027-05-01,
gas,打火机,ambient,20,2.1,,,,
card,礼品卡,none,,,,,,
box,茶与雪糕,,,,,,,tea=2@30 ice=1@70
"""


def bring(session: Session, written: str, actor: Actor = SYSTEM) -> Brought:
    return bring_goods(session, actor, BRAND, written, AT)


def refused(session: Session, written: str) -> str:
    before = rows(session, "select count(*) from sku")
    with pytest.raises(Malformed) as found:
        bring(session, written)
    assert rows(session, "select count(*) from sku") == before
    return found.value.message


def test_goods_and_bundles_are_there_with_their_traits(session: Session) -> None:
    assert bring(session, GOODS) == Brought(added=5, changed=0, same=0)
    found = find_products(session, ["ice", "gas", "card", "box"])
    assert found["ice"].traits == Traits(cm3=300, bonded=True, available_from=date(2027, 5, 1))
    assert (found["gas"].traits, found["card"].virtual) == (Traits(hazard="2.1"), True)
    assert found["box"].parts == (Part("ice", 1, 70), Part("tea", 2, 30))
    assert len(rows(session, "select 1 from audit_entry where act = 'sku.add'")) == 5


def test_the_same_again_changes_nothing_and_a_change_changes_its_row_alone(session: Session) -> None:
    bring(session, GOODS)
    assert bring(session, GOODS) == Brought(added=0, changed=0, same=5)
    other = GOODS.replace("tea,红茶 100g", "tea,红茶 200g").replace("tea=2@30", "tea=3@30")
    assert bring(session, other) == Brought(added=0, changed=2, same=3)
    found = find_products(session, ["tea", "box"])
    assert (found["tea"].title, found["box"].parts[1].quantity) == ("红茶 200g", 3)
    assert [one.version for one in rows(session, "select version from sku order by code")] == [2, 1, 1, 1, 2]


def test_a_bundle_that_changes_meanwhile_is_found_with_all_its_parts(database: Database) -> None:
    with database.transaction() as session:
        bring(session, GOODS)

    def find() -> Mapping[str, Product]:
        with database.transaction() as session:
            return find_products(session, ["box"])

    with ThreadPoolExecutor(1) as pool, database.transaction() as session:
        run(session, "lock table sku in access exclusive mode")
        finding = pool.submit(find)
        until_it_waits(database, finding)
        bring(session, GOODS.replace("ice=1@70", "gas=1@70"))
        session.commit()
        found = finding.result()
    assert {part.sku for part in found["box"].parts} <= found.keys()


def test_what_was_brought_in_is_sold(session: Session) -> None:
    bring(session, "code,title,grams\nplum,李子,500\n")
    stock(session, {"sh": {"plum": 3}})
    assert placed(session, order({"plum": 2}))


def test_every_bad_row_is_named_and_none_is_taken(session: Session) -> None:
    add_sku(session, "apple")
    add_sku(session, "pack", parts={"apple": 2})
    add_sku(session, "pair", parts={"apple": 2})
    told = refused(
        session,
        "code,title,storage,grams,hazard,available_from,parts\n"
        "good,ok,,5,,,\n"
        ",no code,,5,,,\n"
        "warm,?,lukewarm,5,,,\n"
        "light,?,,,,,\n"
        "neg,?,,-5,,,\n"
        "bang,?,,5,12,,\n"
        "late,?,,5,,2027-02-30,\n"
        "virtual,?,none,,9,,\n"
        "good,again,,5,,,\n"
        "apple,now a bundle,,,,,good=1\n"
        "pack,no bundle,,5,,,\n"
        "b1,?,,,,,nothing=1\n"
        "b2,?,,,,,pair=1\n"
        "b3,?,,,,,good=0\n"
        "b4,?,,,,,good=1 good=2\n"
        "b5,?,,,,,good\n",
    )
    named = [line.strip().split(":")[0] for line in told.splitlines()[1:]]
    assert named == [f"line {no}" for no in range(3, 18)]
    for said in ("grams", "12", "good stands on line 2 already", "apple is no bundle", "no nothing to be a part"):
        assert said in told


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "missing: code, title"),
        ("code,title\n", "no rows"),
        ("code,title,colour\na,b,red\n", "unknown: colour"),
        ("code,title,code\na,b,c\n", "twice"),
        ("code\na\n", "missing: title"),
        ("code,title,grams\na,b,5,6\n", "line 2: beyond the last column"),
        ('code,title\na,"b\n', "no CSV"),
        ("code,title,grams\na\0,b,5\n", "line 2: code"),
    ],
    ids=str,
)
def test_what_is_no_sheet_is_refused(session: Session, written: str, said: str) -> None:
    assert said in refused(session, written)


def test_a_sheet_of_a_spreadsheet_with_its_mark_and_line_ends_is_read(session: Session) -> None:
    assert bring(session, "\ufeffcode,title,grams\r\ntea,茶,5\r\n").added == 1


def test_another_brand_s_goods_are_neither_changed_nor_parts(session: Session) -> None:
    add_sku(session, "apple")
    run(session, "update sku set brand = 'other' where code = 'apple'")
    told = refused(session, "code,title,grams,parts\napple,x,5,\nbox,y,,apple=1\n")
    assert (
        "apple is another brand's" in told,
        "there is no apple" in refused(session, "code,title,parts\nb,y,apple=1\n"),
    ) == (
        True,
        True,
    )


def test_only_who_may_configure_the_brand_brings_goods_in(session: Session) -> None:
    for actor in (
        Actor("s", frozenset({Role.SUPERVISOR})),
        Actor("a", frozenset({Role.ADMIN}), brands=frozenset({"other"})),
    ):
        with pytest.raises(Unauthorised):
            bring(session, GOODS, actor)


def test_an_import_under_way_keeps_no_one_from_naming_its_goods(database: Database) -> None:
    with database.transaction() as session:
        bring(session, GOODS)
    with database.transaction() as session, database.transaction() as other:
        bring(session, GOODS.replace("红茶 100g", "红茶 200g"))
        assert rows(other, "select code from sku where code = 'tea' for key share nowait")


def test_goods_keep_what_a_sheet_has_no_column_for_and_an_empty_cell_is_the_default(session: Session) -> None:
    bring(session, GOODS)
    names = "code,title\nice,雪糕 2\nbox,组合\ngas,打火机\n"
    assert bring(session, names) == Brought(added=0, changed=2, same=1)
    found = find_products(session, ["ice", "box"])
    assert (found["ice"].title, found["ice"].storage, found["ice"].grams) == ("雪糕 2", "frozen", 90)
    assert found["ice"].traits == Traits(cm3=300, bonded=True, available_from=date(2027, 5, 1))
    assert found["box"].parts == (Part("ice", 1, 70), Part("tea", 2, 30))
    bring(session, "code,title,storage\nice,雪糕 2,\n")
    assert (find_products(session, ["ice"])["ice"].storage, find_products(session, ["ice"])["ice"].grams) == (
        "ambient",
        90,
    )


@pytest.mark.parametrize("code", ['"B\nX"', '"a,b"', "a b", "a\tb"], ids=repr)
def test_a_code_has_no_blanks_lines_or_commas(session: Session, code: str) -> None:
    assert ": code: " in refused(session, f"code,title,grams\n{code},b,5\n")


def test_blank_cells_say_nothing_and_those_that_a_spreadsheet_leaves_at_the_end_are_none(session: Session) -> None:
    written = "code,title,grams,hazard,,\ntea,茶,5,  ,,, ,\n,,,,,\n , ,,\n"
    assert bring(session, written) == Brought(added=1, changed=0, same=0)


def test_faults_are_told_in_chinese(session: Session) -> None:
    rest = "light,?,,,\nbang,?,,5,12\nv,?,none,,9\nbig,?,,99999999999,\nlow,?,,-5,\nword,?,,heavy,\n"
    with pytest.raises(Malformed) as found:
        bring(session, "code,title,storage,grams,hazard\nwarm,?,lukewarm,5,\n,?,,5,\nbad code,?,,5,\n" + rest)
    told = [line.partition("：")[2] for line in found.value.say("zh").splitlines()[1:]]
    assert len(told) == 9
    assert [line for line in told if "should" in line or " is " in line] == []


def test_who_brings_in_other_goods_waits_for_nobody(database: Database) -> None:
    with database.transaction() as first, database.transaction() as second:
        run(second, "set local lock_timeout = '100ms'")
        made = [bring(one, f"code,title,grams\n{code},?,5\n") for one, code in ((first, "plum"), (second, "kiwi"))]
    assert made == [Brought(added=1, changed=0, same=0)] * 2


def test_a_row_that_somebody_changes_meanwhile_is_judged_by_what_it_is_then(database: Database) -> None:
    def late() -> Brought:
        with database.transaction() as session:
            return bring(session, "code,title\nplum,李\n")

    with database.transaction() as session:
        bring(session, "code,title,grams\nplum,李子,500\n")
    with ThreadPoolExecutor(1) as threads:
        with database.transaction() as session:
            bring(session, "code,title,grams\nplum,李子,600\n")
            waits = threads.submit(late)
            until_it_waits(database, waits)
        assert waits.result() == Brought(added=0, changed=1, same=0)
    with database.transaction() as session:
        [one] = rows(session, "select title, grams, version from sku where code = 'plum'")
    assert (one.title, one.grams, one.version) == ("李", 600, 3)


def test_two_brands_that_bring_in_one_new_code_at_once_are_told_whose_it_is(database: Database) -> None:
    written = "code,title,grams\nplum,李子,500\n"

    def other() -> None:
        with database.transaction() as session:
            bring_goods(session, SYSTEM, "other", written, AT)

    with ThreadPoolExecutor(1) as threads:
        with database.transaction() as session:
            bring(session, written)
            late = threads.submit(other)
            while not rows(session, "select 1 from pg_locks where not granted"):
                assert not late.done()
        with pytest.raises(Malformed, match="plum is another brand's"):
            late.result()
