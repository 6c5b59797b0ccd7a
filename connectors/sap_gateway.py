"""OData V2 as SAP Gateway speaks it: JSON in `d`, filters, ETags, and errors whose code is a message of SAP's."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Final, cast
from urllib.parse import quote

from connectors.partner import Partner
from connectors.reading import read_json
from connectors.sap_options import SapOptions
from connectors.sap_values import external
from connectors.transport.csrf import CsrfApi, failure_after
from connectors.transport.deadline import Deadline
from connectors.transport.http import Answer, Call, HttpApi
from hub.errors import Conflict, HubError, Malformed, Misconfigured, NotFound, OutcomeUnknown, Rejected, TryLater

Rows = Sequence[Mapping[str, object]]

JSON: Final = "application/json"
NO_RESOURCE: Final = 404
LONGEST_COUNT: Final = 9
"""Digits of the number of rows in a set."""

_CODE: Final = re.compile(r"[A-Za-z0-9_/.-]{1,60}")


class Gateway:
    """The OData services of one system, and its address for SOAP."""

    def __init__(self, partner: Partner, options: SapOptions) -> None:
        self._base = partner.connection.base_url.rstrip("/")
        self._options = options
        user = f"{partner.connection.app_key}:".encode()
        self._proof = "Basic " + base64.b64encode(user + partner.secret).decode()
        self._csrf = CsrfApi(HttpApi(partner.http, self._sign), f"{self._base}{options.order_path}/")

    def url(self, path: str) -> str:
        return f"{self._base}{path}"

    def greet(self, deadline: Deadline) -> None:
        """Fetch a token, which changes nothing and shows whether address and credentials are right.

        Raises: as `CsrfApi.fetch`; TryLater for an answer that is not a service's.
        """
        try:
            _contents(self._csrf.fetch(deadline))
        except OutcomeUnknown as error:
            raise TryLater("no service of SAP's answers there: check base_url", code=error.code) from error

    def exchange(self, call: Call, deadline: Deadline) -> Answer:
        """Send any call with proof and token; its answer is the caller's to sort."""
        return self._csrf.exchange(call, deadline)

    def leave(self) -> None:
        """End this thread's session with everything in it that was not committed."""
        self._csrf.leave()

    def create(self, path: str, entity: Mapping[str, object], deadline: Deadline) -> Mapping[str, object]:
        """Create an entity, with all that hangs on it, and give it as SAP has it."""
        body = json.dumps(entity, ensure_ascii=False).encode()
        answer = self._send(Call("POST", self.url(path), headers={"Content-Type": JSON}, body=body), deadline)
        return _contents(answer)

    def find(self, path: str, where: Mapping[str, str], deadline: Deadline) -> Rows:
        """Give the entities of a set whose fields have these values.

        Raises: OutcomeUnknown for an answer without rows, or with others: somebody on the way may have lost the filter.
        """
        return self._list(path, where, {}, deadline)[0]

    def page(
        self, path: str, where: Mapping[str, str], window: Mapping[str, str], deadline: Deadline
    ) -> tuple[Rows, int]:
        """Give those of a set's entities that the window shows (`$orderby`, `$skip` …), and how many there are in all.

        Raises: as `find`; OutcomeUnknown for an answer without the number.
        """
        found, contents = self._list(path, where, {**window, "$inlinecount": "allpages"}, deadline)
        number = str(contents.get("__count"))
        if not (number.isascii() and number.isdigit() and len(number) <= LONGEST_COUNT):
            raise OutcomeUnknown("SAP's answer does not say how many rows there are", code="garbled_answer")
        return found, int(number)

    def _list(
        self, path: str, where: Mapping[str, str], window: Mapping[str, str], deadline: Deadline
    ) -> tuple[Rows, Mapping[str, object]]:
        condition = " and ".join(f"{name} eq {literal(value)}" for name, value in where.items())
        query = "&".join(f"{name}={quote(value)}" for name, value in {"$filter": condition, **window}.items())
        contents = _contents(self._send(Call("GET", f"{self.url(path)}?{query}"), deadline))
        rows = contents.get("results")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in cast("list[object]", rows)):
            raise OutcomeUnknown("SAP's answer has no rows", code="garbled_answer")
        found = cast("Rows", rows)
        told = [(str(row.get(name, value)), value) for row in found for name, value in where.items()]
        if any(external(said) != external(asked) for said, asked in told):
            raise OutcomeUnknown("SAP's answer has rows that were not asked for", code="garbled_answer")
        return found, contents

    def read(self, path: str, deadline: Deadline) -> tuple[Mapping[str, object], str]:
        """Give an entity, and the ETag that a change of it must carry."""
        answer = self._send(Call("GET", self.url(path)), deadline, missing=NotFound)
        contents = _contents(answer)
        about = contents.get("__metadata")
        told = cast("Mapping[str, object]", about).get("etag") if isinstance(about, Mapping) else None
        return contents, answer.headers.get("ETag") or str(told or "")

    def change(self, path: str, fields: Mapping[str, object], etag: str, deadline: Deadline) -> None:
        """Change fields of an entity that nobody has changed since it was read.

        Raises: Conflict when somebody has.
        """
        headers = {"Content-Type": JSON, "If-Match": etag or "*"}
        body = json.dumps(fields, ensure_ascii=False).encode()
        self._send(Call("PATCH", self.url(path), headers=headers, body=body), deadline, missing=NotFound)

    def act(self, path: str, etag: str, deadline: Deadline) -> None:
        """Call a function import on an entity that nobody has changed since it was read.

        Raises: as `change`.
        """
        self._send(Call("POST", self.url(path), headers={"If-Match": etag or "*"}), deadline, missing=NotFound)

    def _send(self, call: Call, deadline: Deadline, missing: type[HubError] = Misconfigured) -> Answer:
        answer = self._csrf.exchange(call, deadline)
        failure = failure_after(answer)
        if failure is not None:
            raise self._told(answer, failure, missing)
        return answer

    def _told(self, answer: Answer, failure: HubError, missing: type[HubError]) -> HubError:
        """Let SAP's own code say what is wrong, where the status says only that something is."""
        if not isinstance(failure, Rejected) or isinstance(failure, Conflict):
            return failure
        codes = _codes(answer)
        if answer.status == NO_RESOURCE:
            return missing("SAP has no such resource: check base_url and the paths in the options", code="http_404")
        if lock := next((code for code in codes if self._options.is_lock(code)), ""):
            return TryLater("somebody else holds the document in SAP", code=lock)
        code = codes[0] if codes else failure.code
        return Rejected(f"SAP refuses it with {answer.status} {code}", code=code)

    def _sign(self, call: Call) -> Call:
        headers = {"Authorization": self._proof, **({} if "Accept" in call.headers else {"Accept": JSON})}
        if self._options.client:
            headers["sap-client"] = self._options.client
        if self._options.language:
            headers["sap-language"] = self._options.language
        return call.signed(headers=headers)


def literal(value: str) -> str:
    """Write text for a filter or a key."""
    return "'" + value.replace("'", "''") + "'"


def _contents(answer: Answer) -> Mapping[str, object]:
    """Read the `d` of an answer.

    Raises: OutcomeUnknown when there is none, for the status has said that it was done.
    """
    try:
        contents = read_json(answer.body).get("d")
    except Malformed as error:
        raise OutcomeUnknown("SAP's answer is not JSON", code="garbled_answer") from error
    if not isinstance(contents, dict):
        raise OutcomeUnknown("SAP's answer has no contents", code="garbled_answer")
    return cast("Mapping[str, object]", contents)


def _codes(answer: Answer) -> list[str]:
    """Give the codes of an error body, the most telling first; its texts may name people and are left out."""
    try:
        error = read_json(answer.body).get("error")
    except Malformed:
        return []
    told = [_field(error, "code"), *(_field(row, "code") for row in _rows(error))]
    return [code for code in told if _CODE.fullmatch(code)]


def _rows(error: object) -> Sequence[object]:
    details = _inside(_inside(error, "innererror"), "errordetails")
    return cast("Sequence[object]", details) if isinstance(details, list) else ()


def _field(values: object, name: str) -> str:
    return str(_inside(values, name) or "")


def _inside(values: object, name: str) -> object:
    return cast("Mapping[str, object]", values).get(name) if isinstance(values, Mapping) else None
