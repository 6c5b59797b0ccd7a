import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest
from sqlalchemy.exc import ProgrammingError

from hub.database import Database, row, rows, run
from hub.errors import Conflict, OutcomeUnknown, TryLater
from hub.inventory.crowd import Crowd
from hub.inventory.hot import HotWish, book
from hub.inventory.hot_sale import Sale, cool, heat
from hub.inventory.ledger import StockKey, drift
from hub.inventory.reserve import Claim, reserve
from hub.inventory.soft import Wish, hold, release_held
from tests.forked import FORKED
from tests.hub.inventory.rushing import PER_PROCESS, answer, ask_at_once, rush, wish
from tests.hub.inventory.test_soft import TTL
from tests.hub.making import AT, BRAND, OWNER, stock
from tests.hub.order.place.test_batch_cost import sent
from tests.hub.waiting import until_it_waits

AT_ONCE = 16
PROCESSES = 4
STOCK = 40


class Elapsed:
    """A clock that a test moves."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def sale(database: Database) -> Database:
    """Put few apples at two places into a flash sale."""
    with database.transaction() as session:
        stock(session, {"sh": {"apple": STOCK - 10, "pear": 50}, "bj": {"apple": 10}})
        heat(session, "op", Sale(brand=BRAND, sku="apple", sale="11.11"), AT)
    return database


@pytest.fixture
def crowd(sale: Database) -> Iterator[Crowd]:
    crowd = Crowd(sale, lambda: AT)
    yield crowd
    crowd.close()


def ask(crowd: Crowd, one: HotWish) -> str:
    return asyncio.run(answer(crowd, one))


def check(database: Database) -> None:
    """Exactly what was there is sold, nobody has two, and the ledger adds up."""
    with database.transaction() as session:
        level = row(session, "select sum(soft) as n from stock_level where sku = 'apple'")
        most = row(session, "select max(n) as n from (select count(*) as n from hot_buyer group by buyer_index) b")
        held = row(session, "select sum(quantity) as n from reservation_line where sku = 'apple'")
        assert [one and one.n for one in (level, held, most)] == [STOCK, STOCK, 1]
        assert drift(session) == []


def test_a_crowd_buys_exactly_what_is_there(sale: Database, crowd: Crowd) -> None:
    answers = ask_at_once(crowd, [wish(f"b{n}") for n in range(3 * STOCK)])
    assert answers == {"1": STOCK, "no_stock": 2 * STOCK}
    check(sale)


def test_a_crowd_that_comes_at_once_looks_its_sale_up_once(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    with sent(monkeypatch) as seen:
        assert ask_at_once(crowd, [wish(f"b{n}") for n in range(AT_ONCE)]) == {"1": AT_ONCE}
    assert sum(times for statement, times in seen.items() if "from hot_sku" in statement) == 1


def test_processes_buy_exactly_what_is_there_and_no_buyer_twice(sale: Database, database_url: str) -> None:
    with ProcessPoolExecutor(PROCESSES, mp_context=FORKED) as pool:
        answers = sum(pool.map(rush, [database_url] * PROCESSES, range(PROCESSES)), Counter[str]())
    assert answers["1"] == STOCK
    assert answers.keys() <= {"1", "no_stock", "buyer_limit"}
    assert answers.total() == PROCESSES * PER_PROCESS
    check(sale)


def test_baskets_beside_the_sale_neither_deadlock_nor_oversell(sale: Database, crowd: Crowd) -> None:
    def basket(n: int) -> str:
        with sale.transaction() as session:
            hold(session, BRAND, "pc", f"m{n}", [Wish("pear", 1), Wish("apple", 1)], TTL, AT, buyer=f"m{n}")
        return "1"

    async def every() -> list[str]:
        act = [answer(crowd, wish(f"b{n}")) if n % 4 else asyncio.to_thread(basket, n) for n in range(STOCK)]
        return await asyncio.gather(*act)

    assert Counter(asyncio.run(every())) == {"1": STOCK}
    check(sale)


def test_the_same_buyer_many_times_at_once_gets_one(crowd: Crowd) -> None:
    answers = ask_at_once(crowd, [wish("greedy", f"c{n}") for n in range(AT_ONCE)])
    assert answers == {"1": 1, "buyer_limit": AT_ONCE - 1}


@pytest.fixture
def sold(sale: Database) -> Iterator[tuple[Crowd, Elapsed]]:
    """Promise all but one piece to orders, sell that, and give the crowd that knows it, with its clock."""
    crowd = Crowd(sale, lambda: AT, elapsed=(elapsed := Elapsed()))
    with sale.transaction() as session:
        claims = [
            Claim("L1", StockKey("sh", "apple", OWNER), STOCK - 10),
            Claim("L1", StockKey("bj", "apple", OWNER), 9),
        ]
        reserve(session, claims, AT)
    assert (ask(crowd, wish("a")), ask(crowd, wish("b"))) == ("1", "no_stock")
    yield crowd, elapsed
    crowd.close()


def test_what_is_let_go_is_sold_when_it_was_looked_at_again(sale: Database, sold: tuple[Crowd, Elapsed]) -> None:
    crowd, elapsed = sold
    with sale.transaction() as session:
        release_held(session, "pc", "c-a", AT)
    assert ask(crowd, wish("b")) == "no_stock"
    elapsed.now_s = 0.3
    assert ask(crowd, wish("b")) == "1"


def test_who_has_bought_hears_it_again_though_all_is_sold(sold: tuple[Crowd, Elapsed]) -> None:
    assert ask(sold[0], wish("a")) == "1"


def test_what_another_sells_a_buyer_while_a_group_is_judged_counts(sale: Database, crowd: Crowd) -> None:
    assert ask(crowd, wish("first")) == "1"

    async def sold_twice() -> str:
        with sale.transaction() as session:
            assert book(session, "apple", [wish("b", "there")], AT).left == STOCK - 2
            asking = asyncio.create_task(answer(crowd, wish("b", "here")))  # looks, and sees nothing of it yet
            await asyncio.to_thread(until_it_waits, sale, asking)
        return await asking

    assert asyncio.run(sold_twice()) == "buyer_limit"


def test_a_sale_that_is_changed_holds_from_the_next_buyer_on(sale: Database, crowd: Crowd) -> None:
    assert [ask(crowd, HotWish(BRAND, "pc", ref, "b1", "apple")) for ref in ("r1", "r2")] == ["1", "buyer_limit"]
    with sale.transaction() as session:
        heat(session, "op", Sale(brand=BRAND, sku="apple", sale="11.11", per_buyer=2), AT)
    assert [ask(crowd, HotWish(BRAND, "pc", ref, "b1", "apple")) for ref in ("r3", "r4")] == ["1", "buyer_limit"]
    with sale.transaction() as session:
        cool(session, "op", BRAND, "apple", AT)
    assert ask(crowd, HotWish(BRAND, "pc", "r5", "b2", "apple")) == "not_hot"


def test_a_full_queue_answers_when_to_come_again(sale: Database, crowd: Crowd) -> None:
    with sale.transaction() as session:
        heat(session, "op", Sale(brand=BRAND, sku="apple", sale="11.11", queue_limit=2), AT)

    assert ask(crowd, wish("first")) == "1"

    async def too_late() -> TryLater:
        with sale.transaction() as session:
            rows(session, "select 1 from stock_level where sku = 'apple' for update")
            asking = list[asyncio.Task[str]]()
            while crowd.waiting("apple") < 2:
                asking.append(asyncio.create_task(answer(crowd, wish(f"b{len(asking)}"))))
                await asyncio.sleep(0.01)
            with pytest.raises(TryLater, match="2 others wait") as told:
                await crowd.hold_hot(wish("late"))
        assert set(await asyncio.gather(*asking)) == {"1"}
        return told.value

    assert asyncio.run(too_late()).after_s


def test_what_is_in_no_sale_is_refused(sale: Database, crowd: Crowd) -> None:
    with pytest.raises(Conflict) as told:  # as of a sale that has ended
        asyncio.run(crowd.hold_hot(HotWish(BRAND, "pc", "c", "b", "pear")))
    assert told.value.code == "not_hot"
    assert ask(crowd, wish("a")) == "1"
    with sale.transaction() as session:
        cool(session, "op", BRAND, "apple", AT)
    assert ask(crowd, wish("b")) == "not_hot"


def test_a_database_that_is_away_leaves_nobody_waiting(sale: Database, crowd: Crowd) -> None:
    ask(crowd, wish("a"))
    with sale.transaction() as session:
        run(session, "alter table hot_buyer rename to gone")

    async def every() -> list[object]:
        asking = [crowd.hold_hot(wish(f"b{n}")) for n in range(AT_ONCE)]
        return list(await asyncio.gather(*asking, return_exceptions=True))

    failed = [type(one) for one in asyncio.run(every())]
    assert set(failed) == {ProgrammingError, OutcomeUnknown}


def test_who_hangs_up_keeps_nobody_from_an_answer(crowd: Crowd) -> None:
    ask(crowd, wish("a"))

    async def impatient() -> Counter[str]:
        gone = asyncio.create_task(answer(crowd, wish("gone")))
        others = [asyncio.create_task(answer(crowd, wish(f"b{n}"))) for n in range(AT_ONCE)]
        await asyncio.sleep(0)  # now all have asked
        gone.cancel()
        return Counter(await asyncio.gather(*others))

    assert asyncio.run(impatient()) == {"1": AT_ONCE}
