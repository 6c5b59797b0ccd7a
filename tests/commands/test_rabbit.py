"""The broker of our own: what it keeps, what it loses, where it listens, and that nothing of it stays."""

import os
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import psutil
import pytest
from kombu.connection import Connection
from kombu.entity import Queue

from commands import rabbit as rabbits
from commands.rabbit import Rabbit, find_server
from hub.errors import NeedsOperator
from hub.postgres_probe import HOST, choose_port
from hub.settings import ROOT
from tests.brokers import NEEDS_RABBIT

WAKES = "wakes"
QUEUE: Any = Queue(WAKES, durable=True, queue_arguments={"x-queue-type": "quorum"})


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Generator[Rabbit]:
    """Give one broker to all tests of this file; each leaves it running, or starts it again."""
    with Rabbit(tmp_path_factory.mktemp("rabbit")) as running:
        yield running


def dial(url: str) -> Any:  # noqa: ANN401 # kombu's connections are without types
    return Connection(url, transport_options={"confirm_publish": True})


def publish(url: str, body: str) -> None:
    with dial(url) as connection, connection.channel() as channel:
        QUEUE(channel).declare()
        connection.Producer(channel).publish(body, routing_key=WAKES, delivery_mode=2)


def waiting(url: str) -> list[str]:
    with dial(url) as connection, connection.channel() as channel:
        queue = QUEUE(channel)
        queue.declare()
        return [message.body for message in iter(lambda: queue.get(no_ack=True), None)]


def family(pid: int | None) -> list[psutil.Process]:
    beam = psutil.Process(pid)
    return [beam, *beam.children(recursive=True)]


@NEEDS_RABBIT
def test_what_was_confirmed_survives_a_kill(rabbit: Rabbit) -> None:
    url = rabbit.start()
    assert waiting(url) == []
    rabbit.stop()  # which writes the new queue down at once: see Rabbit
    publish(rabbit.start(), "kept")
    rabbit.kill()
    assert rabbit.start() == url
    assert waiting(url) == ["kept"]


@NEEDS_RABBIT
def test_a_wiped_broker_has_forgotten_everything(rabbit: Rabbit) -> None:
    publish(rabbit.start(), "lost")
    rabbit.wipe()
    assert waiting(rabbit.start()) == []


@NEEDS_RABBIT
def test_the_process_that_is_killed_is_the_broker_itself(rabbit: Rabbit) -> None:
    rabbit.start()
    assert psutil.Process(rabbit.pid).name() == "beam.smp"


@NEEDS_RABBIT
def test_it_listens_on_loopback_alone(rabbit: Rabbit) -> None:
    rabbit.start()
    open_sockets = [one for ours in family(rabbit.pid) for one in ours.net_connections()]
    listening = [(*one.laddr,) for one in open_sockets if one.status == psutil.CONN_LISTEN]
    assert {host for host, _ in listening} == {"127.0.0.1"}
    assert int(rabbit.url.rpartition(":")[2].strip("/")) in {port for _, port in listening}


@NEEDS_RABBIT
@pytest.mark.parametrize("end", ["kill", "stop"])
def test_nothing_that_it_started_stays(rabbit: Rabbit, end: str) -> None:
    rabbit.start()
    ours = family(rabbit.pid)
    assert "erl_child_setup" in {one.name() for one in ours}
    getattr(rabbit, end)()
    assert not [one for one in ours if one.is_running()]
    assert rabbit.pid is None


@NEEDS_RABBIT
def test_no_port_mapper_is_started(rabbit: Rabbit) -> None:
    rabbit.start()
    running: list[Any] = [one.info for one in psutil.process_iter(["name", "environ"])]
    mappers = [one["environ"] for one in running if one["name"] == "epmd" and one["environ"]]
    assert str(rabbit.folder) not in [variables["HOME"] for variables in mappers if "HOME" in variables]


@NEEDS_RABBIT
def test_what_a_killed_owner_has_left_ends_at_the_next_start(tmp_path: Path) -> None:
    script = (
        "import os,sys; from commands.rabbit import Rabbit; from pathlib import Path; r = Rabbit(Path(sys.argv[1]));"
    )
    script += "r.start(); print(r.pid, flush=True); os._exit(1)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", script, str(tmp_path)]
    said = subprocess.run(words, env=environment, check=False, stdout=subprocess.PIPE, text=True)  # noqa: S603 # our own
    left = family(int(said.stdout))
    with Rabbit(tmp_path):
        assert not [one for one in left if one.is_running()]


@NEEDS_RABBIT
def test_a_broker_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "mnesia").write_text("a file where a folder must be")
    with pytest.raises(NeedsOperator, match="does not start") as raised:
        Rabbit(tmp_path).start()
    assert raised.value.code == "rabbitmq_failed"
    assert len(raised.value.message.splitlines()) > 1


@NEEDS_RABBIT
def test_a_port_that_another_program_took_meanwhile_is_given_up_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server((HOST, 0)) as other:
        taken = other.getsockname()[1]
        chosen = iter([taken])

        def choose(remembered: Path, wish: int | None) -> int:
            return next(chosen, 0) or choose_port(remembered, wish)

        monkeypatch.setattr(rabbits, "choose_port", choose)
        with Rabbit(tmp_path) as broker:
            assert f":{taken}/" not in broker.url
            with Connection(broker.url) as connection:
                assert connection.connect()
        assert "eaddrinuse" in (tmp_path / "server.log").read_text(encoding="utf-8")


def test_a_missing_program_is_told_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(rabbits, "FOLDERS", ())
    assert find_server() is None
    with pytest.raises(NeedsOperator, match="apt-get install rabbitmq-server") as raised:
        Rabbit(tmp_path).start()
    assert raised.value.code == "rabbitmq_missing"
