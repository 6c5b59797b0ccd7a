import json
from collections import Counter

import pytest

from commands.bench_hot import Measure, Seen, buyer_of_request, requests_of, run_bench

pytestmark = pytest.mark.usefixtures("secrets_of_its_own")

SEEN = [Seen("sold", 1.0, 0.5), Seen("refused", 3.0, 0.02), Seen("sold", 2.5, 0.5), Seen("deadlock", 4.0, 1.0)]


def test_the_pace_is_until_the_last_piece_was_sold() -> None:
    assert Measure(SEEN, 4.0, 10, 1, 0).sold_per_s == 5.0


def test_refusals_and_deadlocks_are_told_apart() -> None:
    seen = Measure(SEEN, 4.0, 10, 1, 0)
    assert (seen.refused_ms(0.99), seen.deadlocks) == (20.0, 1)
    assert Measure(SEEN[:1], 1.0, 1, 1, 0).refused_ms(0.5) == 0.0


def test_some_buyers_ask_two_or_three_times() -> None:
    asked = Counter(buyer_of_request(no) for no in range(requests_of(18)))
    assert Counter(asked.values()) == {1: 14, 2: 2, 3: 2}


@pytest.mark.parametrize(("wanted", "sold"), [(180, 100), (90, 90)], ids=["sold out", "all have theirs"])
def test_a_small_sale_is_exact_whoever_asks_again(capsys: pytest.CaptureFixture[str], wanted: int, sold: int) -> None:
    assert run_bench(100, wanted, 64, as_json=True) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (found["sold"], found["oversold"], found["most_of_a_buyer"], found["deadlocks"]) == (sold, 0, 1, 0)
    assert (found["wanted"], found["requests"]) == (wanted, wanted * 12 // 9)
