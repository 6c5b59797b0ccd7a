import pickle
import socket
import sys

import pytest

from commands.door import Door, open_door
from commands.station import HOST, free_ports

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux deals connections out")

CALLERS = 64


def waiting(door: Door) -> int:
    """Take whoever waits at a door, and count them."""
    door.settimeout(0)
    count = 0
    while True:
        try:
            caller, _ = door.accept()
        except BlockingIOError:
            return count
        caller.close()
        count += 1


def test_callers_are_dealt_out_between_the_doors_of_two_processes() -> None:
    [port] = free_ports(1)
    with open_door(HOST, port) as first, pickle.loads(pickle.dumps(first)) as second:  # noqa: S301 # as a spawned process has it
        first.listen(CALLERS)
        second.listen(CALLERS)
        callers = [socket.create_connection((HOST, port)) for _ in range(CALLERS)]
        shares = [waiting(first), waiting(second)]
        for caller in callers:
            caller.close()
    assert sum(shares) == CALLERS
    assert min(shares) > 0


def test_a_door_that_is_not_open_yet_has_no_callers() -> None:
    [port] = free_ports(1)
    with open_door(HOST, port), pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, port))
