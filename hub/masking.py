"""Mask what is shown of messages: people, ways to reach them and secrets, by key and by pattern; the structure stays.

A value that was masked once under its key is masked wherever else it stands in the same message, so that a remark or a
courier's line does not tell what the receiver's own field keeps.
"""

import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate
from typing import Final, cast
from urllib.parse import unquote_plus

from hub.masking_keys import read_key

CAP: Final = 128 * 1024
"""Characters of a message that are read and shown; a longer one is cut and says so."""

DEPTH: Final = 6
"""How many messages may be packed into one another: JSON in a form in JSON."""

LONGEST: Final = 200
"""Characters of a personal value that is looked for in the rest of its message; longer ones are whole messages.

What stands under a longer key is hidden: nobody names a field like that.
"""

NESTED: Final = 64
"""How many of the innermost keys above a value are looked at, and the deepest indentation."""

GONE: Final = "***"


_PATTERNS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<![\d.])(?:\+?86[ -]?)?1\d{2}[ -]?\d{4}[ -]?\d{4}(?!\d)",  # a mobile number
        r"(?<!\d)\+\d{1,3}[ -]?\d{6,12}(?!\d)",  # one of abroad
        r"(?<!\d)0\d{2,3}-\d{7,8}(?!\d)",  # a landline
        r"(?<!\d)\d{6}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)",  # an identity card
        r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)+",  # a mailbox
        r"(?i)\b(?:bearer|basic)\s+[\w.~+/=-]{8,}",  # what a header proves itself with
    )
)
_LABELLED: Final = re.compile(
    r"((?:签收|收件|收货|联系|寄件|派件|派送|代收|取件|投递|快递|派|业务)(?:人|员|小哥|师傅)(?:是|为)?[:：\s【\[(（]{0,3})"
    r"(?!电话|手机)([\u4e00-\u9fff·]{2,4})"
)
"""A name after the word for whoever it is, as couriers write."""

_BEFORE_PHONE: Final = re.compile(
    r"[\u4e00-\u9fff·]{2,4}"
    r"(?=[\s】\])）,，:：、(（\[【]{1,3}(?:(?:联系)?电话|手机号?)?[\s:：]{0,2}(?:\+?86[ -]?)?[01]\d{2})"
)
_NOT_A_NAME: Final = re.compile(r"电话|手机|号码|热线|客服|联系|致电|短信")
_WORD: Final = re.compile(r"[A-Za-z_]+")
_ASSIGNED: Final = re.compile(
    r"(?i)(?<![\w-])(?=[\w-]*?(?:token|secret|passw(?:or)?d|pwd|signature|authorization|api_?key|\bsign(?![\w-])))"
    r"([\w-]++)([\"']?\s*+[=:]\s*+[\"']?)([^\s&,;\"']++)"
)
"""A secret with its name. Like all patterns here it looks at a word once: never again from the middle of it."""

_FORM: Final = re.compile(r"[^\s&=<>{}\"]+=[^\s&]*(?:&[^\s&]*)*")
_PACKED: Final = re.compile(r"\{\s*[\"}]|\[\s*[\[{\"]|<[A-Za-z?!]")
_JSON: Final = re.compile(r'"(?:[^"\\]|\\.|\\$)*+(?:"|$)|[{}\[\]:,]|[^\s{}\[\]:,"]+|\s+', re.DOTALL)
_XML: Final = re.compile(
    r"<!--.*?(?:-->|$)|<!\[CDATA\[.*?(?:\]\]>|$)|<[?!].*?(?:>|$)"
    r"|<(?:[^<>\"']|\"[^\"]*\"|'[^']*')*(?:>|$)|[^<]+",
    re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(r"""(?<![\w:.-])([\w:.-]++)(\s*+=\s*+)("[^"]*"|'[^']*')""")


def decoded(body: bytes) -> str:
    """Read bytes as text: UTF-8, else GB 18030 as older partners write, else with what is unreadable escaped."""
    for encoding in ("utf-8", "gb18030"):
        with suppress(UnicodeDecodeError):
            return body.decode(encoding)
    return body.decode(errors="backslashreplace")


def mask(text: str, also: Iterable[str] = ()) -> str:
    """Mask JSON, XML, a form or plain text; `also` are values known to be personal, such as the order's receiver's."""
    cut = f"\n… ({len(text)})" if len(text) > CAP else ""
    masker = _Masker(also)
    return masker.sweep(masker.any(text[:CAP].strip())) + cut


def mask_url(url: str, also: Iterable[str] = ()) -> str:
    """Mask the query of a request's address, and wherever else `also` stands in it."""
    masker = _Masker(also)
    head, mark, query = url[:CAP].partition("?")
    return masker.sweep(head + mark + "&".join(masker.pairs(query)) if mark else head)


def mask_name(name: str) -> str:
    return f"{name[0]}**" if name else ""


def mask_phone(phone: str) -> str:
    """Keep the first three and the last four characters, as parcels show them."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) > 7 else GONE  # noqa: PLR2004 # nothing would be hidden


def veil_of(path: Sequence[str]) -> Callable[[str], str] | None:
    """Say from the keys that lead to a value, outermost first, how it is masked; None when it may be shown."""
    if not path:
        return None
    if any(len(name) > LONGEST or read_key(name).secret for name in path):
        return _tail_of
    key = read_key(path[-1])
    if key.tells:
        return {"open": None, "name": mask_name, "hidden": _tail_of}[key.tells]
    if any(read_key(name).person for name in path[:-1]):
        return mask_name if key.plain.endswith("name") else _tail_of
    return None


class _Masker:
    """Masks one message and remembers what it masked."""

    def __init__(self, also: Iterable[str] = ()) -> None:
        self._seen = {value: GONE for value in also if _is_telling(value)}

    def any(self, text: str, depth: int = 0) -> str:
        """Mask a message by its shape."""
        if depth >= DEPTH:
            return GONE
        if text.startswith(("{", "[")) and _PACKED.match(text):
            return _laid_out("".join(self._json(text, depth)))
        if text.startswith("<"):
            return "".join(self._xml(text, depth))
        if _FORM.fullmatch(text):
            return "\n".join(self.pairs(text, depth))
        packed = _PACKED.search(text)
        if packed:
            return self.plain(text[: packed.start()]) + self.any(text[packed.start() :], depth + 1)
        return self.plain(text)

    def sweep(self, text: str) -> str:
        """Mask what was masked under its key wherever else it stands, the longest first."""
        for value in sorted(self._seen, key=len, reverse=True):
            text = text.replace(value, self._seen[value])
        return text

    def leaf(self, path: Sequence[str], value: str, depth: int) -> str:
        """Mask one value by the keys that lead to it."""
        veil = veil_of(path[-NESTED:])
        if not value.strip() or value in {"true", "false", "null"}:
            return value
        if veil:
            if _is_telling(value):
                self._seen.setdefault(value, veil(value))
            return veil(value)
        if depth < DEPTH and _PACKED.match(value.lstrip()):
            return self.any(value.strip(), depth + 1)
        return self.plain(value)

    def pairs(self, text: str, depth: int = 0) -> Iterator[str]:
        """Mask the pairs of a form, decoded for reading."""
        for pair in text.split("&"):
            key, mark, value = pair.partition("=")
            name = unquote_plus(key)
            yield f"{self.plain(name)}{mark}{self.leaf([name], unquote_plus(value), depth)}"

    def plain(self, text: str) -> str:
        """Mask what looks like a secret or a way to reach a person, and the names that stand beside it."""
        text = _ASSIGNED.sub(lambda found: found[1] + found[2] + GONE, text)
        text = _LABELLED.sub(lambda found: found[1] + mask_name(found[2]), text)
        text = _BEFORE_PHONE.sub(lambda found: found[0] if _NOT_A_NAME.search(found[0]) else mask_name(found[0]), text)
        for pattern in _PATTERNS:
            text = pattern.sub(lambda found: _tail_of(found[0]), text)
        return text

    def _json(self, text: str, depth: int) -> Iterator[str]:
        """Mask JSON word by word, so that one that was cut off is masked as well."""
        path: list[str] = []
        kinds: list[str] = []
        key = ""
        names_next = False
        for found in _JSON.finditer(text):
            word = found[0]
            if word in "{[":
                kinds.append(word)
                path.append(key)
                names_next = word == "{"
            elif word in "}]" and kinds:
                kinds.pop()
                key = path.pop()
                names_next = False
            elif word == ",":
                names_next = bool(kinds) and kinds[-1] == "{"
            elif word == ":" or word.isspace():
                pass
            elif names_next:
                key = _unquoted(word)
                names_next = False
                word = _quoted(self.plain(key))
            else:
                word = self._word([name for name in (*path[-NESTED:], key) if name], word, depth)
            yield word

    def _word(self, path: Sequence[str], word: str, depth: int) -> str:
        value = _unquoted(word)
        shown = self.leaf(path, value, depth)
        return word if shown == value and not word.startswith('"') else _quoted(shown)

    def _xml(self, text: str, depth: int) -> Iterator[str]:
        """Mask XML piece by piece, a tag a line; comments say nothing that a reader needs."""
        path: list[str] = []
        after_tag = after_end = False
        for found in _XML.finditer(text):
            piece = found[0]
            if piece.startswith("<!--") or (after_tag and piece.isspace()):
                continue
            if piece.startswith("<![CDATA["):
                yield f"<![CDATA[{self.leaf(path, piece[9:].removesuffix(']]>'), depth)}]]>"
            elif piece.startswith("</"):
                del path[-1:]
                yield f"\n{_indent(path)}{piece}" if after_end else piece
            elif piece.startswith("<"):
                yield f"\n{_indent(path)}" if after_tag else ""
                yield self._tag(path, piece, depth)
            else:
                yield html.escape(self.leaf(path, html.unescape(piece), depth), quote=False)
            after_tag = piece.startswith("<") and not piece.startswith("<![")
            after_end = after_tag and (piece.startswith("</") or piece.endswith("/>"))

    def _tag(self, path: list[str], tag: str, depth: int) -> str:
        name = re.split(r"[\s/>]", tag[1:], maxsplit=1)[0]
        inside = [*path[-NESTED:], name]

        def shown(found: re.Match[str]) -> str:
            value = self.leaf([*inside, found[1]], html.unescape(found[3][1:-1]), depth)
            return f'{found[1]}{found[2]}"{html.escape(value)}"'

        if not tag.startswith("<?") and not tag.startswith("<!") and not tag.endswith("/>"):
            path.append(name)
        return _ATTRIBUTE.sub(shown, tag)


def _tail_of(value: str) -> str:
    """Show of a phone what parcels show, of anything else nothing."""
    digits = re.sub(r"[ +-]", "", value)
    return mask_phone(digits) if digits.isascii() and digits.isdigit() and 10 < len(digits) < 14 else GONE  # noqa: PLR2004 # a mobile number with or without 86


def _is_telling(value: str) -> bool:
    """Say whether a value is long enough to be looked for elsewhere without hitting words by chance."""
    least = 2 if any("\u4e00" <= char <= "\u9fff" for char in value) else 5
    return least <= len(value) <= LONGEST and "*" not in value and not _WORD.fullmatch(value)


def _unquoted(word: str) -> str:
    if not word.startswith('"'):
        return word
    try:
        return cast("str", json.loads(word, strict=False))
    except ValueError:  # cut off, or an escape that JSON does not know
        return word.strip('"')


def _indent(path: Sequence[str]) -> str:
    return "  " * min(len(path), NESTED)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _laid_out(text: str) -> str:
    """Indent JSON for reading; what was cut off or goes too deep, were it by brackets in its words, stays as it is."""
    if max(accumulate((char in "{[") - (char in "}]") for char in text)) > NESTED:
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return text
