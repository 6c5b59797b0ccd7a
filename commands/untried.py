"""What puts a draft in force that nobody has tried: a reason, on purpose."""

from typing import Annotated

import typer

from commands.screen import words

Untried = Annotated[
    str,
    typer.Option(help=words("未试算也要生效的原因，写入审计日志", "why it goes in force untried; to the audit log")),
]
