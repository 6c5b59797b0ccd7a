"""The overview as a page: plain HTML and one style sheet of our own, readable at 390 px and without scripts."""

from collections.abc import Sequence
from html import escape
from typing import Final

from dashboards.overview import Overview
from hub.language import Words

STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { margin: 0 auto; max-width: 1200px; padding: 16px; font: 14px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; }
header { display: flex; gap: 16px; align-items: baseline; flex-wrap: wrap; }
h1 { font-size: 20px; margin: 0; }
h2 { font-size: 15px; margin: 24px 0 8px; }
.figures { display: flex; gap: 12px; flex-wrap: wrap; margin: 16px 0; padding: 0; list-style: none; }
.figures li { border: 1px solid var(--line); border-radius: 8px; padding: 8px 16px; min-width: 96px; }
.figures b { display: block; font-size: 22px; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
code { background: var(--soft); border-radius: 4px; padding: 1px 4px; }
"""

TEXTS: Final = {
    "title": Words("订单中台 · 总览", "Order hub · overview"),
    "as of": Words("截至 {at} UTC，每 10 秒更新", "as of {at} UTC, renewed every 10 seconds"),
    "inbox": Words("待处理报文", "messages waiting"),
    "received": Words("已接收", "received"),
    "accepted": Words("等待中", "waiting"),
    "in_fulfilment": Words("履约中", "in fulfilment"),
    "completed": Words("已完成", "completed"),
    "cancelled": Words("已取消", "cancelled"),
    "closed": Words("已关闭", "closed"),
    "none": Words("未发货", "not shipped"),
    "partial": Words("部分发货", "partly shipped"),
    "shipped": Words("已发货", "shipped"),
    "cases": Words("需要人工处理", "Cases that need a person"),
    "no cases": Words("没有需要处理的异常单。", "No case needs anybody."),
    "partners": Words("各连接的待发送", "Waiting for partners"),
    "no partners": Words("所有对外调用均已完成。", "Every outbound call has been made."),
    "latest": Words("最近订单", "Latest orders"),
    "no latest": Words("还没有订单：可从 ./oms demo 开始。", "No orders yet: ./oms demo makes some."),
}
HEADS: Final = {
    "cases": (
        Words("异常", "case"),
        Words("对象", "subject"),
        Words("原因", "cause"),
        Words("如何处理", "how to go on"),
        Words("次数", "times"),
    ),
    "partners": (
        Words("连接", "connection"),
        Words("待发送", "waiting"),
        Words("已停止", "dead"),
        Words("最久等待（秒）", "oldest, seconds"),
    ),
    "latest": (
        Words("订单号", "order"),
        Words("店铺单号", "shop's number"),
        Words("店铺", "shop"),
        Words("状态", "state"),
        Words("发货", "shipping"),
        Words("城市", "city"),
        Words("下单时间（UTC）", "placed (UTC)"),
    ),
}


def render(overview: Overview, language: str) -> str:
    """Write the page; every value is escaped."""
    figures = [*overview.orders.items(), ("inbox", overview.inbox)]
    boxes = "".join(f"<li><b>{number:,}</b>{_text(name, language)}</li>" for name, number in figures)
    at = TEXTS["as of"].say(language, at=f"{overview.at:%Y-%m-%d %H:%M:%S}")
    tag, other, name = ("zh-CN", "en", "English") if language == "zh" else ("en", "zh", "中文")
    return f"""<!doctype html>
<html lang="{tag}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="10">
<title>{_text("title", language)}</title>
<link rel="stylesheet" href="/console/style.css">
</head>
<body>
<header>
<h1>{_text("title", language)}</h1><span>{escape(at)}</span><a href="?lang={other}" lang="{other}">{name}</a>
</header>
<main>
<ul class="figures">{boxes}</ul>
{_section("cases", _case_rows(overview), language)}
{_section("partners", _partner_rows(overview), language)}
{_section("latest", _latest_rows(overview, language), language)}
</main>
</body>
</html>
"""


def _case_rows(overview: Overview) -> list[Sequence[object]]:
    return [(one.what, one.subject, one.message, one.how, one.times) for one in overview.cases]


def _partner_rows(overview: Overview) -> list[Sequence[object]]:
    return [(one.connection, one.open, one.dead, one.oldest_s) for one in overview.waiting]


def _latest_rows(overview: Overview, language: str) -> list[Sequence[object]]:
    return [
        (
            *(one.id, one.external_id, one.shop, TEXTS[one.lifecycle].say(language)),
            *(TEXTS[one.fulfilment].say(language), one.city, f"{one.placed_at:%Y-%m-%d %H:%M}"),
        )
        for one in overview.latest
    ]


def _section(name: str, lines: Sequence[Sequence[object]], language: str) -> str:
    title = f"<h2>{_text(name, language)}</h2>"
    if not lines:
        return f"<section>{title}<p>{_text(f'no {name}', language)}</p></section>"
    heads = "".join(f'<th scope="col">{escape(head.say(language))}</th>' for head in HEADS[name])
    body = "".join(f"<tr>{''.join(_cell(value) for value in line)}</tr>" for line in lines)
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    return f'<section>{title}<div class="wide" tabindex="0">{table}</div></section>'


def _cell(value: object) -> str:
    return f'<td class="number">{value:,}</td>' if isinstance(value, int) else f"<td>{escape(str(value))}</td>"


def _text(name: str, language: str) -> str:
    return escape(TEXTS[name].say(language))
