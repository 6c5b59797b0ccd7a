"""The solvers by the version that a decision names, so that it can be made again as it was."""

from collections.abc import Callable, Mapping
from typing import Final

from hub.sourcing.freight import FREIGHT, WEIGHED, decide_freight
from hub.sourcing.greedy import decide
from hub.sourcing.model import SOLVER, Decision, Question
from hub.sourcing.shared import SHARED, decide_shared
from hub.sourcing.shared_carried import CARRIED, decide_carried

Solver = Callable[[Question], Decision]

SOLVERS: Final[Mapping[str, Solver]] = {
    SOLVER: decide,
    FREIGHT: decide_freight,
    WEIGHED: decide_freight,
    SHARED: decide_shared,
    CARRIED: decide_carried,
}
"""Those that decide a question; one that a batch decided together holds its share, and is no question for others."""
