"""The embedded database on a real server: it starts, it is shared, and it heals."""

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from pathlib import Path

import psutil
import psycopg
import pytest

from hub import postgres_files as files
from hub import postgres_probe as probe
from hub import postgres_process as processes
from hub.errors import NeedsOperator
from hub.postgres import EmbeddedPostgres, default_folder, status

ROOT = Path(__file__).resolve().parents[2]
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another user")


@pytest.fixture(scope="module")
def ground() -> Generator[Path]:
    """Give a folder that other users can pass through, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def folder(ground: Path, request: pytest.FixtureRequest) -> Generator[Path]:
    place = ground / str(request.node.name)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - pytest leaves a node's type open
    yield place
    EmbeddedPostgres(place).stop(force=True)
    shutil.rmtree(place, ignore_errors=True)


def ask(url: str, statement: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(statement.encode()).fetchone()
        return int(row[0]) if row else 0


def fill(url: str, commits: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table if not exists kept (id int primary key)")
        for number in range(commits):
            connection.execute("insert into kept values (%s)", [number])


def test_a_started_server_answers_is_shared_and_stops(folder: Path) -> None:
    with EmbeddedPostgres(folder, durable=False) as first:
        second = EmbeddedPostgres(folder, durable=False)
        assert ask(second.start(), "select 1") == 1
        assert (first.attached, second.attached) == (False, True)
        second.stop()
        assert status(folder).state == "running"
    assert status(folder).state == "stopped"


def test_only_loopback_and_a_password_let_in(folder: Path) -> None:
    with EmbeddedPostgres(folder, durable=False) as server, psycopg.connect(server.url) as connection:
        shown = "select setting from pg_settings where name = any(%s) order by name"
        names = ["listen_addresses", "unix_socket_directories"]
        assert connection.execute(shown, [names]).fetchall() == [("127.0.0.1",), ("",)]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            probe.connect(probe.url("wrong", connection.info.port))
        assert (folder / "password").stat().st_mode & 0o777 == 0o600


def test_a_force_stop_ends_what_another_started(folder: Path) -> None:
    server = EmbeddedPostgres(folder, durable=False)
    server.start()
    EmbeddedPostgres(folder).stop(force=True)
    assert status(folder).state == "stopped"
    server.stop()


def test_five_hundred_commits_survive_a_kill(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    fill(server.start(), 500)
    server.kill()
    assert status(folder).state == "stopped"
    assert ask(server.start(), "select count(*) from kept") == 500
    server.stop()


def test_a_server_killed_by_someone_else_starts_again(folder: Path) -> None:
    server = EmbeddedPostgres(folder, durable=False)
    server.start()
    os.kill(status(folder).pid or 0, signal.SIGKILL)
    assert ask(server.start(), "select 1") == 1
    assert not server.attached
    server.stop()


def test_an_orphan_deep_in_a_query_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "ORPHANS_LIMIT_S", 0.5)
    server = EmbeddedPostgres(folder, durable=False)
    busy = threading.Thread(target=_count_for_ever, args=[server.start()])
    busy.start()
    time.sleep(0.3)
    server.kill()
    busy.join(timeout=10)
    assert list(processes.find_processes(folder.resolve() / "cluster")) == []
    assert ask(server.start(), "select 1") == 1
    server.stop()


def _count_for_ever(url: str) -> None:
    with pytest.raises(psycopg.OperationalError):
        ask(url, "select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b")


def test_a_pid_that_now_belongs_to_another_program_is_not_believed(folder: Path) -> None:
    server = EmbeddedPostgres(folder, durable=False)
    server.start()
    lines = (folder / "cluster" / "postmaster.pid").read_text().splitlines()
    server.kill()
    owner = files.find_owner(folder / "cluster")
    with subprocess.Popen(["/bin/sleep", "60"], cwd="/", **owner.run_as) as other:
        (folder / "cluster" / "postmaster.pid").write_text("\n".join([str(other.pid), *lines[1:]]))
        assert status(folder).state == "stopped"
        assert ask(server.start(), "select 1") == 1
        assert psutil.pid_exists(other.pid)
        other.kill()
    server.stop()


def test_two_processes_that_start_at_once_share_one_server(folder: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from hub.postgres import EmbeddedPostgres as E;"
        "e = E(Path(sys.argv[1]), durable=False); print(e.start(), e.attached)"
    )
    words = [sys.executable, "-W", "ignore", "-c", program, str(folder)]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)]  # noqa: S603 - our own program
    said = sorted(one.communicate()[0].split() for one in both)
    assert said[0][0] == said[1][0]
    assert {words[1] for words in said} == {"True", "False"}
    assert ask(said[0][0], "select 1") == 1


def test_a_half_made_cluster_is_made_again(folder: Path) -> None:
    files.make_folder(folder, files.find_owner(folder))
    (folder / "cluster.making").mkdir()
    (folder / "cluster.making" / "PG_VERSION").write_text("18")
    (folder / "cluster.password").write_text("left over")
    with EmbeddedPostgres(folder, durable=False) as server:
        assert ask(server.url, "select 1") == 1
        assert sorted(path.name for path in folder.glob("cluster*")) == ["cluster"]


def test_the_port_is_remembered_and_changed_when_taken(folder: Path) -> None:
    server = EmbeddedPostgres(folder, durable=False)
    server.start()
    port = status(folder).port or 0
    server.stop()
    server.start()
    assert status(folder).port == port
    server.stop()
    with socket.create_server((probe.HOST, port)):
        server.start()
        assert status(folder).port != port
        server.stop()


def test_a_wished_port_that_is_taken_is_an_operators_matter(folder: Path) -> None:
    with socket.create_server((probe.HOST, 0)) as taken:
        wish = int(taken.getsockname()[1])
        with pytest.raises(NeedsOperator, match=f"port {wish} is taken"):
            EmbeddedPostgres(folder, port=wish, durable=False).start()


def test_a_durable_start_refuses_a_server_without_fsync(folder: Path) -> None:
    with EmbeddedPostgres(folder, durable=False), pytest.raises(NeedsOperator, match="without fsync"):
        EmbeddedPostgres(folder).start()


def test_a_lost_password_is_told_with_the_log(folder: Path) -> None:
    with EmbeddedPostgres(folder, durable=False):
        pass
    (folder / "password").write_text("another")
    with pytest.raises(NeedsOperator, match="password authentication failed"):
        EmbeddedPostgres(folder, durable=False).start()
    assert status(folder).state == "stopped"


@AS_ROOT
def test_a_private_parent_is_refused_and_stays_private(ground: Path) -> None:
    private = ground / "private"
    private.mkdir(mode=0o700)
    with pytest.raises(NeedsOperator, match=r"private is private.*OMS_DATA_FOLDER"):
        EmbeddedPostgres(private / "data").start()
    assert private.stat().st_mode & 0o777 == 0o700
    assert list(private.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "remedy"), [(errno.ENOSPC, "free some space"), (errno.EACCES, "let the user"), (errno.EROFS, "mount")]
)
def test_a_failing_disk_names_the_path_and_the_remedy(tmp_path: Path, number: int, remedy: str) -> None:
    with pytest.raises(NeedsOperator, match=remedy) as caught, files.mended(tmp_path):
        raise OSError(number, "made up")
    assert str(tmp_path) in caught.value.message
    assert "OMS_DATA_FOLDER" in caught.value.message


def test_a_folder_under_a_file_is_an_operators_matter(ground: Path) -> None:
    (ground / "file").touch()
    with pytest.raises(NeedsOperator, match="a file stands where a folder is needed"):
        EmbeddedPostgres(ground / "file" / "data").start()


def test_status_of_nothing_is_absent_and_makes_nothing(tmp_path: Path) -> None:
    assert status(tmp_path / "none").state == "absent"
    assert list(tmp_path.iterdir()) == []


def test_root_keeps_the_database_outside_the_tree_and_others_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_folder(ROOT).parent == Path("/var/lib/oms")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_folder(ROOT) == ROOT / ".oms"
