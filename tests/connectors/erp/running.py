"""A real mock-sap process on loopback, and the far side of the suite that steers it."""

import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from random import SystemRandom
from typing import Any, Final

import requests

from sandbox.sap_books import Books, empty_books, read_books, refuse, switch
from tests.connectors.exemplars import CANARY, SECRET

USER: Final = "OMS"
READY_S: Final = 30
PORTS: Final = range(20_000, 32_000)  # below those that the system gives to callers


def free_port() -> int:
    while True:
        port = SystemRandom().choice(PORTS)
        with socket.socket() as found:
            if found.connect_ex(("127.0.0.1", port)):
                return port


@contextmanager
def running(module: str, *options: str) -> Generator[str]:
    """Run `python -m module` with mock-sap's options until the block ends; gives its address."""
    port = free_port()
    words = [sys.executable, "-m", module, "--port", str(port), "--quiet", "--auth", f"{USER}:{SECRET.decode()}"]
    with subprocess.Popen([*words, *options], stdout=subprocess.DEVNULL) as process:  # noqa: S603 # constant words
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url)
            yield url
        finally:
            process.terminate()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        try:
            return requests.get(f"{url}/_mock/health", timeout=1).raise_for_status()
        except requests.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


class MockSap:
    """Steers a running mock-sap."""

    def __init__(self, url: str) -> None:
        self.url = url
        empty_books(url)

    def refuse(self) -> None:
        self.rule(match="A_SalesOrder$", method="POST", status=400, message=f"customer {CANARY} is blocked")
        refuse(self.url, "BAPI_OUTB_DELIVERY_CREATE_SLS", "V1/849", text=f"credit limit of {CANARY}")

    def be_busy(self) -> None:
        switch(self.url, "busy")

    def lock(self) -> None:
        switch(self.url, "lock")

    def lose_answers(self) -> None:
        """Lose those of the calls that make a document, and none before them."""
        self.rule(match="A_SalesOrder$", method="POST", message="lost_answer")
        self.rule(match="/sap/bc/srt/", method="POST", message="lost_answer")

    def recover(self) -> None:
        switch(self.url, None)

    def books(self) -> Books:
        return read_books(self.url, USER, SECRET.decode())

    def orders(self, code: str) -> int:
        return self.books()["orders"].get(code, 0)

    def deliveries(self, code: str) -> int:
        return self.books()["deliveries"].get(code, 0)

    def amount(self, code: str) -> Decimal:
        return self.books()["amounts"][code]

    def pieces(self, code: str) -> Decimal:
        return self.books()["pieces"][code]

    def rule(self, **rule: object) -> None:
        requests.post(f"{self.url}/_mock/faults", json=rule, timeout=5).raise_for_status()

    def read(self, path: str) -> dict[str, Any]:
        answer = requests.get(f"{self.url}{path}", auth=(USER, SECRET.decode()), timeout=5)
        answer.raise_for_status()
        return answer.json()["d"]

    def change(self, path: str, **fields: object) -> None:
        """Change an entity behind the hub's back."""
        with requests.Session() as session:
            session.auth = (USER, SECRET.decode())
            token = session.get(f"{self.url}{path}", headers={"X-CSRF-Token": "Fetch"}, timeout=5)
            headers = {"X-CSRF-Token": token.headers["X-CSRF-Token"]}
            session.patch(f"{self.url}{path}", json=fields, headers=headers, timeout=5).raise_for_status()
