import threading
from collections.abc import Generator, Mapping
from typing import Any

import pytest
import requests

from sandbox.sap import open_sap
from sandbox.sap_books import ORDERS, empty_books, give_stock, switch

LOGON = ("OMS", "secret")
STOCK = "/sap/opu/odata/sap/API_MATERIAL_STOCK_SRV/A_MatlStkInAcctMod"
HERE = {"Material": "P1", "Plant": "1710", "StorageLocation": "1710"}
QUANTITY = "MatlWrhsStkQtyInMatlBaseUnit"


@pytest.fixture
def address() -> Generator[str]:
    with open_sap(port=0, basic_auth=":".join(LOGON), csrf=True, quiet=True) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        empty_books(url)
        yield url
        server.shutdown()
        thread.join()


def read(url: str, **options: str) -> requests.Response:
    query = {f"${name}": value for name, value in options.items()}
    return requests.get(f"{url}{STOCK}", params={**query, "$format": "json"}, auth=LOGON, timeout=5)


def listed(url: str, **options: str) -> list[Mapping[str, Any]]:
    return read(url, **options).json()["d"]["results"]


def deliver(url: str, pieces: str) -> None:
    item = {"SalesOrderItem": "000010", "Material": "P1", "Plant": "1710", "RequestedQuantity": pieces}
    order = {"SalesOrderType": "OR", "SoldToParty": "1000001", "PurchaseOrderByCustomer": "C-1", "to_Item": [item]}
    with requests.Session() as session:
        session.auth = LOGON
        token = session.get(f"{url}{ORDERS}/", headers={"X-CSRF-Token": "Fetch"}, timeout=5)
        session.headers["X-CSRF-Token"] = token.headers["X-CSRF-Token"]
        number = session.post(f"{url}{ORDERS}/A_SalesOrder", json=order, timeout=5).json()["d"]["SalesOrder"]
        call = {"SALES_ORDER_ITEMS": [{"REF_DOC": number, "REF_ITEM": "000010", "DLV_QTY": pieces}]}
        name = f"{url}/sap/bc/rfc/BAPI_OUTB_DELIVERY_CREATE_SLS"
        assert session.post(name, json=call, timeout=5).json()["DELIVERY"]


def test_what_is_given_is_listed_as_free_pieces_unless_it_says_more(address: str) -> None:
    give_stock(address, [{**HERE, QUANTITY: "3"}, {**HERE, QUANTITY: "2.5", "InventoryStockType": "07"}])
    rows = listed(address)
    assert [(row["InventoryStockType"], row[QUANTITY]) for row in rows] == [("01", "3.000"), ("07", "2.500")]
    assert {row["MaterialBaseUnit"] for row in rows} == {"PC"}


def test_what_is_delivered_is_taken_off_from_then_on(address: str) -> None:
    deliver(address, "1")
    give_stock(address, [{**HERE, QUANTITY: "9"}, {**HERE, "Material": "P2", QUANTITY: "9"}])
    deliver(address, "2")
    assert [row[QUANTITY] for row in listed(address)] == ["7.000", "9.000"]


def test_a_question_is_read_as_saps_are(address: str) -> None:
    give_stock(address, [{**HERE, "Material": f"P{no}"} for no in range(5)] + [{**HERE, "Plant": "1720"}])
    asked = read(address, filter="Plant eq '1710'", select="Material", skip="3", top="1", inlinecount="allpages")
    assert asked.json()["d"]["__count"] == "5"
    assert [row["Material"] for row in asked.json()["d"]["results"]] == ["P3"]
    assert [read(address, **{wrong: "Colour eq '1'"}).status_code for wrong in ("filter", "select")] == [400, 400]


def test_an_answer_holds_no_more_rows_than_the_server_gives(address: str) -> None:
    give_stock(address, [{**HERE, "Material": f"P{no}"} for no in range(5)], rows_at_once=2)
    assert [len(listed(address, **options)) for options in ({}, {"top": "5"}, {"top": "1"})] == [2, 2, 1]


@pytest.mark.parametrize("wrong", [{"Colour": "red"}, {QUANTITY: "many"}])
def test_what_is_no_row_is_refused(address: str, wrong: dict[str, str]) -> None:
    with pytest.raises(requests.HTTPError):
        give_stock(address, [{**HERE, **wrong}])


def test_it_can_fail_wants_a_logon_and_takes_no_writes(address: str) -> None:
    assert requests.get(f"{address}{STOCK}", timeout=5).status_code == 401
    refused = requests.post(f"{address}{STOCK}", json=HERE, auth=LOGON, timeout=5)
    assert refused.status_code == 403
    switch(address, "busy")
    assert read(address).status_code == 503


def test_a_reset_takes_the_stock_away(address: str) -> None:
    give_stock(address, [{**HERE, QUANTITY: "3"}])
    empty_books(address)
    assert listed(address) == []
