"""Expressions of the review rules: CEL, looked through before it is let in, and told apart when it fails.

CEL has no loops but its macros over lists, and no side effects. What it lacks is bounds of its own: one macro within
another takes as long as the lists' lengths multiplied, and maps and sums one after another multiply what they are
given, so that is refused, and so is what is very long; what the rest costs is reckoned by the order (cost.py). A fact
is named with its value each time, so that reading an expression says all that it can come to know.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol, cast

import cel

from hub.errors import Malformed
from hub.language import Words
from hub.review.cost import MACROS, Macro, Work, short_of, work_of
from hub.review.pattern import MATCHED, TEXTS, compile_pattern, matched, patterns_of, renamed
from hub.review.specimen import SPECIMENS
from hub.review.verdict import Scope

LONGEST: Final = 1_000
"""Characters of an expression: what is longer is two rules."""

MOST_SUMS: Final = 8
"""Plus signs of an expression: each may join lists, which copies what was joined before."""

MOST_MATCHES: Final = 4
"""Patterns of an expression: a crafted one takes some hundredths of a second and some megabytes to compile."""

FAILURES: Final = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What evaluating raises: a missing key, another type, a division by zero, a number out of bounds, a bad pattern."""

FUNCTIONS: Final = frozenset({
    *("size", "contains", "startsWith", "endsWith", "matches"),
    *("int", "uint", "double", "string", "max", "min"),
})  # fmt: skip

_WORDS: Final = FUNCTIONS | MACROS | {"has", "in"}
"""What may stand before a parenthesis."""

LISTS: Final = frozenset({"lines"})
"""Groups of facts that are lists: macros go over them, where the others are asked value by value."""

UNTOLD: Final = frozenset({("order", "remark"), ("order", "seller_note")})
"""Facts that may name people: who tries a rule that asks them could read them so, and they are never evidence."""

_RAW: Final = re.compile(r"\"\"\"|'''|\b[rRbB]{1,2}[\"']")
_CALL: Final = re.compile(r"([A-Za-z_]\w*)\s*\(")
_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_LISTED: Final = re.compile(rf"\b(?:{'|'.join(LISTS)})\s*[.\[]|\bsize\s*\(\s*(?:{'|'.join(LISTS)})\s*\)")
_SYNTAX: Final = re.compile(r"^.*?<input>:(\d+):(\d+): (?:Syntax error: )?(.*?)(?: expecting .*)?$", re.MULTILINE)
_DEEP: Final = "Recursion limit"
_PATH: Final = re.compile(r"(?<![\w.])([a-z]\w*)\s*\.\s*([a-z]\w*)(?!\w*\s*\()")


class Context(Protocol):
    """Facts as programs take them."""

    def update(self, variables: dict[str, Any]) -> None: ...


class Program(Protocol):
    """A compiled expression."""

    def execute(self, context: Context) -> object: ...
    def variables(self) -> list[str]: ...


class Expression(NamedTuple):
    """An expression ready to be asked: which groups of facts it names, and which single values of them.

    Of a group that is no list it can ask no other values than those in `paths`. What there is to do in it, its `work`,
    is never too much for an order of so few lines as `short`.
    """

    source: str
    program: Program
    facts: frozenset[str]
    paths: tuple[tuple[str, str], ...]
    work: Work = Work()
    short: int = 0


def compile_program(source: str) -> Program:
    """Compile without looking.

    Raises: ValueError.
    """
    return cast("Program", cel.compile(renamed(source)))


def context_of(facts: Mapping[str, Any]) -> Context:
    """Give facts as programs take them, converted once for all of them."""
    context = cel.Context(dict(facts))
    context.add_function(MATCHED, matched)
    return context


@lru_cache(maxsize=512)
def read_expression(source: str, scope: Scope = Scope.ORDER) -> Expression:
    """Read an expression that is asked of an order, a line or a fulfilment order, and look through it.

    Raises: Malformed with code expression: it is no CEL, names what no rule can know, could take too long, or gives
    something else than true or false.
    """
    bare = _bare(source)
    try:
        program = compile_program(source)
    except FAILURES as error:
        said = _said(error)
        raise _refusal(said.zh, said.en) from error
    known = SPECIMENS[scope]
    work = work_of(bare)
    names = set(program.variables()) - _bound(work.macros, known)
    if unknown := sorted(names - known.keys()):
        zh = f"没有名为 {', '.join(unknown)} 的事实，可用：{', '.join(sorted(known))}"
        raise _refusal(zh, f"no fact is called {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    if strange := sorted({*_CALL.findall(bare)} - _WORDS):
        zh = f"没有名为 {', '.join(strange)} 的函数，可用：{', '.join(sorted(FUNCTIONS))}"
        raise _refusal(zh, f"no function is called {', '.join(strange)}; there are {', '.join(sorted(FUNCTIONS))}")
    paths = [(of, name) for of, name in _PATH.findall(bare) if of in names]
    for of, name in paths:
        if isinstance(known[of], Mapping) and name not in known[of]:
            has = ", ".join(sorted(known[of]))
            raise _refusal(f"{of} 没有 {name}，可用：{has}", f"{of} has no {name}; it has {has}")
    if loose := sorted(names.intersection(_WORD.findall(_LISTED.sub(" ", _PATH.sub(" ", bare))))):
        zh = f"每次须写明 {', '.join(loose)} 的一个值，如 order.total 或 lines[0].sku"
        raise _refusal(zh, f"name one value of {', '.join(loose)} each time, as order.total or lines[0].sku")
    expression = Expression(source, program, frozenset(names), tuple(dict.fromkeys(paths)), work, short_of(work))
    _check_answer(expression, known)
    return expression


def _said(error: BaseException) -> Words:
    """Say where an expression is no CEL, without the parser's drawing of it and all that it would have taken there."""
    found = _SYNTAX.search(str(error))
    if found is None:
        return Words(str(error), str(error))
    if _DEEP in found[3]:
        told = Words("嵌套过深", "it is nested too deeply")
    else:
        early, end = "mismatched input '<EOF>'", "'<EOF>'"
        en = found[3].replace(early, "it ends too early").replace(end, "the end")
        told = Words(found[3].replace(early, "表达式未写完").replace(end, "末尾"), en)
    return Words(
        f"第 {found[1]} 行第 {found[2]} 个字符：{told.zh}", f"line {found[1]}, character {found[2]}: {told.en}"
    )


def _bare(source: str) -> str:
    """Give an expression without its texts and comments, whose contents mean nothing to its structure.

    A comment parts words as a space does. Raises: Malformed.
    """
    if len(source) > LONGEST:
        zh = f"现有 {len(source)} 个字符，最多 {LONGEST} 个：请拆成两条规则"
        raise _refusal(zh, f"it has {len(source)} characters, at most {LONGEST} are read: make it two rules")
    bare = TEXTS.sub(lambda found: " " if found[0].startswith("//") else '""', source)
    if _RAW.search(bare) or "\x00" in source:
        raise _refusal(
            "文本请用普通引号，引号前不加 r 或 b，也不用三重引号",
            "write texts in plain quotes, without r or b before them and not in triple quotes",
        )
    _check_patterns(source, _CALL.findall(bare).count("matches"))
    if bare.count("+") > MOST_SUMS:
        n = bare.count("+")
        zh = f"现有 {n} 个加号，最多 {MOST_SUMS} 个：否则求值可能过久"
        raise _refusal(zh, f"it adds {n} times, at most {MOST_SUMS} are taken: that could take too long")
    return bare


def _check_patterns(source: str, count: int) -> None:
    """Make sure that what an expression matches are so many patterns, written out: each is compiled here, and kept.

    Raises: Malformed.
    """
    if count > MOST_MATCHES:
        zh = f"现有 {count} 个正则表达式，最多 {MOST_MATCHES} 个：否则求值可能过久"
        raise _refusal(zh, f"it matches {count} patterns, at most {MOST_MATCHES} are taken: that could take too long")
    written = list(patterns_of(source))
    if len(written) != count:
        example = "order.remark.matches('改.*地址')"
        raise _refusal(f"正则表达式须直接写成文本，如 {example}", f"write each pattern as a text, as {example}")
    for text in written:
        try:
            compile_pattern(str(compile_program(text).execute(cel.Context({}))))
        except FAILURES as error:
            raise _refusal(f"{text} 不是有效的正则表达式", f"{text} is no pattern") from error


def _bound(macros: Sequence[Macro], known: Mapping[str, Any]) -> set[str]:
    """Give the names that macros over lists bind.

    Raises: Malformed when one macro stands within another, two map, or one binds the name of a fact.
    """
    if any(one.within for one in macros):
        raise _refusal(
            "列表宏内不能再用列表宏：否则求值可能过久",
            "a macro over a list stands within another: that could take too long",
        )
    if sum(one.kind == "map" for one in macros) > 1:
        raise _refusal(
            "只能有一个 map：多个 map 可能得到无限长的列表",
            "there is more than one map: together they could make a list without bounds",
        )
    bound = {one.item for one in macros}
    if taken := sorted(bound & known.keys()):
        zh = f"列表宏的变量 {', '.join(taken)} 与事实同名：请换一个名称"
        raise _refusal(zh, f"a macro calls each item {', '.join(taken)}, which is a fact: choose another name")
    return bound


def _check_answer(expression: Expression, known: Mapping[str, Any]) -> None:
    try:
        answer = expression.program.execute(context_of(known))
    except FAILURES as error:
        why = str(error) or type(error).__name__
        raise _refusal(f"对示例订单求值失败：{why}", f"on an example order it fails: {why}") from error
    if not isinstance(answer, bool):
        kind = type(answer).__name__
        raise _refusal(f"结果须为 true 或 false，现为 {kind}", f"it must be true or false, and gives {kind}")


def why_failed(error: BaseException) -> str:
    """Name a failure without its text, which may repeat what a buyer wrote."""
    kinds = {
        KeyError: "missing_key",
        IndexError: "missing_item",
        ZeroDivisionError: "division_by_zero",
        OverflowError: "number_out_of_bounds",
        TypeError: "wrong_type",
    }
    return next((word for kind, word in kinds.items() if isinstance(error, kind)), "cannot_be_evaluated")


def _refusal(zh: str, en: str) -> Malformed:
    told = f"the expression is refused: {en[:500]}"
    return Malformed(told, code="expression", field="expression", zh=f"表达式不能使用：{zh[:500]}")
