"""What SAP says of a call, sorted by what to do next: BAPI messages, deliveries made, and documents found."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Final, cast

from connectors.reading import read_accepted, read_as
from connectors.sap_drafts import TABLE, Delivered, DeliveryDraft
from connectors.sap_options import SapOptions
from connectors.sap_values import external
from hub.errors import HubError, Malformed, NeedsOperator, OutcomeUnknown, Rejected, TryLater
from hub.fulfilment.model import Accepted
from mappings.table import Table

Call = Callable[[str, Mapping[str, object]], Mapping[str, object]]
"""Calls a function module of one session with its parameters."""

Rows = Sequence[Mapping[str, object]]

BAD: Final = frozenset({"E", "A"})
_WORD: Final = re.compile(r"[A-Za-z0-9_/]{1,40}")


def rows_of(value: object) -> Rows:
    """Give a table's rows; a single structure is one row, and nothing is none."""
    if isinstance(value, Mapping):
        return [cast("Mapping[str, object]", value)]
    return cast("Rows", value) if isinstance(value, (list, tuple)) else ()


def refusal_in(answer: Mapping[str, object], options: SapOptions) -> HubError | None:
    """Give the first error or abort of RETURN; its own words may name people and stay in the sealed exchange."""
    for row in rows_of(answer.get("RETURN")):
        if str(row.get("TYPE")) in BAD:
            code = f"{_word(row.get('ID'))}/{_word(row.get('NUMBER'))}"
            if options.is_lock(code):
                return TryLater("somebody else holds the document in SAP", code=code)
            field = _word(row.get("FIELD"))
            return Rejected(f"SAP refuses it with message {code}{f' for {field}' if field else ''}", code=code)
    return None


def commit(
    call: Call,
    function: str,
    parameters: Mapping[str, object],
    number: str,
    options: SapOptions,
    check: Callable[[Mapping[str, object]], None] | None = None,
) -> Mapping[str, object]:
    """Call a function that makes a document, and commit in the same session what passes every check.

    `number` names the parameter that carries the document's number; `check` may find more that is wrong.
    Raises: Rejected, TryLater or what `check` raises after a rollback; OutcomeUnknown when commit or rollback fail.
    """
    answer = call(function, parameters)
    try:
        if refusal := refusal_in(answer, options):
            raise refusal
        if not read_accepted(answer.get(number)).partner_id.strip("0 "):
            raise Rejected("SAP gives no document number, and no reason", code="empty_document_number")
        if check is not None:
            check(answer)
    except HubError:
        _roll_back(call, options)
        raise
    try:
        done = call("BAPI_TRANSACTION_COMMIT", {"WAIT": "X"})
    except HubError as error:
        raise OutcomeUnknown(f"the commit was not answered: {error.message}", code=error.code) from error
    if refusal := refusal_in(done, options):
        raise OutcomeUnknown(f"the commit failed: {refusal.message}", code=refusal.code)
    return answer


def _roll_back(call: Call, options: SapOptions) -> None:
    """Give up what was not committed; if the call fails, the session ends with it and nothing stays either."""
    answer: Mapping[str, object] = {}
    with suppress(HubError):
        answer = call("BAPI_TRANSACTION_ROLLBACK", {})
    if refusal := refusal_in(answer, options):
        raise OutcomeUnknown(f"the rollback failed: {refusal.message}", code=refusal.code)


def read_delivered(section: str, rows: Iterable[Mapping[str, object]]) -> list[Delivered]:
    """Read rows of deliveries by a section of the table.

    Raises: OutcomeUnknown, for what cannot be read says neither that something was delivered nor that nothing was.
    """
    try:
        return [read_as(Delivered, Table.named(TABLE), section, row) for row in rows]
    except Malformed as error:
        raise OutcomeUnknown(f"SAP's deliveries cannot be read: {error.message}", code="garbled_answer") from error


def agree(draft: DeliveryDraft, answer: Mapping[str, object]) -> None:
    """Compare, before the commit, what SAP says it is about to deliver, if it says.

    Raises: as `check_delivered`.
    """
    if made := rows_of(answer.get("CREATED_ITEMS")):
        check_delivered(draft, read_delivered("created", made))


def check_delivered(draft: DeliveryDraft, made: Sequence[Delivered]) -> None:
    """Compare what was delivered with what had been asked for: one delivery with every piece of it.

    Raises: NeedsOperator with code delivery_split, or delivery_differs.
    """
    if len({external(one.delivery) for one in made}) > 1:
        text = "SAP has split the delivery in several: see why (shipping point, route, date) and book it there"
        raise NeedsOperator(text, code="delivery_split")
    wanted = {int(item.item): Decimal(item.quantity) for item in draft.items}
    got: dict[int, Decimal] = {}
    for one in made:
        got[int(one.item)] = got.get(int(one.item), Decimal(0)) + one.quantity
    if got != wanted:
        items = sorted(item for item in wanted.keys() | got.keys() if wanted.get(item) != got.get(item))
        shown = ", ".join(str(item) for item in items)
        text = f"SAP's delivery differs from what left, in items {shown}: see availability and book the rest there"
        raise NeedsOperator(text, code="delivery_differs")


def only(numbers: Iterable[str], what: str) -> Accepted | None:
    """Give the one document that was found, or None for none.

    Raises: NeedsOperator with code duplicate_document for several.
    """
    found = sorted(set(numbers))
    if len(found) > 1:
        text = f"SAP has {len(found)} {what} for this: {', '.join(found[:5])}; cancel all but one there"
        raise NeedsOperator(text, code="duplicate_document")
    return read_accepted(found[0]) if found else None


def _word(value: object) -> str:
    """Give a code that SAP sent, or nothing for what does not look like one."""
    text = str(value or "").strip()
    return text if _WORD.fullmatch(text) else ""
