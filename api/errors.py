"""Every error as problem+json (RFC 9457): a stable code, a title in the caller's language, what to do, a request id."""

import math
from collections.abc import Mapping
from typing import Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from api.surroundings import TooLarge
from hub.document import said_of
from hub.errors import Conflict, HubError, Malformed, NeedsOperator, NoStock, NotFound, TryLater, Unauthorised
from hub.inventory.ledger import Shortage
from hub.language import Words, preferred

STATUSES: Final[Mapping[type[HubError], int]] = {
    TooLarge: 413,
    Malformed: 422,
    Unauthorised: 401,
    NotFound: 404,
    NoStock: 409,
    Conflict: 409,
    NeedsOperator: 500,
}
"""Everything else of hub.errors is 503: the same request may succeed later."""

BY_CODE: Final[Mapping[str, int]] = {
    "malformed": 422,
    "wrong_encoding": 400,
    "body_cut": 400,
    "forbidden": 403,
    "hub_full": 429,
    "hot_queue": 429,
    "hot_busy": 429,
}
UNAVAILABLE: Final = 503
LATER: Final = frozenset({429, UNAVAILABLE})
RETRY_S: Final = 2

TITLES: Final[Mapping[str, Words]] = {
    "body_too_large": Words("请求体过大", "The body is too large"),
    "body_cut": Words("请求体不完整", "The body ended early"),
    "malformed": Words("请求格式不正确", "The request cannot be read"),
    "wrong_encoding": Words("编码不正确，请使用 UTF-8", "Wrong encoding: send UTF-8"),
    "totals": Words("订单金额不平", "The totals do not add up"),
    "unknown_sku": Words("商品未对应到 SKU", "A product is not known"),
    "too_many_orders": Words("一次提交的订单过多", "Too many orders in one request"),
    "too_many_lines": Words("订单行过多", "Too many lines in one order"),
    "order_conflict": Words("同一单号内容不同", "This order number exists with other contents"),
    "idempotency_key_reused": Words("幂等键已用于其他请求", "This Idempotency-Key was used for another request"),
    "message_set_aside": Words("该订单已由人工搁置或修改", "A person has set this order aside or edited it"),
    "no_stock": Words("库存不足", "There is not enough stock"),
    "too_many_skus": Words("一次查询的 SKU 过多", "Too many SKUs in one request"),
    "hot_queue": Words("排队人数过多，请稍后再试", "Too many wait: come back in a moment"),
    "hot_busy": Words("抢购繁忙，请稍后再试", "The sale is busy: come back in a moment"),
    "hot_alone": Words("秒杀商品须单独预占", "What is in a flash sale is held by itself"),
    "hot_unknown": Words("结果未知，请用同一预占号重试", "The outcome is unknown: ask again under the same ref"),
    "not_hot": Words("秒杀已结束", "The flash sale is over"),
    "buyer_missing": Words("请提供买家编号", "Say who buys"),
    "buyer_limit": Words("已达每人限购数量", "The buyer has as many as each may have"),
    "unknown_reservation": Words("预占不存在", "There is no such reservation"),
    "reservation_conflict": Words("同一预占号内容不同", "This ref holds other pieces"),
    "reservation_over": Words("该预占已结束，请换新号", "This reservation is over: use another ref"),
    "reservation_taken": Words("预占已转为订单", "An order has taken this reservation"),
    "unknown_location": Words("地点不存在", "There is no such location"),
    "unknown_lot": Words("没有此批次", "There is no such lot"),
    "lot_blocked": Words("该批次已锁定", "This lot is blocked already"),
    "lot_not_blocked": Words("该批次未锁定", "This lot is not blocked"),
    "lot": Words("批号不正确", "This cannot be a lot"),
    "unknown_level": Words("该地点没有此 SKU 的库存", "There is no stock of this SKU at this location"),
    "movement_booked": Words("该单据已记账", "This document was booked before"),
    "pieces": Words("件数不正确", "These pieces cannot be meant"),
    "already_shipped": Words("订单已发货，不能取消", "Some of the order has left"),
    "order_closed": Words("订单已关闭或取消，款项须退回", "The order was closed: the money goes back"),
    "due_lapsed": Words("补款逾期，加购已撤回，款项须退回", "It was paid too late: the money goes back"),
    "cancel_under_way": Words("订单正在取消", "A cancellation is under way"),
    "change_under_way": Words("订单正在修改，请稍后", "Another change is under way"),
    "nothing_to_change": Words("没有要修改的内容", "Nothing is to be changed"),
    "nothing_to_intercept": Words("没有在途包裹可拦截", "No parcel is under way"),
    "unknown_line": Words("订单没有该行", "The order has no such line"),
    "not_shipped": Words("换货或补发不能超过已发件数", "No more can be sent again than was shipped"),
    "follow_up": Words("换货或补发的内容不正确", "This exchange or reship cannot be meant"),
    "price_needed": Words("新增的订单行须有单价", "A line that is new needs its price"),
    "charge_not_allowed": Words("不允许这样增加商品", "Goods may not be added on these terms"),
    "wrong_amount": Words("金额与应付不符", "This is not the amount that is to be paid"),
    "unknown_refund": Words("订单没有此退款", "The order has no such refund"),
    "refund_state": Words("该退款已处理", "This refund was settled already"),
    "subject_erased": Words("买家个人信息已删除", "The buyer's personal data was erased"),
    "order_state": Words("订单当前状态不允许此操作", "The order's state does not allow this"),
    "unknown_order": Words("订单不存在", "There is no such order"),
    "unknown_rule": Words("规则不存在，或不在权限范围内", "There is no such rule, or it is not yours to see"),
    "expression": Words("规则条件不成立", "The condition of a rule is refused"),
    "untried": Words("请先用历史订单试算", "Try it on past orders first"),
    "unknown_strategy": Words("赠品策略不存在，或不在权限范围内", "There is no such strategy, or it is not yours"),
    "strategy_state": Words("该策略的状态不允许此操作", "This strategy stands otherwise"),
    "rule_state": Words("该版本的状态不允许此操作", "This version of the rule stands otherwise"),
    "unknown_connection": Words("连接不存在", "There is no such connection"),
    "not_found": Words("地址不存在", "There is nothing here"),
    "signature_missing": Words("缺少签名", "The signature is missing"),
    "wrong_signature": Words("签名不正确", "The signature is wrong"),
    "stale_timestamp": Words("时间戳超出允许范围", "The timestamp is too far off"),
    "bad_nonce": Words("随机串格式不正确", "The nonce has the wrong form"),
    "nonce_replayed": Words("请求已使用过（重放）", "This request was sent before"),
    "forbidden": Words("没有权限", "Not allowed"),
    "unknown_run": Words("调用不存在，或不在权限范围内", "There is no such call, or it is not yours to see"),
    "unknown_job": Words("任务不存在，或不在权限范围内", "There is no such job, or it is not yours to see"),
    "reason_missing": Words("请填写原因", "Say why"),
    "number_not_typed": Words("件数已变化或未填写，请重新统计", "The number is missing or has changed: count again"),
    "replay_filter": Words("筛选条件不正确", "This filter cannot be meant"),
    "replay_act": Words("该动作不适用", "This act does not fit"),
    "again": Words("再次调用不适用", "Calling once more does not fit"),
    "replay_rate": Words("速率超出范围", "The rate is out of its range"),
    "replay_nothing": Words("没有可处理的内容", "There is nothing to act on"),
    "replay_too_many": Words("匹配过多，请缩小范围", "Too many match: narrow the filter"),
    "replay_state": Words("任务当前状态不允许此操作", "The job's state does not allow this"),
    "secret_missing": Words("服务端配置不完整", "The hub's configuration is incomplete"),
    "database_away": Words("服务暂时不可用，请稍后重试", "The hub is busy or restarting: try again"),
    "hub_full": Words("系统已满，暂不接收，请稍后重试", "The hub is full and takes nothing in for now: try again"),
    "method_not_allowed": Words("不支持的请求方法", "This method is not served here"),
    "our_fault": Words("系统内部错误", "The hub has failed"),
}
GENERAL: Final = Words("请求未能完成", "The request was not completed")

_log = structlog.get_logger()


def status_of(error: HubError) -> int:
    """Give the HTTP status of an error."""
    if error.code in BY_CODE:
        return BY_CODE[error.code]
    return next((status for kind, status in STATUSES.items() if isinstance(error, kind)), UNAVAILABLE)


def problem_of(code: str, detail: str, status: int, request: Request, field: str = "") -> dict[str, object]:
    """Lay an error out; `title` is in the language of Accept-Language (Chinese unless English is preferred)."""
    language = preferred(request.headers.get("accept-language", ""))
    body: dict[str, object] = {
        "type": f"urn:oms:problem:{code}",
        "title": TITLES.get(code, GENERAL).say(language),
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": getattr(request.state, "request_id", ""),
    }
    return {**body, "field": field} if field else body


def install(app: FastAPI) -> None:
    """Answer every error of the app in this one shape."""
    app.add_exception_handler(HubError, _hub_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(OperationalError, _database_away)
    app.add_exception_handler(PoolTimeout, _database_away)
    app.add_exception_handler(500, _our_fault)


def _answer(
    request: Request, status: int, code: str, detail: str, field: str = "", after_s: float = RETRY_S
) -> JSONResponse:
    headers = {"Retry-After": f"{max(1, math.ceil(after_s))}"} if status in LATER else None
    body = problem_of(code, detail, status, request, field)
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def _hub_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HubError):
        raise error
    wish_s = error.after_s if isinstance(error, TryLater) else None
    detail = error.say(preferred(request.headers.get("accept-language", "")))
    if isinstance(error, Shortage):  # not everybody may know how stock is spread
        detail = f"not enough stock: {', '.join(sorted({key.sku for key in error.keys}))}"
    return _answer(request, status_of(error), error.code, detail, error.field, wish_s or RETRY_S)


def _validation_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    field, cause = said_of(error.errors()[0], at=1)
    return _answer(request, 422, "malformed", f"{field}: {cause}", field)


def _http_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "malformed")
    asked = f"{request.method} {request.url.path} is nothing that the API has: see /docs"
    return _answer(request, error.status_code, code, str(error.detail) if code == "malformed" else asked)


def _database_away(request: Request, error: Exception) -> JSONResponse:
    _log.warning("api.database_away", error=type(error).__name__)
    return _answer(request, UNAVAILABLE, "database_away", "the database did not answer; nothing is lost, send it again")


def _our_fault(request: Request, _error: Exception) -> JSONResponse:
    return _answer(request, 500, "our_fault", "tell us the request_id")
