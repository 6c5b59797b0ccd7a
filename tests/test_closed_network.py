import socket

import pytest


def test_a_test_that_reaches_out_is_stopped() -> None:
    with socket.socket() as out, pytest.raises(PermissionError, match=r"reaches for 192\.0\.2\.1"):
        out.connect(("192.0.2.1", 80))


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as out:
        assert out.getpeername() == server.getsockname()
