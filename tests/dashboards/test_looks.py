import threading
from datetime import timedelta

from dashboards.overview import FRESH, STALE, Looks
from tests.hub.making import AT


def test_a_fresh_look_serves_everybody() -> None:
    looks, taken = Looks(), iter("ab")
    assert [looks.take("mine", AT, lambda: next(taken)) for _ in range(2)] == ["a", "a"]
    assert looks.take("mine", AT + FRESH, lambda: next(taken)) == "b"


def test_looks_of_different_people_are_apart() -> None:
    looks = Looks()
    assert [looks.take(key, AT, lambda key=key: key) for key in ("mine", "yours")] == ["mine", "yours"]


def test_while_a_look_is_renewed_the_last_one_serves_and_no_other_waits() -> None:
    looks, begun, finish = Looks(), threading.Event(), threading.Event()
    looks.take("mine", AT, lambda: "old")

    def slowly() -> str:
        begun.set()
        finish.wait(60)
        return "new"

    renewing = threading.Thread(target=looks.take, args=("mine", AT + FRESH, slowly))
    renewing.start()
    begun.wait(60)
    seen = [looks.take("mine", AT + FRESH, lambda: "unread"), looks.take("yours", AT, lambda: "yours")]
    finish.set()
    renewing.join()
    assert seen == ["old", "yours"]
    assert looks.take("mine", AT + FRESH + timedelta(seconds=1), lambda: "unread") == "new"


def test_a_look_that_is_stale_serves_nobody() -> None:
    looks = Looks()
    looks.take("mine", AT, lambda: "old")
    assert looks.take("mine", AT + STALE + timedelta(seconds=1), lambda: "new") == "new"
