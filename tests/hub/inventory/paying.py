"""A process that takes a shop's orders, and may be told to die at a named point."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.registry import Registry
from flows.intake import Intake
from flows.receive_orders import ReceiveOrders
from hub.database import Database
from hub.failpoints import arm
from tests.conftest import RING
from tests.hub.making import AT
from tests.staging import settings_in


def take_orders(url: str, folder: Path, failpoint: str = "") -> None:
    """Work the inbox off, also what somebody died of; killed when it reaches the failpoint, if one is given."""
    if failpoint:
        arm(failpoint, lambda: os.kill(os.getpid(), signal.SIGKILL))
    database = Database(url, RING, connections=2)
    taker = ReceiveOrders(Registry(settings_in(folder)), ZoneInfo("Asia/Shanghai"), 50)
    with ThreadPoolExecutor(1) as pool:
        intake = Intake(database, lambda: AT, pool)
        while intake.work_off(taker):
            pass
    database.close()
