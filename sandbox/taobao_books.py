"""The books of one Taobao shop: its trades, what was sent of them, its queue of messages and its token."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Annotated, Any, Final, final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sandbox.taobao_shelf import Listing, Shelf
from sandbox.taobao_wire import Refused, invalid, remote, write_time

PAID: Final = "WAIT_SELLER_SEND_GOODS"
PART: Final = "SELLER_CONSIGNED_PART"
SENT: Final = "WAIT_BUYER_CONFIRM_GOODS"
_ERROR: Final = "isv.logistics-offline-service-error"
_REFRESH_FOR: Final = timedelta(days=30)

Text = Annotated[str, Field(min_length=1, max_length=64)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shop(_Strict):
    """A shop, the application that acts for it, and the token and listings it has when the sandbox starts."""

    connection: str
    app_key: str
    secret: str
    access: str
    refresh: str
    expires_in_s: float = 86_400
    listings: tuple[Listing, ...] = ()


class Goods(_Strict):
    """Pieces of a sub-order in a package."""

    sub_tid: Text
    num: Annotated[int, Field(ge=1)]
    item_type: int = 0
    comp_item_id: str = ""
    comp_sku_id: str = ""


class Package(_Strict):
    """A package as a seller tells of it."""

    out_sid: Text
    company_code: Text
    goods: Annotated[tuple[Goods, ...], Field(min_length=1)]
    sub_out_sid: str = ""


class SubStatus(_Strict):
    """Whether a sub-order stays open."""

    sub_tid: Text
    is_part_consign: bool


@dataclass(slots=True)
class Page:
    """One trade: as it is now, and what was told of it."""

    trade: dict[str, Any]
    parcels: Counter[str] = field(default_factory=Counter[str])
    shipped: Counter[str] = field(default_factory=Counter[str])
    repeats: int = 0

    @property
    def lines(self) -> dict[str, dict[str, Any]]:
        return {str(line["oid"]): line for line in self.trade["orders"]["order"]}

    def shown(self) -> dict[str, object]:
        lines = {oid: {"num": line["num"], "shipped": self.shipped[oid]} for oid, line in self.lines.items()}
        status = self.trade["status"]
        return {"parcels": dict(self.parcels), "repeats": self.repeats, "status": status, "lines": lines}


@final
class Books:
    """What the platform knows of one shop."""

    def __init__(self, shop: Shop, now: datetime) -> None:
        self.shop = shop
        self.pages: dict[str, Page] = {}
        self.shelf = Shelf()
        self.shelf.put(shop.listings)
        self.queue: dict[int, dict[str, object]] = {}
        self._numbers = count(6_000_000_000_000_000_001)
        self._turn = 0
        self._refreshed = ""
        self.access, self.refresh = shop.access, shop.refresh
        self._sessions = {self.access: now + timedelta(seconds=shop.expires_in_s)}

    def put(self, trade: Mapping[str, Any], now: datetime, *, hinted: bool) -> None:
        """Add a trade or replace it; it counts as modified now."""
        tid = str(trade["tid"])
        page = self.pages.setdefault(tid, Page({}))
        page.trade = {**deepcopy(dict(trade)), "modified": write_time(now)}
        if hinted:
            self._tell("taobao_trade_TradeBuyerPay", tid, now)

    def page_of(self, tid: str) -> Page:
        """Raises: Refused."""
        page = self.pages.get(tid)
        if page is None:
            raise remote("isv.trade-not-exist", "交易订单不存在")
        return page

    def consume(self, quantity: int) -> list[dict[str, object]]:
        """The oldest messages; they come again until they are confirmed."""
        return list(self.queue.values())[:quantity]

    def confirm(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            self.queue.pop(number, None)

    def takes(self, session: str, now: datetime) -> bool:
        """Whether a token is this shop's; one that was exchanged is taken until its own time is over."""
        return now < self._sessions.get(session, now)

    def expire(self) -> None:
        self._sessions.clear()

    def exchanges(self, refresh: str) -> bool:
        """Whether a refresh token is the one of now or, for its answer may have got lost, the one before."""
        return bool(refresh) and refresh in {self.refresh, self._refreshed}

    def renew(self, refresh: str, now: datetime) -> str:
        """Exchange a refresh token; the one before gives what it gave. Raises: Refused."""
        if not self.exchanges(refresh):
            raise Refused(27, "Invalid session", "isv.invalid-refresh-token", "refresh_token is not valid")
        if refresh == self.refresh:
            self._turn += 1
            self._refreshed = refresh
            self.access, self.refresh = (f"{name}-{self._turn}" for name in (self.shop.access, self.shop.refresh))
            self._sessions[self.access] = now + timedelta(seconds=self.shop.expires_in_s)
        return json.dumps(
            {
                "token_type": "Bearer",
                "access_token": self.access,
                "refresh_token": self.refresh,
                "expire_time": int((now + timedelta(seconds=self.shop.expires_in_s)).timestamp() * 1000),
                "refresh_token_valid_time": int((now + _REFRESH_FOR).timestamp() * 1000),
            }
        )

    def send(self, tid: str, consign_pkgs: str, consign_status: str, now: datetime) -> None:
        """Take packages: all of them or none. Raises: Refused."""
        packages = _read("consign_pkgs", tuple[Package, ...], consign_pkgs)
        statuses = _read("consign_status", tuple[SubStatus, ...], consign_status)
        page = self.pages.get(tid)
        if page is None:
            raise remote(f"{_ERROR}:B01", "订单不存在")
        if any(package.out_sid in page.parcels for package in packages):
            page.repeats += 1
            raise remote(f"{_ERROR}:B04", "该物流订单已经发货,不能重复发货")
        if page.trade["status"] not in {PAID, PART}:
            raise remote(f"{_ERROR}:B04", "订单状态不对")
        _check_pieces(page, packages, statuses)
        for package in packages:
            self._book(page, package, now)
        self._settle(page, {one.sub_tid for one in statuses if not one.is_part_consign}, now)

    def send_nothing(self, tid: str, now: datetime) -> None:
        """Take a trade as sent with no parcel, all of it. Raises: Refused."""
        page = self.pages.get(tid)
        if page is None:
            raise remote(f"{_ERROR}:B01", "订单不存在")
        if page.trade["status"] != PAID:
            raise remote(f"{_ERROR}:B04", "订单状态不对")
        self._settle(page, set(page.lines), now)

    def _book(self, page: Page, package: Package, now: datetime) -> None:
        page.parcels[package.out_sid] += 1
        details = page.trade.setdefault("combine_logistics_details", {"combine_logistics_detail": []})
        for goods in package.goods:
            page.shipped[goods.sub_tid] += goods.num
            page.lines[goods.sub_tid].update(
                invoice_no=package.out_sid, logistics_company=package.company_code, consign_time=write_time(now)
            )
            detail = {"type": 0, "consign_status": 0, "amount": goods.num}
            details["combine_logistics_detail"].append(
                {
                    "sub_order_id": goods.sub_tid,
                    "invoice_no": package.out_sid,
                    "logistics_company": package.company_code,
                    "send_goods_details": {"send_goods_detail": [detail]},
                }
            )

    def _settle(self, page: Page, complete: set[str], now: datetime) -> None:
        for oid in complete:
            page.lines[oid]["status"] = SENT
        whole = all(line["status"] == SENT for line in page.lines.values())
        changes = {"status": SENT if whole else PART, "is_part_consign": not whole}
        page.trade |= {**changes, "consign_time": write_time(now), "modified": write_time(now)}
        self._tell(f"taobao_trade_Trade{'' if whole else 'Partly'}SellerShip", str(page.trade["tid"]), now)

    def _tell(self, topic: str, tid: str, now: datetime) -> None:
        number = next(self._numbers)
        self.queue[number] = {
            "id": number,
            "topic": topic,
            "content": json.dumps({"tid": int(tid), "seller_nick": self.shop.connection}),
            "pub_time": write_time(now),
            "user_nick": self.shop.connection,
        }


def _check_pieces(page: Page, packages: Sequence[Package], statuses: Sequence[SubStatus]) -> None:
    """Every piece is of the trade and goes once, and the statuses say what is true. Raises: Refused."""
    after = page.shipped + Counter[str]()
    for goods in (goods for package in packages for goods in package.goods):
        after[goods.sub_tid] += goods.num
    told = {goods.sub_tid for package in packages for goods in package.goods}
    open_after = {oid: after[oid] < page.lines[oid]["num"] for oid in told if oid in page.lines}
    if len({package.out_sid for package in packages}) < len(packages):
        raise invalid("consign_pkgs")
    if open_after.keys() != told or any(after[oid] > page.lines[oid]["num"] for oid in told):
        raise remote(f"{_ERROR}:P38", "拆单校验未通过")
    if {one.sub_tid: one.is_part_consign for one in statuses} != open_after:
        raise remote(f"{_ERROR}:P38", "子订单发货状态与发货数量不符")


def _read(name: str, kind: type[Any], text: str) -> Any:  # noqa: ANN401 # whatever kind is asked for
    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError:
        raise invalid(name) from None
