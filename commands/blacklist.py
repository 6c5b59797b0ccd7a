"""The blacklist at a terminal: put a phone, a buyer or an address on it, see it, take one off."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from commands.reach import operator, reached
from commands.screen import OUT, add_row, give, say, words
from hub.address.division import point_of
from hub.database import keyring_of
from hub.errors import Malformed
from hub.keyring import Keyring
from hub.order.place.record import plain_phone
from hub.order.search.recognise import Reading, normal, readings
from hub.review.barred import address_index, bar, lift, list_barred
from hub.review.table import BarredKind
from hub.scope import check_names

blacklist_app = typer.Typer(help=words("黑名单", "the blacklist"), no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help=words("输出 JSON", "print JSON"))]


@blacklist_app.command("add", help=words("加入黑名单，内容只存盲索引", "put on it; only a blind index is kept"))
def add(
    kind: Annotated[BarredKind, typer.Argument(help=words("哪一种", "what it is"))],
    value: Annotated[
        str, typer.Argument(help=words("手机号、买家编号或街道门牌", "phone, buyer's reference or street"))
    ],
    brand: Annotated[str, typer.Option(help=words("品牌", "of this brand"))],
    reason: Annotated[str, typer.Option(help=words("原因", "why"))],
    division: Annotated[str, typer.Option(help=words("地址的区划代码", "code of an address's division"))] = "",
    days: Annotated[int | None, typer.Option(min=1, help=words("几天后失效", "for so many days"))] = None,
) -> None:
    now = datetime.now(UTC)
    with reached() as reach, reach.database.transaction() as session:
        check_names(reach.settings.connections, brand)
        index = _index(keyring_of(session), brand, kind, value, division)
        until = now + timedelta(days=days) if days else None
        number = bar(session, operator(), brand, kind, index, reason, now, until)
    say(f"已加入黑名单，编号 {number}", f"on the blacklist as number {number}")


@blacklist_app.command("ls", help=words("列出有效的黑名单", "list what counts now"))
def ls(*, as_json: AsJson = False) -> None:
    with reached() as reach, reach.database.transaction() as session:
        found = list_barred(session, operator(), datetime.now(UTC))
    if as_json:
        give([one.model_dump(mode="json") for one in found], as_json=True)
        return
    heads = (("编号", "no"), ("品牌", "brand"), ("种类", "kind"), ("原因", "reason"), ("由谁", "by"), ("至", "until"))
    table = Table(*(words(*head) for head in heads))
    for one in found:
        until = f"{one.until:%Y-%m-%d}" if one.until else words("长期", "for good")
        add_row(table, str(one.id), one.brand, one.kind, one.reason, one.barred_by, until)
    OUT.print(table)


@blacklist_app.command("lift", help=words("移出黑名单", "take one off"))
def take_off(number: Annotated[int, typer.Argument(help=words("编号", "its number"))]) -> None:
    with reached() as reach, reach.database.transaction() as session:
        lift(session, operator(), number, datetime.now(UTC))
    say(f"{number} 已移出黑名单", f"number {number} is off the blacklist")


def _index(ring: Keyring, brand: str, kind: BarredKind, value: str, division: str) -> bytes:
    """Give the blind index of what was typed.

    Raises: Malformed for what is no phone number, or an address without its division; NotFound for one there is not.
    """
    if kind is BarredKind.PHONE:
        if Reading.PHONE not in readings(normal(value)):
            text = "a phone number has 7 to 13 digits, and spaces or dashes between them at most"
            raise Malformed(text, code="phone", field="value", zh="电话号码为 7 到 13 位数字，其间只可有空格或连字符")
        return ring.index("phone", brand, plain_phone(value))
    if kind is BarredKind.BUYER:
        return ring.index("subject", brand, value)
    if not division:
        text, zh = "an address needs --division, as its orders have it", "地址须给出 --division 区划代码"
        raise Malformed(text, code="division_needed", field="division", zh=zh)
    point_of(division)
    return address_index(ring, brand, division, value)
