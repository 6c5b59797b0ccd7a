"""Read a partner's bytes into values, and say what is wrong in words that carry no personal data."""

import json
from codecs import BOM_UTF8
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final, NoReturn, TypeVar, cast

import msgspec
from pydantic import BaseModel, ValidationError

from hub.errors import Malformed, OutcomeUnknown
from hub.fulfilment.model import Accepted
from hub.unfit import placed, said_of
from mappings import MappingError
from mappings.table import Table

Model = TypeVar("Model", bound=BaseModel)
Shape = TypeVar("Shape", bound=msgspec.Struct)

LONGEST_NUMBER: Final = 64
"""Characters of a partner's number for a document; Qimen allows 50, SAP uses 10."""


_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)


def read_json(body: bytes) -> dict[str, object]:
    """Read a JSON object; numbers with a point become Decimal, never float.

    Raises: Malformed.
    """
    try:
        document: object = _DECODER.decode(body)
    except (ValueError, RecursionError, ArithmeticError):
        document = _read_slowly(body)
    if not isinstance(document, dict):
        raise Malformed("the body is not a JSON object", code="malformed")
    return cast("dict[str, object]", document)


def text_of(body: bytes) -> str:
    """Give a body as the text that JSON is between systems: UTF-8 without a byte order mark (RFC 8259, section 8.1).

    Raises: Malformed.
    """
    if body.startswith(BOM_UTF8):
        en, zh = (
            "the body begins with a byte order mark: send it without",
            "请求体以字节序标记（BOM）开头，请去掉后再发送",
        )
        raise Malformed(en, code="malformed", zh=zh)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        en, zh = f"the body is not UTF-8 at byte {error.start}", f"请求体第 {error.start} 字节起不是 UTF-8"
        raise Malformed(en, code="wrong_encoding", zh=zh) from error


def _read_slowly(body: bytes) -> object:
    """Read what the fast reader did not: half a character, written as an escape, is the table's to refuse; or say why.

    Raises: Malformed.
    """
    try:
        return json.loads(text_of(body), parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError, ArithmeticError) as error:
        where = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise Malformed(f"the body is not JSON{where}", code="malformed") from error


def read_as(model: type[Model], table: Table, section: str, payload: Mapping[str, object]) -> Model:
    """Bring a payload into one of our documents through a mapping table.

    Raises: Malformed naming table, target and source.
    """
    return make_as(model, f"{table.name}[{section}]", _values(table, section, payload))


def read_struct(model: type[Shape], table: Table, section: str, payload: Mapping[str, object]) -> Shape:
    """Bring a payload into a struct of a connector's own, from which it makes one of our documents.

    Raises: Malformed naming table, target and source.
    """
    values = _values(table, section, payload)
    try:
        return msgspec.convert(values, model)
    except msgspec.ValidationError as error:
        raise Malformed(f"{table.name}[{section}]: {error}", code="malformed") from None


def _values(table: Table, section: str, payload: Mapping[str, object]) -> dict[str, object]:
    try:
        return table.apply(section, payload)
    except MappingError as error:
        raise Malformed(str(error), code="malformed", field=error.source) from error


def make_as(model: type[Model], place: str, values: Mapping[str, object]) -> Model:
    """Make a document of values; `place` says in the message where they come from.

    Raises: Malformed.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:  # not chained: a traceback would show the value
        first = error.errors(include_input=False, include_url=False)[0]
        where, cause = said_of(first)
        told = placed(f"{place} {where}".rstrip(), cause)
        raise Malformed(told.en, code="malformed", field=where, zh=told.zh) from None


def read_accepted(number: object) -> Accepted:
    """Read the number under which a partner says that it has taken a document over; it may give none.

    Raises: OutcomeUnknown for what cannot be kept as one, for the answer has said that it was done.
    """
    if isinstance(number, str | int | None) and len(written := str(number or "")) <= LONGEST_NUMBER:
        with suppress(ValidationError):
            return Accepted(partner_id=written)
    raise OutcomeUnknown("the answer's number is none", code="garbled_answer")


def write_with(table: Table, section: str, document: BaseModel) -> dict[str, Any]:
    """Bring one of our documents into a partner's shape.

    Raises: Malformed.
    """
    try:
        return table.write(section, document.model_dump())
    except MappingError as error:
        raise Malformed(str(error), code="malformed", field=error.source) from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
