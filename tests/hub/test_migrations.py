from concurrent.futures import ProcessPoolExecutor
from datetime import datetime

import psycopg
import pytest
from alembic import command

from hub import partitions
from hub.database import Database, rows, run
from hub.errors import TryLater
from hub.inventory.hot_sale import Sale, heat
from hub.inventory.presale import Presale, list_presales, set_presale
from hub.inventory.reconcile import check_books
from hub.migrations import config, revision_of, upgrade
from hub.migrations.drift import differences
from hub.order.change.cancel import cancel
from hub.partitions import make_partitions
from tests.conftest import RING
from tests.forked import FORKED
from tests.hub.making import AT, BRAND, order, placed, stock


def change(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())


def test_a_migrated_database_is_as_declared(database_url: str) -> None:
    assert differences(database_url) == []


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("alter table stock_level drop constraint ck_stock_level_never_oversold", "ck_stock_level_never_oversold"),
        ("alter table sku add column colour text", "colour"),
        ("alter table sku alter column title drop not null", "title"),
        ("drop index uq_step_lane_in_flight", "uq_step_lane_in_flight"),
        ("alter table step drop constraint uq_step_idempotency_key", "uq_step_idempotency_key"),
        ("create table stray (id int)", "stray"),
    ],
)
def test_what_differs_is_reported(database_url: str, statement: str, told: str) -> None:
    change(database_url, statement)
    assert told in " ".join(differences(database_url))


def test_an_altered_check_is_reported_with_both_definitions(database_url: str) -> None:
    change(
        database_url, "alter table sku drop constraint ck_sku_grams, add constraint ck_sku_grams check (grams >= -1)"
    )
    (found,) = differences(database_url)
    assert "declared CHECK ((grams >= 0))" in found
    assert "database has CHECK ((grams >= '-1'::integer))" in found


def test_comparing_leaves_nothing_behind(database_url: str) -> None:
    differences(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select 1 from pg_namespace where nspname = 'declared'").fetchone() is None


def test_an_upgrade_of_the_newest_changes_nothing(database_url: str) -> None:
    before = revision_of(database_url)
    upgrade(database_url)
    assert before
    assert revision_of(database_url) == before


def test_two_upgrades_of_an_empty_database_at_once_wait_for_each_other(database_url: str) -> None:
    change(database_url, "drop schema public cascade")
    change(database_url, "create schema public")
    assert revision_of(database_url) == ""
    with ProcessPoolExecutor(2, mp_context=FORKED) as pool:
        list(pool.map(upgrade, [database_url] * 2))
    assert revision_of(database_url)


def test_an_upgrade_does_not_wait_for_long_for_tables_in_use_and_goes_on_from_there(database_url: str) -> None:
    change(database_url, "drop schema public cascade")
    change(database_url, "create schema public")
    command.upgrade(config(database_url), "0033")
    with psycopg.connect(database_url) as connection:
        connection.execute("lock table trial in access share mode")
        with pytest.raises(TryLater, match="stop workers and API") as told:
            upgrade(database_url)
    assert (told.value.code, revision_of(database_url)) == ("tables_in_use", "0035")
    upgrade(database_url)
    assert differences(database_url) == []


def test_lots_of_what_left_are_cut_by_the_months_that_there_are(database_url: str) -> None:
    change(database_url, "drop schema public cascade")
    change(database_url, "create schema public")
    command.upgrade(config(database_url), "0012")
    change(database_url, "create table parcel_y2025m01 partition of parcel for values from (2501) to (2502)")
    command.upgrade(config(database_url), "0013")
    bound = "select pg_get_expr(relpartbound, oid) from pg_class where relname = 'shipped_lot_y2025m01'"
    with psycopg.connect(database_url) as connection:
        assert connection.execute(bound).fetchall() == [("FOR VALUES FROM ('2501') TO ('2502')",)]


def test_months_that_were_there_have_the_keys_and_triggers_of_those_made_since(
    database_url: str, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ties() -> list[tuple[str, str]]:
        statement = """select conrelid::regclass::text || ' ' || conname, pg_get_constraintdef(oid) from pg_constraint
                       where contype = 'f' and conrelid in (select inhrelid from pg_inherits)
                       union all
                       select tgrelid::regclass::text || ' ' || tgname, pg_get_triggerdef(oid) from pg_trigger
                       where not tgisinternal and tgrelid in (select inhrelid from pg_inherits) order by 1"""
        with psycopg.connect(database_url) as connection:
            return connection.execute(statement).fetchall()

    as_made = ties()
    change(database_url, "drop schema public cascade; create schema public")
    command.upgrade(config(database_url), "0013")
    monkeypatch.setattr(partitions, "KEYS", ())  # those of that time came with the tables
    database = Database(database_url, RING)
    with database.transaction() as session:
        make_partitions(session, at)
    database.close()
    upgrade(database_url)
    assert as_made
    assert ties() == as_made


def test_strategies_of_before_the_look_at_stock_wait_as_they_did(database_url: str) -> None:
    change(database_url, "drop schema public cascade; create schema public")
    command.upgrade(config(database_url), "0026")
    change(
        database_url,
        """insert into gift_strategy (brand, version, created_at, updated_at, name, no, state, body)
           values ('demo', 1, now(), now(), 'old', 1, 'in_force', '{"a": 1}'),
                  ('demo', 1, now(), now(), 'said', 1, 'in_force', '{"if_out": "replace"}')""",
    )
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        found = connection.execute("select body->>'if_out', body->>'a' from gift_strategy order by name").fetchall()
    assert found == [("wait", "1"), ("replace", None)]


def test_orders_with_nothing_left_of_a_flash_sale_count_no_more_and_others_do(
    database: Database, database_url: str
) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 9}})
        heat(session, "op", Sale(brand=BRAND, sku="apple", sale="11.11", per_buyer=9), AT)
        over, open_one = (placed(session, order({"apple": 2}, f"T{no}")) for no in range(2))
        cancel(session, over, "tester", "changed my mind", AT)
        # as before 0071 it was left where an order was closed
        run(
            session,
            """insert into hot_buyer select :over, sku, sale, buyer_index, pieces from hot_buyer
               where reservation_id = :open""",
            over=over,
            open=open_one,
        )
    command.stamp(config(database_url), "0074")
    command.upgrade(config(database_url), "0075")
    with database.transaction() as session:
        assert [one.id for one in rows(session, "select reservation_id as id from hot_buyer")] == [open_one]


def test_what_was_sold_before_it_arrives_is_counted_as_the_counters_are_made(
    database: Database, database_url: str
) -> None:
    change(database_url, "drop table presold_count")
    change(database_url, "create index ix_presold_line_sku on presold_line (sku, shop) include (pieces)")
    with database.transaction() as session:
        stock(session, {"sh": {"lamp": 9}})
        set_presale(session, "op", BRAND, Presale(sku="lamp", amount=9), AT)
        insert = "insert into presold_line values (:id, 1, 'lamp', :shop, 2)"
        for no, shop in enumerate(("pc", "pc", "h5")):
            run(session, insert, id=no, shop=shop)
    command.stamp(config(database_url), "0075")
    command.upgrade(config(database_url), "0076")
    with database.transaction() as session:
        assert [one.sold for one in list_presales(session, ["lamp"])] == [6]
        assert check_books(session) == []
    assert differences(database_url) == []


def test_where_all_counters_were_set_to_the_owners_number_the_location_is(
    database: Database, database_url: str
) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 9, "pear": 9}, "bj": {"apple": 9, "pear": 9}})
        run(session, "update stock_level set authority = 'owner' where location = 'sh' or sku = 'pear'")
    change(database_url, "alter table location drop column authority")
    command.stamp(config(database_url), "0077")
    command.upgrade(config(database_url), "0078")
    with database.transaction() as session:
        found = rows(session, "select code, authority from location order by code")
        assert [tuple(one) for one in found] == [("bj", "hub"), ("sh", "owner")]
