"""Qimen on the wire: the signature, the query, XML in and out.

Source: Qimen (奇门) open platform, calling guide; the router signs the sorted query and the raw body with MD5.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

CHINA = timezone(timedelta(hours=8))
TOLERANCE = timedelta(minutes=10)
_TIME = "%Y-%m-%d %H:%M:%S"
_PREFIX = "taobao.qimen."


class Refused(Exception):
    """The call is answered with flag=failure, this code and this message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def sign(secret: str, query: Mapping[str, str], body: bytes) -> str:
    """UPPER(md5(secret + every key and value sorted by key + raw body + secret)); `sign` itself is left out."""
    pairs = "".join(key + query[key] for key in sorted(query) if key != "sign")
    signed = (secret + pairs).encode() + body + secret.encode()
    return hashlib.md5(signed, usedforsecurity=False).hexdigest().upper()


def is_signed(secret: str, query: Mapping[str, str], body: bytes) -> bool:
    return hmac.compare_digest(sign(secret, query, body).encode(), query.get("sign", "").encode())


def signed_query(
    method: str, *, app_key: str, customer_id: str, secret: str, body: bytes, now: datetime
) -> dict[str, str]:
    """The whole query of one call, `now` aware."""
    query = {
        "method": method,
        "timestamp": write_time(now),
        "format": "xml",
        "app_key": app_key,
        "v": "2.0",
        "sign_method": "md5",
        "customerId": customer_id,
    }
    return {**query, "sign": sign(secret, query, body)}


def bare_method(method: str) -> str:
    """The method's name without the prefix, which partners may leave out."""
    return method.removeprefix(_PREFIX)


def write_time(moment: datetime) -> str:
    return moment.astimezone(CHINA).strftime(_TIME)


def read_time(text: str) -> datetime:
    """A Qimen time, which is always GMT+8. Raises: ValueError."""
    return datetime.strptime(text, _TIME).replace(tzinfo=CHINA)


def read_request(body: bytes) -> Element:
    """The root of a request. Raises: Refused when it is no XML, brings a DTD, or is no <request>."""
    try:
        root = fromstring(body, forbid_dtd=True)
    except ParseError as error:
        raise Refused("xml-malformed", f"the body is not well-formed XML: {error}") from error
    except DefusedXmlException as error:
        raise Refused("xml-forbidden", "a DTD or an entity is not accepted") from error
    if root.tag != "request":
        raise Refused("xml-malformed", "the root element must be <request>")
    return root


def text_of(parent: Element, path: str) -> str:
    return (parent.findtext(path) or "").strip()


def node(tag: str, *content: Element | str) -> Element:
    """An element holding the texts and elements given."""
    element = Element(tag)
    for one in content:
        if isinstance(one, str):
            element.text = one
        else:
            element.append(one)
    return element


def written(root: Element) -> bytes:
    return tostring(root, encoding="utf-8", xml_declaration=True)


def success(message: str, *more: Element) -> bytes:
    return _response("success", "0", message, *more)


def failure(refused: Refused) -> bytes:
    return _response("failure", refused.code, refused.message)


def _response(flag: str, code: str, message: str, *more: Element) -> bytes:
    return written(node("response", node("flag", flag), node("code", code), node("message", message), *more))


def is_success(status: int, body: bytes) -> bool:
    """Whether a partner's answer to a push says flag=success."""
    try:
        return status == 200 and text_of(fromstring(body, forbid_dtd=True), "flag") == "success"  # noqa: PLR2004 - HTTP
    except (ParseError, DefusedXmlException):
        return False
