import sys
from typing import ClassVar

import pytest
import requests

from connectors.partner import Partner
from connectors.reading import write_with
from connectors.sap_drafts import RFC, TABLE, draft_order
from connectors.sap_options import read_options
from hub.errors import Misconfigured, NeedsOperator, Rejected
from hub.settings import Connection
from mappings.table import Table
from tests.connectors.erp.fake_pyrfc import FakeSap
from tests.connectors.erp.running import running
from tests.connectors.exemplars import SECRET
from tests.connectors.sale_contracts import SaleBookContract, issue_of, make_sale

OPTIONS = {"sales_org": "1710", "sold_to": "1000001", "client": "100", "rfc.ashost": "sap.test", "rfc.sysnr": "00"}


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> FakeSap:
    sap = FakeSap()
    monkeypatch.setitem(sys.modules, "pyrfc", sap.library())
    return sap


class TestSapRfc(SaleBookContract):
    kind = "erp.sap_rfc"
    fields: ClassVar = {"app_key": "OMS", "options": OPTIONS}

    def test_a_delivery_that_sap_would_split_is_rolled_back(self, far: FakeSap) -> None:
        book, sale = self.book(""), make_sale()
        number = book.send_sale(sale).partner_id
        far.split = True
        with pytest.raises(NeedsOperator) as caught:
            book.send_goods_issue(issue_of(sale, number))
        assert (caught.value.code, far.deliveries(sale.code)) == ("delivery_split", 0)
        assert far.calls[-1][0] == "BAPI_TRANSACTION_ROLLBACK"

    def test_an_order_without_a_number_is_refused_and_rolled_back(self, far: FakeSap) -> None:
        far.numberless, sale = True, make_sale()
        with pytest.raises(Rejected) as caught:
            self.book("").send_sale(sale)
        assert (caught.value.code, far.orders(sale.code)) == ("empty_document_number", 0)

    def test_a_commit_comes_in_the_session_that_made_the_document(self, far: FakeSap) -> None:
        self.book("").send_sale(make_sale())
        assert [name for name, _ in far.calls] == ["BAPI_SALESORDER_CREATEFROMDAT2", "BAPI_TRANSACTION_COMMIT"]
        assert len(far.opened) == 1

    def test_keys_of_digits_are_padded_and_others_are_not(self, far: FakeSap) -> None:
        self.book("").send_sale(make_sale())
        given = far.calls[0][1]
        assert [row["PARTN_NUMB"] for row in given["ORDER_PARTNERS"]] == ["0001000001"] * 2
        assert given["ORDER_ITEMS_IN"][0]["MATERIAL"] == "P1"

    def test_a_library_that_is_missing_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pyrfc", None)
        with pytest.raises(Misconfigured, match="sap-rfc") as caught:
            self.book("").probe()
        assert caught.value.code == "sdk_missing"

    def test_the_order_is_one_that_mock_sap_takes_too(self) -> None:
        settings = Connection(kind=self.kind, brand="demo", options=OPTIONS)
        options = read_options(Partner("test", settings, SECRET))
        sale = make_sale(lines=make_sale().lines[1:])  # mock-sap knows the material TG11
        call = write_with(Table.named(TABLE), "bapi_order", draft_order(sale, options, RFC))
        with running("mocksap", "--no-csrf") as url:
            path, proof = f"{url}/sap/bc/rfc/BAPI_SALESORDER_CREATEFROMDAT2", ("OMS", SECRET.decode())
            answer = requests.post(path, json=call, auth=proof, timeout=10).json()
        assert [row["TYPE"] for row in answer["RETURN"]] == ["S"]
        assert answer["SALESDOCUMENT"]
