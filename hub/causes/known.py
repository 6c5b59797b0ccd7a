"""Every cause that calls a person, by its name."""

from collections.abc import Mapping
from typing import Final

from hub.causes.cause import Cause
from hub.causes.changes import CHANGES
from hub.causes.counts import COUNTS
from hub.causes.messages import MESSAGES
from hub.causes.orders import ORDERS
from hub.causes.partners import PARTNERS

CAUSES: Final[Mapping[str, Cause]] = {**MESSAGES, **ORDERS, **CHANGES, **PARTNERS, **COUNTS}
