import pytest

from hub.catalogue.model import Product, Storage
from hub.order.model import OrderType, ShopOrder
from hub.order.rules.hold import Evidence, HoldType, holds_of, remark_asks, total_above
from hub.order.rules.normalise import NormalOrder, normalise
from hub.order.rules.policy import POLICY
from tests.hub.making import RECEIVER, order

NOTHING = Evidence()


def normal(one: ShopOrder) -> NormalOrder:
    return normalise(one, {("demo", "pc", "apple"): "apple"}, {"apple": Product("apple", "苹果", Storage.AMBIENT, 500)})


def types(one: ShopOrder, evidence: Evidence = NOTHING) -> list[HoldType]:
    return [hold.type for hold in holds_of(normal(one), evidence, POLICY.holds)]


def test_an_ordinary_order_is_not_held() -> None:
    assert types(order({"apple": 1})) == []


def test_an_address_that_cannot_be_placed_waits() -> None:
    lost = RECEIVER.model_copy(update={"province": "", "city": "", "county": "火星"})
    assert types(order({"apple": 1}, receiver=lost)) == [HoldType.ADDRESS]


def test_an_unpaid_order_waits() -> None:
    assert types(order({"apple": 1}, paid_at=None)) == [HoldType.FINANCE]


def test_a_presale_waits() -> None:
    assert types(order({"apple": 1}, type=OrderType.PRESALE)) == [HoldType.PRESALE]


def test_a_twin_waits_and_names_the_other() -> None:
    (hold,) = holds_of(normal(order({"apple": 1})), Evidence(twin=42), POLICY.holds)
    assert (hold.type, hold.evidence) == (HoldType.DUPLICATE, {"order": 42})


@pytest.mark.parametrize("remark", ["请先别发货", "麻烦改地址", "please change the address", "refund me"])
def test_a_remark_that_a_machine_cannot_follow_waits(remark: str) -> None:
    assert types(order({"apple": 1}, remark=remark)) == [HoldType.REMARK]


def test_a_remark_is_not_quoted_beyond_the_word_that_was_found() -> None:
    hold = remark_asks("退款")(normal(order({"apple": 1}, remark="张某某要退款 10000000001")), NOTHING)
    assert hold is not None
    assert hold.evidence == {"word": "退款"}


def test_the_limit_itself_is_not_above_it() -> None:
    rule = total_above(1000)
    assert rule(normal(order({"apple": 1})), NOTHING) is None
    assert rule(normal(order({"apple": 1}, freight=1)), NOTHING) is not None


def test_no_reason_hides_another() -> None:
    bad = order({"apple": 2001}, paid_at=None, remark="退款", type=OrderType.PRESALE)
    assert len(types(bad, Evidence(twin=1))) == 5


def test_every_rule_of_the_policy_blocks_routing() -> None:
    bad = order({"apple": 2001}, paid_at=None, remark="退款", type=OrderType.PRESALE)
    assert all("route" in hold.blocks for hold in holds_of(normal(bad), Evidence(twin=1), POLICY.holds))
