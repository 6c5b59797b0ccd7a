import threading
import time
from collections.abc import Generator
from decimal import Decimal

import pytest
import requests

from sandbox.sap import open_sap
from sandbox.sap_books import LATE, ORDERS, SCENARIOS, empty_books, read_books, refuse, switch

LOGON = ("OMS", "secret")
ORDER = {
    "SalesOrderType": "OR",
    "SoldToParty": "1000001",
    "PurchaseOrderByCustomer": "C-1",
    "to_Item": [{"SalesOrderItem": "000010", "Material": "P1", "RequestedQuantity": "3", "NetAmount": "12.50"}],
}


@pytest.fixture
def address() -> Generator[str]:
    with open_sap(port=0, basic_auth=":".join(LOGON), csrf=False, quiet=True) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        empty_books(url)
        yield url
        server.shutdown()
        thread.join()


def order(url: str) -> requests.Response:
    return requests.post(f"{url}{ORDERS}/A_SalesOrder", json=ORDER, auth=LOGON, timeout=5)


def deliver(url: str, number: str) -> dict[str, object]:
    call = {"SALES_ORDER_ITEMS": [{"REF_DOC": number, "REF_ITEM": "000010", "DLV_QTY": "3"}]}
    name = f"{url}/sap/bc/rfc/BAPI_OUTB_DELIVERY_CREATE_SLS"
    return requests.post(name, json=call, auth=LOGON, timeout=5).json()


def test_books_begin_empty_and_count_by_the_customers_number(address: str) -> None:
    assert not any(read_books(address, *LOGON).values())
    number = order(address).json()["d"]["SalesOrder"]
    deliver(address, number)
    assert read_books(address, *LOGON) == {
        "orders": {"C-1": 1},
        "deliveries": {"C-1": 1},
        "amounts": {"C-1": Decimal("12.500")},
        "pieces": {"C-1": Decimal("3.000")},
    }


@pytest.mark.parametrize(
    ("scenario", "status"), [("auth", 401), ("busy", 503), ("csrf", 403), ("error", 500), ("lock", 423)]
)
def test_a_switch_stays_on_until_it_is_turned_off(address: str, scenario: str, status: int) -> None:
    switch(address, scenario)
    assert [order(address).status_code for _ in range(2)] == [status, status]
    switch(address, None)
    assert order(address).status_code == 201
    assert read_books(address, *LOGON)["orders"] == {"C-1": 1}


def test_a_switch_may_be_for_so_many_requests(address: str) -> None:
    switch(address, "busy", count=2)
    assert [order(address).status_code for _ in range(3)] == [503, 503, 201]


def test_a_lost_answer_is_executed(address: str) -> None:
    switch(address, "lost", count=1)
    with pytest.raises(requests.ConnectionError):
        order(address)
    assert read_books(address, *LOGON)["orders"] == {"C-1": 1}


def test_a_late_call_is_executed_though_nobody_listens_any_more(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.sap_books.SCENARIOS", {"timeout": {"message": f"{LATE}1", "method": "POST"}})
    switch(address, "timeout", count=1)
    with pytest.raises(requests.ReadTimeout):
        requests.post(f"{address}{ORDERS}/A_SalesOrder", json=ORDER, auth=LOGON, timeout=0.5)
    while not (there := read_books(address, *LOGON)["orders"]):
        time.sleep(0.05)
    assert there == {"C-1": 1}


def test_a_refusal_does_nothing_and_gives_its_message(address: str) -> None:
    number = order(address).json()["d"]["SalesOrder"]
    refuse(address, "BAPI_OUTB_DELIVERY_CREATE_SLS", "V1/849")
    returned = deliver(address, number)["RETURN"]
    assert isinstance(returned, list)
    assert (returned[0]["TYPE"], returned[0]["ID"], returned[0]["NUMBER"]) == ("E", "V1", "849")
    assert read_books(address, *LOGON)["deliveries"] == {}


def test_every_scenario_is_one_that_the_peer_takes(address: str) -> None:
    for scenario in SCENARIOS:
        switch(address, scenario)
    with pytest.raises(KeyError):
        switch(address, "earthquake")


def test_a_delivery_takes_a_bill_of_lading(address: str) -> None:
    about = requests.get(f"{address}/sap/opu/odata/sap/API_OUTBOUND_DELIVERY_SRV/$metadata", auth=LOGON, timeout=5)
    assert 'Name="BillOfLading"' in about.text
