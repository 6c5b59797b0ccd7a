"""XML to and from nested dictionaries, closed to every trick of XML: no DTD, no entities, no outside references."""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from hub.errors import Malformed

DEPTH = 40


def read_xml(body: bytes) -> tuple[str, dict[str, object]]:
    """Read a document into its root's name and contents; repeated children become lists, empty ones None.

    Raises: Malformed with code broken_xml, or dtd_forbidden.
    """
    try:
        root = fromstring(body, forbid_dtd=True)
    except ParseError as error:
        raise Malformed(f"the body is not XML: {error}", code="broken_xml") from error
    except DefusedXmlException as error:
        raise Malformed("a document type or entity is not allowed", code="dtd_forbidden") from error
    except (LookupError, ValueError) as error:
        raise Malformed("the XML's encoding cannot be read: send UTF-8", code="wrong_encoding") from error
    contents = _contents(root, 0)
    return root.tag, cast("dict[str, object]", contents) if isinstance(contents, dict) else {}


def write_xml(root: str, contents: Mapping[str, object]) -> bytes:
    """Write nested dictionaries as a UTF-8 document; a list repeats its element."""
    element = Element(root)
    _fill(element, contents)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + tostring(element, encoding="utf-8")


def _contents(element: Element, depth: int) -> Any:  # noqa: ANN401 # a tree of dicts, lists and text
    if depth > DEPTH:
        raise Malformed(f"the XML is nested deeper than {DEPTH}", code="broken_xml")
    children: dict[str, Any] = {}
    for child in element:
        value = _contents(child, depth + 1)
        if child.tag not in children:
            children[child.tag] = value
        elif isinstance(children[child.tag], list):
            children[child.tag].append(value)
        else:
            children[child.tag] = [children[child.tag], value]
    return children or (element.text or "").strip() or None


def _fill(element: Element, contents: Mapping[str, object]) -> None:
    for name, value in contents.items():
        many = cast("Sequence[object]", value) if isinstance(value, (list, tuple)) else [value]
        for one in many:
            child = SubElement(element, name)
            if isinstance(one, Mapping):
                _fill(child, cast("Mapping[str, object]", one))
            elif one is not None:
                child.text = str(one)
