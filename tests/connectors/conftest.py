"""What tests of several partners share: the stand-ins, each started once, and the way of an errand."""

from collections.abc import Callable, Generator

import pytest

from tests.connectors.errands import Stand
from tests.connectors.ways import Way, stands, way_of


@pytest.fixture(scope="session")
def find_stand() -> Generator[Callable[[type[Stand]], Stand]]:
    with stands() as find:
        yield find


@pytest.fixture
def way(find_stand: Callable[[type[Stand]], Stand], kind: type[Stand], name: str) -> Generator[Way]:
    """Give the way of the errand that the test names by `kind` and `name`."""
    with way_of(find_stand(kind), name) as one:
        yield one
