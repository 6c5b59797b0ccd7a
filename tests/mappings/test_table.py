import pickle
import tomllib
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappings
from mappings.table import MappingError, Table

HERE = Path(mappings.__file__).parent
SHIPPED = [
    (path.relative_to(HERE).with_suffix("").as_posix(), section)
    for path in sorted(HERE.rglob("*.toml"))
    for section in tomllib.loads(path.read_text("utf-8"))
    if section != "codes"
]
NOTHING: dict[str, object] = {}
PERSON = {"name": "收件人1", "phone": "10000000001", "province": "浙江省", "city": "杭州市", "street": "测试路1号"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def table(**sections: object) -> Table:
    return Table("partner", sections)


def storefront_order(**changes: object) -> dict[str, object]:
    return {
        "external_id": "mall-1",
        "placed_at": "2026-11-11T10:00:00+08:00",
        "buyer": {"id": "hh-1", "nick": None},
        "receiver": PERSON | {"district": ""},
        "lines": [{"line_id": str(n), "sku": f"P{n}", "quantity": n, "unit_price": "6.1725"} for n in (1, 2, 3)],
        "total": "37.04",
    } | changes


def delivery_order(**changes: object) -> dict[str, object]:
    times = dict.fromkeys(("created_at", "placed_at", "operated_at"), "2026-11-11T02:00:00Z")
    words = dict.fromkeys(("code", "warehouse_code", "shop_name", "platform_code"), "X1")
    line = {"ref": "1", "source_order_code": "mall-1", "sku": "P1", "quantity": 2, "unit_price": 617}
    return {
        **(times | words | dict.fromkeys(("total", "goods", "discount", "freight"), 1234)),
        "attempt": 1,
        "order_type": "exchange",
        "owner_code": "BRAND",
        "courier_code": "SF",
        "sender": PERSON,
        "receiver": PERSON | {"town": "灵隐街道"},
        "lines": [line],
        **changes,
    }


def confirm(**changes: object) -> dict[str, object]:
    item = {"itemCode": "P1", "itemId": None, "quantity": "2"}
    batches = {"batch": {"batchCode": "", "actualQty": "2"}}
    line = {"orderLineNo": "1", "itemCode": "P1", "actualQty": "2", "batchs": batches}
    return {
        "deliveryOrder": {"deliveryOrderCode": "F1", "warehouseCode": "SH01", "orderConfirmTime": "2026-11-11 10:00:00"}
        | changes,
        "packages": {"package": {"logisticsCode": None, "expressCode": "", "items": {"item": item}}},
        "orderLines": {"orderLine": line},
    }


def test_dotted_targets_are_nested() -> None:
    small = table(order={"receiver.phone": "consignee.mobile", "receiver.name": "consignee.name"})
    payload = {"consignee": {"mobile": "10000000001", "name": "收件人1"}}
    assert small.apply("order", payload) == {"receiver": {"phone": "10000000001", "name": "收件人1"}}


@pytest.mark.parametrize("absent", [{}, {"memo": None}, {"memo": ""}, {"memo": "  "}])
def test_absent_is_left_out_when_optional_and_an_error_when_not(absent: dict[str, object]) -> None:
    assert table(order={"text": {"from": "memo", "optional": True}}).apply("order", absent) == {}
    with pytest.raises(MappingError, match=r"^partner\[order\] text <- memo: is missing$"):
        table(order={"text": "memo"}).apply("order", absent)


def test_a_default_is_read_like_a_payload() -> None:
    assert table(order={"freight": {"from": "fee", "via": "yuan", "default": "1.50"}}).apply("order", {}) == {
        "freight": 150
    }


def test_a_constant_needs_no_source() -> None:
    assert table(order={"currency": {"const": "CNY"}}).apply("order", {}) == {"currency": "CNY"}


@pytest.mark.parametrize(("items", "found"), [({"sku": "A"}, ["A"]), ([{"sku": "A"}] * 2, ["A", "A"]), ([], [])])
def test_an_only_child_is_a_list_of_one(items: object, found: list[str]) -> None:
    lines = table(order={"lines": {"each": "items.item", "table": "line"}}, line={"sku": "sku"})
    assert lines.apply("order", {"items": {"item": items}}) == {"lines": [{"sku": sku} for sku in found]}


def test_a_missing_list_is_empty_when_optional_and_an_error_when_not() -> None:
    rows = {"each": "items.item", "table": "line"}
    spared = table(order={"lines": rows | {"optional": True}}, line=NOTHING)
    assert spared.apply("order", {"items": ""}) == {"lines": []}
    with pytest.raises(MappingError, match=r"lines <- items\.item: is missing"):
        table(order={"lines": rows}, line=NOTHING).apply("order", {})


@pytest.mark.parametrize("items", ["x", 0, True])
def test_what_is_no_list_is_refused(items: object) -> None:
    with pytest.raises(MappingError, match="lines <- items: is not a list"):
        table(order={"lines": {"each": "items", "table": "line"}}, line=NOTHING).apply("order", {"items": items})


def test_a_source_with_a_slash_is_read_from_the_whole_payload() -> None:
    rows = {"each": "items", "table": "line"}
    lines = table(order={"lines": rows}, line={"owner": "/head.owner"})
    assert lines.apply("order", {"items": [NOTHING], "head": {"owner": "B"}}) == {"lines": [{"owner": "B"}]}
    with pytest.raises(MappingError, match=r"lines\[0\]\.owner <- /head\.owner: is missing"):
        lines.apply("order", {"items": [NOTHING]})


def test_an_error_names_table_target_source_and_cause() -> None:
    order = storefront_order(lines=[{"line_id": "1", "sku": "P1", "quantity": -1, "unit_price": "1"}])
    with pytest.raises(MappingError) as caught:
        Table.named("channels/storefront").apply("order", order)
    error = caught.value
    assert (error.table, error.target, error.source) == ("storefront[order]", "lines[0].quantity", "lines[0].quantity")
    assert error.cause == "-1 is not a whole number above zero, of 18 digits at most"


def test_an_error_reads_as_one_sentence_and_survives_pickling() -> None:
    error = MappingError("storefront[order]", "lines[2].quantity", "lines[2].qty", "-1 is too few")
    assert str(error) == "storefront[order] lines[2].quantity <- lines[2].qty: -1 is too few"
    assert (
        str(MappingError("storefront[order]", "total", "total", "is missing")) == "storefront[order] total: is missing"
    )
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301  our own bytes


@pytest.mark.parametrize(("target", "source"), [("receiver.phone", "tel"), ("tel", "/receiverTel"), ("buyerNick", "x")])
def test_a_personal_value_stays_out_of_the_message_and_the_traceback(target: str, source: str) -> None:
    with pytest.raises(MappingError, match="the value contains a control character") as caught:
        table(order={target: source}).apply("order", {source.removeprefix("/"): "10000000001\x00"})
    assert "100" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_list_of_receivers_is_personal_to_its_last_field() -> None:
    rows = {"receivers": {"each": "to", "table": "person"}}
    parts = table(order=rows, person={"tel": {"from": "tel", "via": "count"}})
    with pytest.raises(MappingError, match=r"receivers\[0\]\.tel <- to\[0\]\.tel: the value is not a whole number"):
        parts.apply("order", {"to": [{"tel": "secret"}]})


@pytest.mark.parametrize(
    ("rows", "cause"),
    [
        ({"a": {"from": "x", "vai": "whole"}}, "vai: Extra inputs"),
        ({"a": {"from": "x", "via": "integr"}}, "no converter integr"),
        ({"a": {"from": "x", "via": "codes.nowhere"}}, r"no converter codes\.nowhere"),
        ({"a": {"from": "x", "via": "whole", "default": "none"}}, "'none' is not a whole number"),
        ({"a": {"from": "x", "optional": "yes"}}, "optional: Input should be a valid boolean"),
        ({"a": {"const": "x", "from": "y"}}, "from: Extra inputs"),
        ({"a": {"each": "x"}}, "table: Field required"),
        ({"a": {"each": "x", "table": "nowhere"}}, "section nowhere does not exist"),
        ({"a": {"each": "x", "table": "order"}}, "section order contains itself"),
        ({"a": "x..y"}, "from: String should match"),
        ({"a": "x", "a.b": "y"}, "also filled in parts"),
        ({"a": 5}, "a"),
    ],
)
def test_a_wrong_table_fails_when_it_is_loaded(rows: dict[str, object], cause: str) -> None:
    with pytest.raises(MappingError, match=cause) as caught:
        table(order=rows)
    assert caught.value.table.startswith("partner")


@pytest.mark.parametrize(
    "text", ['[order]\na = "x"\na = "y"', "[order", '[order]\na.b = "x"', 'name = "x"', "[codes.x]\na = 1"]
)
def test_a_wrong_file_fails_when_it_is_loaded(text: str, tmp_path: Path) -> None:
    (tmp_path / "lotus.toml").write_text(text, "utf-8")
    with pytest.raises(MappingError, match=r"^lotus"):
        Table.load(tmp_path / "lotus.toml")


def test_a_code_is_looked_up_by_name() -> None:
    assert Table.named("warehouses/qimen").code("courier", "SF") == "SF"
    with pytest.raises(MappingError, match=r"^qimen codes\.courier: 'X' is not listed$"):
        Table.named("warehouses/qimen").code("courier", "X")


@pytest.mark.parametrize(("name", "section"), SHIPPED)
def test_no_shipped_target_is_filled_twice(name: str, section: str) -> None:
    targets = sorted(Table.named(name).targets(section))
    assert targets
    assert not [path for path in targets for other in targets if other.startswith((f"{path}.", f"{path}[]"))]


@pytest.mark.parametrize(
    ("name", "section", "document"),
    [
        ("channels/storefront", "order", storefront_order()),
        ("warehouses/qimen", "delivery_order", delivery_order()),
        ("warehouses/qimen", "confirm", confirm()),
    ],
)
@given(pick=st.integers(0, 99), junk=JSON)
def test_junk_in_any_field_is_read_or_refused(
    name: str, section: str, document: dict[str, object], pick: int, junk: object
) -> None:
    key = sorted(document)[pick % len(document)]
    with suppress(MappingError):
        assert Table.named(name).apply(section, document | {key: junk})


def test_a_storefront_order_is_read_whole() -> None:
    order = Table.named("channels/storefront").apply("order", storefront_order())
    assert (order["total"], order["freight"], order["currency"], order["source_revision"]) == (3704, 0, "CNY", 1)
    assert order["buyer"] == {"ref": "hh-1"}
    assert "county" not in str(order["receiver"])
    line = {"external_line_id": "1", "channel_sku": "P1", "quantity": 1, "unit_price": Decimal("6.1725"), "gift": False}
    assert order["lines"] == [
        line | {"external_line_id": str(n), "channel_sku": f"P{n}", "quantity": n} for n in (1, 2, 3)
    ]


def test_a_storefront_discount_is_read_in_fen() -> None:
    discounts = [{"source": "coupon", "amount": "1.00", "line_id": "1", "funder": None}]
    order = Table.named("channels/storefront").apply("order", storefront_order(discounts=discounts))
    assert order["adjustments"] == [{"source": "coupon", "amount": 100, "external_line_id": "1"}]


def test_a_storefront_currency_without_hundredths_is_refused() -> None:
    with pytest.raises(MappingError, match=r"\] currency: 'JPY' is not listed"):
        Table.named("channels/storefront").apply("order", storefront_order(currency="JPY"))


def test_a_shipment_is_written_for_the_storefront() -> None:
    line = {"external_line_id": "1", "channel_sku": "P1", "quantity": 2}
    parcels = ({"tracking_no": "T1", "courier": "SF", "lines": (line,)},)
    shipment = {
        "key": "s:1",
        "order_id": 2611000000000001,
        "external_id": "m-1",
        "shipped_at": "2026-11-11T10:00:00+08:00",
    }
    body = Table.named("channels/storefront").write("shipment", shipment | {"parcels": parcels})
    assert (body["event"], body["event_id"], body["shipped_at"]) == ("shipment.created", "s:1", "2026-11-11T02:00:00Z")
    lines = [{"line_id": "1", "sku": "P1", "quantity": 2}]
    assert body["parcels"] == [{"tracking_no": "T1", "courier": "SF", "lines": lines}]


def test_a_delivery_order_is_written_for_qimen() -> None:
    tree = Table.named("warehouses/qimen").write("delivery_order", delivery_order())
    head, lines = tree["deliveryOrder"], tree["orderLines"]
    expected = {"orderType": "HHCK", "createTime": "2026-11-11 10:00:00", "totalAmount": "12.34", "logisticsCode": "SF"}
    assert isinstance(head, dict)
    assert expected.items() <= head.items()
    assert lines == {
        "orderLine": [
            {"orderLineNo": "1", "sourceOrderCode": "mall-1", "ownerCode": "BRAND"}
            | {"itemCode": "P1", "planQty": 2, "actualPrice": "6.17"}
        ]
    }


def test_a_delivery_order_to_a_wrong_phone_names_no_phone() -> None:
    bad = delivery_order(receiver={"name": "收件人1", "phone": ["10000000001"]})
    with pytest.raises(MappingError, match=r"receiverInfo\.mobile <- receiver\.phone: the value is not text$"):
        Table.named("warehouses/qimen").write("delivery_order", bad)


def test_a_confirm_with_only_children_is_read() -> None:
    shipped = Table.named("warehouses/qimen").apply("confirm", confirm())
    assert shipped["parcels"] == [{"lines": [{"sku": "P1", "quantity": 2}]}]
    assert shipped["lines"] == [{"line_ref": "1", "sku": "P1", "quantity": 2, "batches": [{"quantity": 2}]}]


@pytest.mark.parametrize(("confirm_type", "final"), [(None, True), ("", True), ("0", True), ("1", False)])
def test_a_confirm_is_final_unless_more_follow(confirm_type: object, final: object) -> None:
    shipped = Table.named("warehouses/qimen").apply("confirm", confirm(confirmType=confirm_type))
    assert shipped["final"] is final


def test_a_process_report_is_read() -> None:
    process = {
        "processStatus": "ACCEPT",
        "operateTime": "2026-11-11 10:00:00",
        "operateInfo": "已接单\n等待拣货",
        "remark": None,
    }
    report = Table.named("warehouses/qimen").apply("report", {"order": {"orderCode": "F1"}, "process": process})
    assert (report["code"], report["status"], report["note"]) == ("F1", "ACCEPT", "已接单\n等待拣货")
    assert "wms_id" not in report
