"""Calendars of public holidays at a terminal: load a year from TOML, list what is there."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from commands.reach import operator, reached
from commands.screen import OUT, add_row, give, say, words
from commands.written import read_file
from hub.sourcing.calendars import LONGEST, list_calendars, load_calendar

calendar_app = typer.Typer(help=words("节假日日历", "calendars of public holidays"), no_args_is_help=True)


@calendar_app.command("load", help=words("载入一年的日历（TOML），替换该年", "load a year (TOML), replacing it"))
def load(file: Annotated[Path, typer.Argument(help=words("日历文件", "the file"))]) -> None:
    content = read_file(file, "malformed_calendar", LONGEST)
    with reached() as reach, reach.database.transaction() as session:
        read = load_calendar(session, operator(), content, datetime.now(UTC))
    off, work = len(read.off), len(read.work)
    say(
        f"已载入 {read.calendar} {read.year} 年：休 {off} 天，调休上班 {work} 天",
        f"loaded {read.calendar} {read.year}: {off} days off, {work} worked instead",
    )


@calendar_app.command("ls", help=words("列出日历", "list the calendars"))
def ls(*, as_json: Annotated[bool, typer.Option("--json", help=words("输出 JSON", "print JSON"))] = False) -> None:
    with reached() as reach, reach.database.transaction() as session:
        found = list_calendars(session)
    if as_json:
        give([one.model_dump(mode="json") for one in found], as_json=True)
        return
    heads = (("日历", "calendar"), ("年", "year"), ("休", "off"), ("调休上班", "worked instead"))
    table = Table(*(words(*head) for head in heads))
    for one in found:
        add_row(table, one.calendar, str(one.year), str(one.off), str(one.work))
    OUT.print(table)
