"""SOAP by zeep over our own HTTP: same sessions, limits and notes, every failure translated once, nothing fetched.

Functions and fields go by their RFC names (REF_DOC) whatever a WSDL calls them: RefDoc and REF_DOC are the same.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from threading import Lock, local
from typing import Any, Final, NoReturn, cast, final

import requests
import zeep
import zeep.helpers  # pyright: ignore[reportUnusedImport] # reached through ZEEP
from zeep.exceptions import Error as ZeepError
from zeep.exceptions import Fault, ValidationError
from zeep.transports import Transport

from connectors.transport.csrf import failure_after
from connectors.transport.deadline import Deadline
from connectors.transport.http import Answer, Call
from connectors.transport.xml import read_xml
from hub.errors import HubError, Malformed, Misconfigured, OutcomeUnknown, Rejected

Send = Callable[[Call, Deadline], Answer]

UNKNOWN_FUNCTIONS: Final = frozenset({"RFC_ERROR_FUNCTION_NOT_FOUND", "FU_NOT_FOUND", "FUNCTION_NOT_FOUND"})
OURS: Final = frozenset({"Client", "Sender"})
"""Fault codes that blame the request: it was not executed."""

ITEM: Final = "item"
SOAP_11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
ZEEP: Final[Any] = zeep
"""zeep says of few of its values what they are."""

_NAME: Final = re.compile(r"[A-Z0-9_]{1,60}")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@final
class SoapApi:
    """The functions of one WSDL at one address; the WSDL is read when the first call needs it."""

    def __init__(self, send: Send, url: str, wsdl: Path | Traversable) -> None:
        self._wire = _Wire(send)
        self._url = url
        self._wsdl = wsdl
        self._client: Any = None
        self._lock = Lock()

    def call(self, function: str, parameters: Mapping[str, object], deadline: Deadline) -> dict[str, object]:
        """Call a function and give what it returns.

        Raises: TryLater; OutcomeUnknown for silence, a server's fault and what cannot be read; Rejected for a fault
        that blames the request; Malformed for parameters that the WSDL refuses; Misconfigured for a wrong WSDL, address
        or credentials and for a function that is not there.
        """
        client = self._opened()
        binding = next(one for one in client.wsdl.bindings.values() if _is_soap_11(one))
        operation = _operation(binding, function)
        service = client.create_service(binding.name.text, self._url)
        self._wire.allow(deadline, operation.output.body.qname.text)
        try:
            arguments = _named(operation.input.body.type, parameters, function)
            answer = service[operation.name](**arguments)
        except Fault as error:
            _blame(error)
        except ValidationError as error:
            where = ".".join(str(part) for part in cast("Sequence[object]", error.path))
            raise Malformed("the WSDL refuses what was to be sent", code="soap_invalid", field=where) from None
        except (ZeepError, ArithmeticError):  # zeep's own, and what its reader of decimals lets through
            text = "the answer is not what the WSDL says"
            raise OutcomeUnknown(text, code="garbled_answer") from None  # zeep shows what it could not read
        return _plain(_whole(operation, answer))

    def _opened(self) -> Any:  # noqa: ANN401 # zeep's client is made of what the WSDL says
        with self._lock:
            if self._client is None:
                settings = ZEEP.Settings(forbid_dtd=True, forbid_external=True)
                try:
                    with self._wsdl.open("rb") as document:
                        self._client = ZEEP.Client(document, transport=self._wire, settings=settings)
                except (OSError, ZeepError) as error:
                    text = f"the WSDL {self._wsdl.name} cannot be read"
                    raise Misconfigured(text, code="wsdl_unreadable") from error
            if not any(_is_soap_11(one) for one in self._client.wsdl.bindings.values()):
                raise Misconfigured(f"the WSDL {self._wsdl.name} binds nothing to SOAP 1.1", code="wsdl_unreadable")
            return self._client


class _Wire(Transport):
    """What zeep takes for its transport: it posts through ours and fetches nothing."""

    def __init__(self, send: Send) -> None:
        # zeep wants a session; nothing is ever sent through it
        super().__init__(session=requests.Session())  # pyright: ignore[reportUnknownMemberType] # zeep's parameters
        self._send = send
        self._threads = local()

    def allow(self, deadline: Deadline, answer: str) -> None:
        """Set when this thread's next call must have ended, and which element answers it."""
        self._threads.deadline, self._threads.answer = deadline, answer

    def post(self, address: str, message: bytes, headers: Mapping[str, str]) -> requests.Response:
        call = Call("POST", address, headers={**headers, "Accept": "text/xml"}, body=message)
        answer = self._send(call, self._threads.deadline)
        if not any(name in {self._threads.answer, f"{{{SOAP_11}}}Fault"} for name in _contents(answer.body)):
            raise failure_after(answer) or OutcomeUnknown("the answer is not the function's", code="garbled_answer")
        response = requests.Response()
        response.status_code = answer.status
        response.headers["Content-Type"] = "text/xml"  # it was read as such above, whatever it calls itself
        response._content = answer.body  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # requests has no other way
        return response

    def load(self, url: str) -> NoReturn:
        raise Misconfigured(f"the WSDL refers to {url[:200]}: give one that is whole", code="wsdl_unreadable")


def rfc_name(name: str) -> str:
    """Give the RFC name of a WSDL's: RefDoc, REF_DOC and refDoc are REF_DOC."""
    return _HUMP.sub("_", name).upper()


def _contents(body: bytes) -> Collection[str]:
    """Name what stands in an envelope's body; nothing for what is no envelope."""
    try:
        _, envelope = read_xml(body)
    except Malformed:
        return ()
    contents = envelope.get(f"{{{SOAP_11}}}Body")
    return cast("Mapping[str, object]", contents).keys() if isinstance(contents, Mapping) else ()


def _is_soap_11(binding: Any) -> bool:  # noqa: ANN401 # zeep's
    return getattr(binding, "nsmap", {}).get("soap-env") == SOAP_11


def _operation(binding: Any, function: str) -> Any:  # noqa: ANN401 # zeep's
    for name in binding.all():
        if rfc_name(name) in {function, function.removeprefix("BAPI_")}:
            return binding.get(name)
    raise Misconfigured(f"the WSDL has no operation for {function}", code="unknown_function")


def _named(kind: Any, values: Mapping[str, object], place: str) -> dict[str, object]:  # noqa: ANN401 # a WSDL's type
    """Give values the names that a type has for them; a table becomes its items."""
    children = {rfc_name(name): (name, element.type) for name, element in kind.elements}
    renamed: dict[str, object] = {}
    for key, value in values.items():
        if key not in children:
            raise Misconfigured(f"the WSDL has no {key} in {place}", code="wsdl_mismatch")
        name, inner = children[key]
        renamed[name] = _fitted(inner, value, key)
    return renamed


def _fitted(kind: Any, value: object, place: str) -> object:  # noqa: ANN401 # a WSDL's type
    if isinstance(value, Mapping):
        return _named(kind, cast("Mapping[str, object]", value), place)
    if isinstance(value, (list, tuple)):
        row = next(element.type for name, element in kind.elements if name == ITEM)
        return {ITEM: [_named(row, one, place) for one in cast("Sequence[Mapping[str, object]]", value)]}
    return value


def _whole(operation: Any, answer: Any) -> Mapping[str, object]:  # noqa: ANN401 # zeep's values
    """Give an answer back its outer name, which zeep takes away when there is only one."""
    names = [name for name, _ in operation.output.body.type.elements]
    found: dict[str, object] | None = ZEEP.helpers.serialize_object(answer, dict)
    return {names[0]: found} if len(names) == 1 else found or {}


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    return {rfc_name(key): _unwrapped(value) for key, value in values.items()}


def _unwrapped(value: object) -> object:
    if not isinstance(value, dict):
        return "" if value is None else value
    inner = cast("dict[str, object]", value)
    if inner.keys() == {ITEM}:
        return [_plain(row) for row in cast("Sequence[Mapping[str, object]]", inner[ITEM] or ())]
    return _plain(inner)


def _blame(fault: Any) -> NoReturn:  # noqa: ANN401 # a Fault, whose fields zeep does not type
    """Sort a fault by whom it blames; its text may name people and stays in the sealed exchange."""
    name = next((text for text in _names(fault.detail) if _NAME.fullmatch(text)), "SOAP_FAULT")
    if name in UNKNOWN_FUNCTIONS:
        raise Misconfigured("the function is not there: check soap_path and the service", code=name) from None
    kind: type[HubError] = Rejected if str(fault.code or "").rpartition(":")[2] in OURS else OutcomeUnknown
    raise kind(f"the server answered with the fault {name}", code=name) from None


def _names(detail: Any) -> Sequence[str]:  # noqa: ANN401 # an element, bytes or nothing
    if not hasattr(detail, "iter"):
        return ()
    return [child.text or "" for child in detail.iter() if str(child.tag).rpartition("}")[2] == "Name"]
