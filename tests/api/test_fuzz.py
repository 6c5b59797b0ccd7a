"""Junk in any field of an order is refused in good form, or taken as a well-formed order: never a failure of ours."""

import copy
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.order.find import OrderView
from tests.api.calling import Mall, problem
from tests.staging import encoded, order_of

NUMBERS = count()
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["", " ", "0", "-1", "1e400", "1e9", "\u0000", "‮", "💥", "x" * 5_000, "９", "2026-02-30", "null"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
GONE = object()
FULL = order_of(
    "FUZZ",
    currency="CNY",
    type="normal",
    remark="",
    freight="1.00",
    revision=1,
    discounts=[{"source": "coupon", "code": "C", "amount": "1.00", "funder": "merchant", "line_id": "L1"}],
)
Path = tuple[str | int, ...]


def places(part: object, path: Path = ()) -> list[Path]:
    """Name every place of a document, the inner and the outer ones."""
    inner: list[tuple[str | int, object]] = []
    if isinstance(part, dict):
        inner = list(part.items())
    elif isinstance(part, list):
        inner = list(enumerate(part))
    return [path] * bool(path) + [found for key, one in inner for found in places(one, (*path, key))]


def spoil(document: Any, path: Path, value: object) -> None:  # noqa: ANN401 # nested JSON
    """Replace or drop what stands at a place, if the place is still there."""
    for key in path[:-1]:
        try:
            document = document[key]
        except (KeyError, IndexError, TypeError):
            return
    if value is GONE and isinstance(document, dict):
        document.pop(path[-1], None)
    elif value is not GONE and isinstance(document, dict | list) and isinstance(path[-1], int) == isinstance(document, list):
        if not isinstance(document, list) or path[-1] < len(document):
            document[path[-1]] = value


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.sampled_from(places(FULL)), st.one_of(st.just(GONE), JUNK)), min_size=1, max_size=3))
def test_junk_never_makes_the_hub_fail(mall: Mall, changes: list[tuple[Path, object]]) -> None:
    order = copy.deepcopy(FULL)
    order["external_id"] = f"FUZZ-{next(NUMBERS)}"
    for path, value in changes:
        spoil(order, path, value)
    answer = mall.call("POST", "/v1/orders", encoded_anyway(order))
    assert answer.status_code < 500
    if answer.status_code < 300:
        shown = OrderView.model_validate_json(answer.content)
        assert shown.total == shown.goods - shown.discount + shown.freight
    else:
        problem(answer)


def encoded_anyway(order: object) -> bytes:
    """Write JSON with its odd characters as they are, but half characters escaped."""
    try:
        return encoded(order)
    except UnicodeEncodeError:
        import json

        return json.dumps(order).encode()
