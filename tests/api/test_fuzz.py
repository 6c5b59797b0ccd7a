"""Junk in any field of an order is refused in good form, or taken as a well-formed order: never a failure of ours."""

import copy
import json
from contextlib import suppress
from itertools import count
from typing import Any, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.order.view import OrderView
from tests.api.calling import Mall, problem
from tests.staging import order_of

NUMBERS = count()
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        ["", " ", "0", "-1", "1e400", "1e9", "\u0000", "\u202e", "💥", "x" * 5_000, "９", "2026-02-30", "null"]
    ),
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
    inner: Any = ()
    if isinstance(part, dict):
        inner = cast("dict[str, object]", part).items()
    elif isinstance(part, list):
        inner = enumerate(cast("list[object]", part))
    return [path] * bool(path) + [found for key, one in inner for found in places(one, (*path, key))]


def spoil(document: Any, path: Path, value: object) -> None:  # noqa: ANN401 # nested JSON
    """Replace or drop what stands at a place, if the place is still there."""
    with suppress(KeyError, IndexError, TypeError):
        for key in path[:-1]:
            document = document[key]
        if value is GONE:
            del document[path[-1]]
        elif not isinstance(document, str):
            document[path[-1]] = value


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.sampled_from(places(FULL)), st.one_of(st.just(GONE), JUNK)), min_size=1, max_size=3)
)
def test_junk_never_makes_the_hub_fail(mall: Mall, changes: list[tuple[Path, object]]) -> None:
    order = copy.deepcopy(FULL)
    order["external_id"] = f"FUZZ-{next(NUMBERS)}"
    for path, value in changes:
        spoil(order, path, value)
    answer = mall.call("POST", "/v1/orders", json.dumps(order).encode())
    assert answer.status_code < 500
    if answer.status_code < 300:
        shown = OrderView.model_validate_json(answer.content)
        assert shown.total == shown.goods - shown.discount + shown.freight
    else:
        problem(answer)
