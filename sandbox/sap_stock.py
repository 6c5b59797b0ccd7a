"""The stock of the stand-in SAP (API_MATERIAL_STOCK_SRV), which mock-sap lacks: what it was given, less what has left.

A view over mock-sap's own books, so that its paging, filters, logon and faults serve it as they serve everything else.
A delivery, whose goods issue mock-sap posts as it makes it, is taken off the unrestricted stock of its material, plant
and storage location, from the moment that stock was given.

Source: the metadata of API_MATERIAL_STOCK_SRV, checked 2026-11.
"""

import json
import re
from collections.abc import Mapping, Sequence
from sqlite3 import Connection
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from mocksap import schema  # pyright: ignore[reportMissingTypeStubs] # mock-sap says nothing of its types
from mocksap.odata import SapError  # pyright: ignore[reportMissingTypeStubs] # as above
from mocksap.service import Response  # pyright: ignore[reportMissingTypeStubs] # as above

SERVICE: Final = "API_MATERIAL_STOCK_SRV"
SET: Final = "A_MatlStkInAcctMod"
CONTROL: Final = "/_mock/stock"
RESET: Final = "/_mock/reset"
QUANTITY: Final = "MatlWrhsStkQtyInMatlBaseUnit"
NUMBER: Final = re.compile(r"-?[0-9]{1,15}([.][0-9]{1,3})?")

KEYS: Final[Mapping[str, int]] = {
    "Material": 40,
    "Plant": 4,
    "StorageLocation": 4,
    "Batch": 10,
    "Supplier": 10,
    "Customer": 10,
    "WBSElementInternalID": 24,
    "SDDocument": 10,
    "SDDocumentItem": 6,
    "InventorySpecialStockType": 1,
    "InventoryStockType": 2,
}
GIVEN: Final = (*KEYS, "MaterialBaseUnit", QUANTITY)
USUAL: Final = {"InventoryStockType": "01", "MaterialBaseUnit": "PC", QUANTITY: "0"}

BOOKS: Final = f"""
    create table if not exists stock_given ({", ".join(f'"{name}" text not null' for name in GIVEN)},
        since text not null, primary key ({", ".join(f'"{name}"' for name in KEYS)}));
    create view if not exists stock_now as
    select {", ".join(f'given."{name}"' for name in (*KEYS, "MaterialBaseUnit"))},
           printf('%.3f', given."{QUANTITY}" - coalesce((
               select sum(cast(item.ActualDeliveredQtyInOrderQtyUnit as real))
               from A_OutbDeliveryItem item
               where item.DeliveryDocument > given.since
                 and (given.InventoryStockType, given.InventorySpecialStockType, given.Batch) = ('01', '', '')
                 and (item.Material, item.Plant, item.StorageLocation)
                     = (given.Material, given.Plant, given.StorageLocation)), 0)) as "{QUANTITY}"
    from stock_given given;
"""


def declare_stock() -> None:
    """Have mock-sap serve the entity set, from the view."""
    if SERVICE in schema.SERVICES:
        return
    keys = [schema.Prop(name, key=True, nullable=False, max_length=width) for name, width in KEYS.items()]
    unit = schema.Prop("MaterialBaseUnit", max_length=3)
    quantity = schema.Prop(QUANTITY, "Edm.Decimal", precision=31, scale=3)
    schema.ENTITY_TYPES[SET] = schema.EntityType(SET, [*keys, unit, quantity], view_of="stock_now")
    schema.SERVICES[SERVICE] = schema.Service(SERVICE, SERVICE, "Material Stock - Read", {SET: SET}, read_only=True)


def with_stock(handler: Any) -> Any:  # noqa: ANN401 # mock-sap binds its handler to a server at run time
    """Have a server keep stock: POST /_mock/stock gives it (`rows`, and `rowsAtOnce` of an answer), GET shows it."""
    handler.mock.conn.executescript(BOOKS)

    class Stocked(handler):
        rows_at_once = 0

        def _mock_api(self, method: str, path: str, opts: Mapping[str, str], body: bytes) -> object:
            conn = self.mock.conn
            if path == RESET:
                conn.execute("delete from stock_given")
            if path != CONTROL:
                return handler._mock_api(self, method, path, opts, body)  # noqa: SLF001 # where mock-sap is steered
            if method == "POST":
                given = json.loads(body)
                type(self).rows_at_once = int(given.get("rowsAtOnce", 0))
                give(conn, given["rows"])
            now = [dict(row) for row in conn.execute("select * from stock_now")]
            return Response(body=json.dumps({"results": now}).encode())

        def _serve(self, method: str, path: str, query: str, *rest: Any) -> object:  # noqa: ANN401 # mock-sap's own
            most = self.rows_at_once
            if most and path.endswith(f"/{SERVICE}/{SET}"):
                options = dict(parse_qsl(query, keep_blank_values=True))
                query = urlencode({**options, "$top": min(most, int(options.get("$top", most)))})
            return handler._serve(self, method, path, query, *rest)  # noqa: SLF001 # where mock-sap answers

    return Stocked


def give(conn: Connection, rows: Sequence[Mapping[str, str]]) -> None:
    """Make rows all the stock there is; a field that is left out is as for pieces that are free.

    Raises: SapError for a field there is none of, or a quantity that is no number.
    """
    records: list[list[str]] = []
    for row in rows:
        whole = {**dict.fromkeys(GIVEN, ""), **USUAL, **row}
        if whole.keys() - set(GIVEN) or not NUMBER.fullmatch(whole[QUANTITY]):
            raise SapError(f"{sorted(row)} is no row of stock", 400)
        records.append([whole[name] for name in GIVEN])
    last = "select coalesce(max(DeliveryDocument), '') from A_OutbDeliveryHeader"
    places = ", ".join("?" * len(GIVEN))
    conn.execute("delete from stock_given")
    conn.executemany(f"insert into stock_given values ({places}, ({last}))", records)
    conn.commit()
