"""The solvers by the version that a decision names, so that it can be made again as it was."""

from collections.abc import Callable, Mapping
from typing import Final

from hub.sourcing.freight import FREIGHT, decide_freight
from hub.sourcing.greedy import decide
from hub.sourcing.model import SOLVER, Decision, Question

Solver = Callable[[Question], Decision]

SOLVERS: Final[Mapping[str, Solver]] = {SOLVER: decide, FREIGHT: decide_freight}
"""Those that decide one question by itself; what a batch decided together can only be checked, not asked alone."""
