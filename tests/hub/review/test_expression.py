import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hub.errors import Malformed
from hub.review.expression import LONGEST, read_expression
from hub.review.specimen import FULFILMENT, LINE, SPECIMEN

PAGE = Path(__file__).parents[3] / "docs" / "review-rules.md"


@pytest.mark.parametrize(
    ("source", "groups"),
    [
        ("order.total > 200000", {"order"}),
        ("buyer.refusals_90d > 2 || blacklist.hit", {"buyer", "blacklist"}),
        ("lines.exists(line, line.gift && line.quantity > 5)", {"lines"}),
        ("lines.filter(l, l.gift).size() > 1 && lines.all(l, l.grams > 0)", {"lines"}),
        ("order.remark.contains('lines.exists(a, lines.exists(') // all(\n", {"order"}),
        ("order\n  .total > 1 // it's dear\n && order // and\n.brand != 'http://x'", {"order"}),
        (
            "blacklist.buyer || buyer.orders_90d in (lines.map(l, l.quantity + size( lines )))",
            {"blacklist", "buyer", "lines"},
        ),
        ("order . remark.matches // a word\n( '改.*地址' ) || order.remark.contains(\"matches('[')\")", {"order"}),
        ("true", set[str]()),
    ],
)
def test_an_expression_says_which_facts_it_asks(source: str, groups: set[str]) -> None:
    assert read_expression(source).facts == groups


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("order.total >", "it ends too early"),
        ("basket.total > 3", "no fact is called basket"),
        ("order.sum > 3", "order has no sum"),
        ("order.total.plus(3) > 4", "no function is called plus"),
        ("order.total", "gives int"),
        ("order.total > '3'", "fails"),
        ("lines.exists(a, lines.exists(b, b.sku != a.sku))", "macro"),
        ("lines.exists(a, size(lines.map(b, b.sku)) > 1)", "macro"),
        ("lines.exists//\n(a, lines.exists//\n(b, b.sku != a.sku))", "macro"),
        ("lines.existsOne(a, lines.existsOne(b, b.sku != a.sku))", "macro"),
        ("lines.exists(order, order.gift)", "choose another name"),
        ("['ab']" + ".map(x, x + x)" * 2 + " != []", "more than one map"),
        ("[lines].exists(x, " + "+".join("x" * 99) + " != [])", "adds 98 times"),
        ("||".join(["order.remark.matches('a')"] * 5), "matches 5 patterns"),
        ("order.remark.matches('[')", "'[' is no pattern"),
        (r"order.total < 0 && order.remark.matches('(\\w{1,20}){1,20}zz')", "is no pattern"),
        ("order.remark.matches(order.brand)", "write each pattern as a text"),
        ("order.remark.matches('a' + order.brand)", "write each pattern as a text"),
        ("order.remark.matches(order.paid ? 'a' : 'b')", "write each pattern as a text"),
        ("order.total.matches('a')", "fails"),
        ("[lines, lines].map(x, x + x) != []", "one value of lines"),
        ("lines.all(l, l in lines)", "one value of lines"),
        ('r"\\" == "a"', "plain quotes"),
        ('"""a""" == "a"', "plain quotes"),
        ("true " * (LONGEST // 5 + 1), "characters"),
        ("(" * 400 + "true" + ")" * 400, "nested too deeply"),
        ("order.total > 99999999999999999999", "line 1, character 15: invalid int literal"),
        ("order.total > ", "line 1, character 15: it ends too early"),
        ("order.total > 5 5", "line 1, character 17: extraneous input '5'"),
        ("order.paid || order.ordered > 2", "order has no ordered; it has brand, channel"),
    ],
)
def test_what_could_never_work_is_refused_with_its_reason(source: str, told: str) -> None:
    with pytest.raises(Malformed, match=re.escape(told)) as caught:
        read_expression(source)
    assert caught.value.code == "expression"
    assert caught.value.say("zh").startswith("表达式不能使用：")


@pytest.mark.parametrize(
    ("source", "zh"),
    [
        ("order.total > ", "第 1 行第 15 个字符：表达式未写完"),
        ("(" * 400 + "true" + ")" * 400, "嵌套过深"),
        ("basket.total > 3", "没有名为 basket 的事实，可用：address, blacklist, buyer"),
        ("order.sum > 3", "order 没有 sum，可用：brand, channel"),
        ("order.total.plus(3) > 4", "没有名为 plus 的函数"),
        ("order.total", "结果须为 true 或 false，现为 int"),
        ("order.total > '3'", "对示例订单求值失败"),
        ("lines.exists(a, lines.exists(b, b.sku != a.sku))", "列表宏内不能再用列表宏"),
        ("['ab']" + ".map(x, x + x)" * 2 + " != []", "只能有一个 map"),
        ("lines.exists(order, order.gift)", "列表宏的变量 order 与事实同名"),
        ("[lines].exists(x, " + "+".join("x" * 99) + " != [])", "现有 98 个加号，最多 8 个"),
        ("||".join(["order.remark.matches('a')"] * 5), "现有 5 个正则表达式，最多 4 个"),
        ("order.remark.matches('[')", "'[' 不是有效的正则表达式"),
        ("order.remark.matches(order.brand)", "正则表达式须直接写成文本，如 order.remark.matches('改.*地址')"),
        ("lines.all(l, l in lines)", "每次须写明 lines 的一个值"),
        ('"""a""" == "a"', "文本请用普通引号"),
        ("true " * (LONGEST // 5 + 1), f"最多 {LONGEST} 个：请拆成两条规则"),
    ],
)
def test_what_is_refused_is_said_in_chinese_too(source: str, zh: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_expression(source)
    assert zh in caught.value.say("zh")


@pytest.mark.parametrize(
    "source",
    [
        "order['rem' + 'ark'].contains('a')",
        r"order['\x72emark'].contains('a')",
        "order.exists(key, key == 'remark')",
        "[order].exists(one, one.remark == 'a')",
        "order.total > 0 && {'a': order}.a.remark == 'a'",
        "order.total > 0 || .order.remark == 'a'",
    ],
)
def test_what_an_expression_asks_is_never_hidden_from_who_reads_it(source: str) -> None:
    with pytest.raises(Malformed, match=r"one value of order|no fact is called \.order"):
        read_expression(source)


def test_the_page_of_the_rules_names_every_fact() -> None:
    written = set(re.findall(r"^\| `([\w.\[\]]+)`", PAGE.read_text(), flags=re.MULTILINE))
    assert written == set(paths({**SPECIMEN, "line": LINE, "fulfilment": FULFILMENT}))


def paths(facts: Mapping[str, Any]) -> list[str]:
    """Name every fact, one of a line as lines[].sku."""
    (line, *_) = facts["lines"]
    groups: dict[str, Mapping[str, Any]] = {**facts, "lines[]": line}
    return [f"{name}.{key}" for name, of in groups.items() if name != "lines" for key in of]
