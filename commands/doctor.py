"""What is wrong with a set-up, and how to mend it."""

import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from kombu.connection import Connection
from kombu.exceptions import OperationalError
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from commands.rabbit import INSTALL, PROGRAM, find_server
from commands.reach import configured, local_station, open_database
from commands.screen import OUT, give, words
from commands.station import PORTS
from connectors.partner import utc_now
from connectors.registry import Registry
from hub.database import row
from hub.errors import HubError
from hub.keyring import Keyring
from hub.language import language
from hub.migrations import newest, revision_of
from hub.postgres import status
from hub.postgres_probe import is_free
from hub.settings import Settings

NEEDED_BYTES: Final = 1_000_000_000
OLDEST_SERVER: Final = 150_000
AMQP: Final = ("amqp", "amqps", "pyamqp")
BROKER_S: Final = 3
CLOCK_OFF: Final = timedelta(seconds=1)
"""How far this machine's clock may be from the database's: leases are reckoned by clocks, and their grace is 2 s."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `mend` is empty when it is well."""

    what: str
    found: str
    mend: str = ""


def examine() -> list[Finding]:
    """Look at everything a command needs, without changing anything."""
    findings = [_python(), _disk()]
    try:
        settings = configured()
    except HubError as error:
        mend = words("按提示修改设置", "correct the settings as it says")
        return [*findings, Finding(words("设置", "settings"), error.say(language()), mend)]
    findings += [
        _secret(
            settings, "keyring", words("首次运行 ./oms demo 或 ./oms keys new", "run ./oms demo, or ./oms keys new")
        )
    ]
    findings += [_connection(settings, name) for name in sorted(settings.connections)]
    findings += _database(settings)
    findings += [_rabbit(), *_broker(settings)]
    findings += [_port(port) for port in PORTS.values()]
    return findings


def report(*, as_json: bool) -> int:
    """Print what was found; 1 when something must be mended."""
    findings = examine()
    if as_json:
        give([{"what": one.what, "found": one.found, "mend": one.mend} for one in findings], as_json=True)
    else:
        table = Table(words("检查项", "checked"), words("结果", "found"), words("如何修复", "how to mend it"))
        for one in findings:
            table.add_row(one.what, one.found, f"[red]{one.mend}[/]" if one.mend else "[green]✓[/]")
        OUT.print(table)
    return 1 if any(one.mend for one in findings) else 0


def _python() -> Finding:
    good = sys.version_info >= (3, 11)
    mend = "" if good else words("安装 Python 3.11 或更新版本", "install Python 3.11 or later")
    return Finding("Python", platform.python_version(), mend)


def _disk() -> Finding:
    folder = local_station().folder
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    mend = (
        ""
        if free > NEEDED_BYTES
        else words("清理磁盘，或用 OMS_DATA_FOLDER 另选目录", "free space, or choose OMS_DATA_FOLDER")
    )
    return Finding(words(f"数据目录 {folder}", f"data folder {folder}"), f"{free // 10**6} MB", mend)


def _secret(settings: Settings, name: str, mend: str) -> Finding:
    try:
        Keyring.read(settings.secret(name))
    except HubError as error:
        return Finding(words("密钥环", "key ring"), error.say(language()), mend)
    return Finding(words("密钥环", "key ring"), words("可读取", "readable"))


def _connection(settings: Settings, name: str) -> Finding:
    what = words(f"连接 {name}", f"connection {name}")
    try:
        Registry(settings).get(name)
    except HubError as error:
        return Finding(
            what,
            error.say(language()),
            words("修正 settings.toml 或补上密钥文件", "correct settings.toml or add its secret"),
        )
    return Finding(what, settings.connections[name].kind)


def _database(settings: Settings) -> Iterator[Finding]:
    what = words("数据库", "database")
    url = settings.database_url
    if not url:
        found = status(local_station().folder / "postgres")
        if found.state in {"stopped", "absent"}:
            yield Finding(
                what, words("内置数据库未运行（运行演示时自动启动）", "the embedded one sleeps (the demo starts it)")
            )
            return
        if found.state == "silent":
            yield Finding(what, words("不应答", "silent"), words(f"查看 {found.log}", f"see {found.log}"))
            return
        url = local_station().postgres().url
    yield from _asked(url, what)


def _asked(url: str, what: str) -> Iterator[Finding]:
    mend = words("检查 OMS_DATABASE_URL 与数据库服务", "check OMS_DATABASE_URL and the server")
    try:
        database = open_database(url, Keyring.read(Keyring.generate().encode()), 1)
    except HubError as error:
        yield Finding(what, error.say(language()), mend)
        return
    try:
        with database.transaction() as session:
            before = utc_now()
            found = row(
                session, "select current_setting('server_version_num')::int as number, clock_timestamp() as clock"
            )
            after = utc_now()
        number, there = (found.number, found.clock) if found else (0, after)
        old = words("升级到 PostgreSQL 15 或更新版本", "move to PostgreSQL 15 or later")
        yield Finding(what, f"PostgreSQL {number // 10_000}", "" if number >= OLDEST_SERVER else old)
        yield _clock(max(before - there, there - after, timedelta(0)))
        at, head = revision_of(url), newest(url)
        behind = words("执行 ./oms db upgrade", "run ./oms db upgrade")
        yield Finding(words("表结构", "schema"), at or "-", "" if at == head else behind)
    except SQLAlchemyError as error:
        yield Finding(what, type(error).__name__, mend)
    finally:
        database.close()


def _clock(off: timedelta) -> Finding:
    """Say how far apart two clocks are at least, from a question that took its time."""
    told = words(f"与数据库相差 {off.total_seconds():.1f} 秒", f"{off.total_seconds():.1f} s from the database's")
    mend = words("用 NTP 校准两台机器的时钟", "set both machines' clocks by NTP") if off > CLOCK_OFF else ""
    return Finding(words("时钟", "clock"), told, mend)


def _rabbit() -> Finding:
    """Say where the program is; most machines do well without it, so its absence is no fault."""
    program = find_server()
    how = words(
        f"没有；只有本机的测试和故障演练需要：{INSTALL}",
        f"none here; only tests and chaos runs on this machine need it: {INSTALL}",
    )
    return Finding(PROGRAM, str(program) if program else how)


def _broker(settings: Settings) -> Iterator[Finding]:
    if not settings.broker_url:
        return
    what = words("消息队列", "broker")
    mend = words("检查 OMS_BROKER_URL 与 RabbitMQ 服务", "check OMS_BROKER_URL and RabbitMQ")
    try:
        url = settings.broker_address()
        if urlsplit(url).scheme not in AMQP:
            yield Finding(what, words("地址不是 amqp://…", "the address is not amqp://…"), mend)
            return
        with Connection(url, connect_timeout=BROKER_S) as connection:
            connection.ensure_connection(max_retries=1, timeout=BROKER_S)  # pyright: ignore[reportUnknownMemberType] # kombu leaves parts without types
    except HubError as error:
        yield Finding(what, error.say(language()), mend)
    except (OperationalError, ValueError) as error:
        yield Finding(what, type(error).__name__, mend)
    else:
        yield Finding(what, words("可连接", "takes connections"))


def _port(port: int) -> Finding:
    free = is_free(port)
    busy = words("有程序占用（演示正在运行时属正常）", "taken (as it should be while the demo runs)")
    return Finding(words(f"端口 {port}", f"port {port}"), words("空闲", "free") if free else busy)
