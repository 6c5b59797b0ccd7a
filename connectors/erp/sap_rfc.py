"""SAP over RFC: sales orders and deliveries by BAPI, looked up in SAP's own tables.

Sources: BAPI_SALESORDER_CREATEFROMDAT2, BAPI_OUTB_DELIVERY_CREATE_SLS, BAPI_TRANSACTION_COMMIT, RFC_READ_TABLE; read
2026-11. A delivery is created, not posted: posting is left to its delivery type, to the warehouse or to a job of SAP's.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, final

from connectors.partner import Partner
from connectors.reading import write_with
from connectors.sap_answers import agree, check_delivered, commit, only, read_delivered, rows_of
from connectors.sap_drafts import RFC, TABLE, draft_delivery, draft_order
from connectors.sap_options import read_options
from connectors.sap_values import KEY_WIDTH, alpha, check_widths
from connectors.transport.deadline import Deadline
from connectors.transport.rfc import RfcPool, RfcSession
from hub.errors import OutcomeUnknown
from hub.fulfilment.model import Accepted
from hub.fulfilment.sale import GoodsIssue, Sale
from mappings.table import Table

SELL: Final = "BAPI_SALESORDER_CREATEFROMDAT2"
DELIVER: Final = "BAPI_OUTB_DELIVERY_CREATE_SLS"
READ: Final = "RFC_READ_TABLE"
DELIMITER: Final = "|"
SHORT_CODE: Final = 20
"""How much of a customer's order number stands in VBAK; VBKD has all of it."""


@final
class SapRfc:
    """One client of a SAP system."""

    idempotent: Final = False

    def __init__(self, partner: Partner) -> None:
        self._http = partner.http
        self._options = read_options(partner)
        self._table = Table.named(TABLE)
        user = {"user": partner.connection.app_key, "passwd": partner.secret.decode()}
        place = {"client": self._options.client, "lang": self._options.language}
        self._pool = RfcPool({**{key: value for key, value in place.items() if value}, **self._options.rfc_of, **user})

    @property
    def grace_s(self) -> float:
        """Seconds after a missed answer in which the call may still take effect."""
        return self._options.grace_s

    def probe(self) -> None:
        with self._pool.session(Deadline(self._http)) as session:
            session.call("RFC_PING", {})

    def send_sale(self, sale: Sale) -> Accepted:
        """Create a sales order, and commit it.

        Raises: as `commit`, and as `RfcSession.call`.
        """
        parameters = write_with(self._table, "bapi_order", draft_order(sale, self._options, RFC))
        check_widths(parameters)
        with self._pool.session(Deadline(self._http)) as session:
            answer = commit(session.call, SELL, parameters, "SALESDOCUMENT", self._options)
        return Accepted(partner_id=str(answer["SALESDOCUMENT"]))

    def find_sale(self, sale: Sale) -> Accepted | None:
        """Look for orders of the sale's customer under its code."""
        sold_to = alpha(self._options.sold_to_for(sale.shop), KEY_WIDTH)
        with self._pool.session(Deadline(self._http)) as session:
            where = {"KUNNR": sold_to, "BSTNK": sale.code[:SHORT_CODE]}
            numbers = [row["VBELN"] for row in _read(session, "VBAK", ["VBELN"], where)]
            if len(sale.code) > SHORT_CODE:
                numbers = [number for number in numbers if _has_code(session, number, sale.code)]
        return only(numbers, "sales orders")

    def send_goods_issue(self, issue: GoodsIssue) -> Accepted:
        """Deliver a sale in one delivery, and commit it.

        Raises: as `send_sale`; NeedsOperator when SAP would deliver something else.
        """
        draft = draft_delivery(issue, self._options, RFC)
        parameters = write_with(self._table, "bapi_delivery", draft)
        check_widths(parameters)
        with self._pool.session(Deadline(self._http)) as session:
            answer = commit(session.call, DELIVER, parameters, "DELIVERY", self._options, partial(agree, draft))
        return Accepted(partner_id=str(answer["DELIVERY"]))

    def find_goods_issue(self, issue: GoodsIssue) -> Accepted | None:
        """Look for deliveries of the sale, and compare the one that is found with what left.

        Raises: as `only` and `check_delivered`.
        """
        with self._pool.session(Deadline(self._http)) as session:
            rows = _read(session, "LIPS", ["VBELN", "VGPOS", "LFIMG"], {"VGBEL": alpha(issue.sale_id)})
        delivered = read_delivered("stored", rows)
        found = only((one.delivery for one in delivered), "deliveries")
        if found is not None:
            check_delivered(draft_delivery(issue, self._options, RFC), delivered)
        return found


def _read(
    session: RfcSession, table: str, fields: Sequence[str], where: Mapping[str, str]
) -> Sequence[Mapping[str, str]]:
    """Read rows of a table; each condition stands on a line of its own, for lines hold 72 characters."""
    conditions = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in where.items()]
    answer = session.call(
        READ,
        {
            "QUERY_TABLE": table,
            "DELIMITER": DELIMITER,
            "FIELDS": [{"FIELDNAME": field} for field in fields],
            "OPTIONS": [{"TEXT": f"{'AND ' if index else ''}{text}"} for index, text in enumerate(conditions)],
        },
    )
    lines = [str(row.get("WA", "")).split(DELIMITER) for row in rows_of(answer.get("DATA"))]
    if any(len(line) != len(fields) for line in lines):
        raise OutcomeUnknown(f"a row of {table} cannot be read", code="garbled_answer")
    return [dict(zip(fields, (cell.strip() for cell in line), strict=True)) for line in lines]


def _has_code(session: RfcSession, number: str, code: str) -> bool:
    """Say whether an order's own data, not an item's, carry the whole code."""
    return bool(_read(session, "VBKD", ["VBELN"], {"VBELN": number, "POSNR": "000000", "BSTKD": code}))


def connect(partner: Partner) -> SapRfc:
    return SapRfc(partner)
