"""Every error as a page that says what happened, why, and what to do; for htmx as a note beside the page."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from dashboards.headers import HEADERS
from dashboards.pages import environment, fragment
from dashboards.visit import POLL, SIGN_IN, SignInNeededError, Visit, by_htmx, language_of
from hub.errors import Conflict, HubError, Malformed, NeedsOperator, NoStock, NotFound, Unauthorised
from hub.language import Words
from hub.unfit import placed, said_of

STATUSES: Final[Mapping[type[HubError], int]] = {
    Malformed: 422,
    Unauthorised: 403,
    NotFound: 404,
    NoStock: 409,
    Conflict: 409,
    NeedsOperator: 500,
}
"""Everything else of hub.errors is 503: the same request may succeed later."""

UNAVAILABLE: Final = 503
CAUSES: Final[Mapping[str, Words]] = {
    "forbidden": Words("您没有此操作的权限", "You are not allowed to do this"),
    "cross_origin": Words("请求不是从本站页面发出的，已拒绝", "This was not sent from a page of this site"),
    "length_missing": Words("请求不完整", "The request is incomplete"),
    "body_too_large": Words("提交的内容过大", "What was sent is too large"),
    "not_found": Words("页面不存在", "There is nothing at this address"),
    "unknown_order": Words("订单不存在，或不在您的权限范围内", "There is no such order, or it is not yours to see"),
    "method_not_allowed": Words("该地址不支持此操作", "This address does not take that"),
    "malformed": Words("提交的内容不符合要求", "What was sent cannot be read"),
    "action_key": Words("页面已过期，请刷新后重试", "This page is out of date: load it again"),
    "idempotency_key_reused": Words("页面已过期，请刷新后重试", "This page is out of date: load it again"),
    "order_state": Words("订单当前状态不允许此操作", "The order's state does not allow this"),
    "already_shipped": Words("订单已发货，不能执行此操作", "Some of the order has left already"),
    "pieces_shipped": Words("该行已全部发出", "All of this line has left already"),
    "more_than_left": Words("件数超过可取消的件数", "More pieces than are left to be cancelled"),
    "unknown_case": Words("异常单不存在，或不在您的权限范围内", "There is no such case, or it is not yours to see"),
    "unknown_run": Words("调用不存在，或不在您的权限范围内", "There is no such run, or it is not yours to see"),
    "unknown_step": Words("调用不存在，或不在您的权限范围内", "There is no such run, or it is not yours to see"),
    "unknown_connection": Words("连接不存在，或不在您的权限范围内", "There is no such connection, or it is not yours"),
    "unknown_sku": Words("该品牌没有此 SKU，请先选择", "The brand has no such SKU: choose one first"),
    "unknown_person": Words("此人不存在，或不能处理该品牌", "Nobody of that name may work on this brand"),
    "unknown_division": Words("没有此区划代码", "There is no such division"),
    "division_needed": Words("请先选择正确的区县", "Choose the right county first"),
    "nothing_to_change": Words("没有要修改的内容", "Nothing would be different"),
    "nothing_to_reroute": Words("没有可改派的履约单", "No such fulfilment order is under way"),
    "nothing_to_intercept": Words("没有在途的包裹", "No parcel is under way"),
    "not_shipped": Words("件数超过已发货的件数", "No more can be sent again than was shipped"),
    "several_goods": Words(
        "该行发出过多种商品：请用换货并填写所发商品的编码",
        "The line was shipped as several goods: send in exchange, and name which",
    ),
    "follow_up": Words("请填写要发出的件数", "Say which pieces are to be sent"),
    "unknown_return": Words("没有此退货", "The order has no such return"),
    "return_state": Words("退货状态已变化，不能执行此操作", "The return has moved on: this cannot be done any more"),
    "more_than_shipped": Words("件数超过可退的件数", "No more can come back than was shipped and is not back"),
    "nothing_to_send": Words("没有可寄回的货物", "There are no goods that could be sent back"),
    "nothing_paid": Words("订单未付款，无款可退", "Nobody has paid: nothing can be refunded"),
    "not_of_return": Words("件数超过该退货单可换的件数", "More than this return has left to be exchanged"),
    "price_needed": Words("新增的行须填写单价", "A further line needs its price"),
    "charge_not_allowed": Words("不允许这样增加商品", "Goods may not be added on these terms"),
    "too_much": Words("金额超过订单的上限", "This is more than an order can come to"),
    "too_many_lines": Words("行数超过订单的上限", "These are more lines than an order can have"),
    "nothing_asked": Words("没有待决定的渠道修改", "No change of the channel's waits to be decided"),
    "subject_erased": Words("买家的个人信息已被清除，不能执行此操作", "The buyer's personal data was erased"),
    "resolver": Words("此挂起须由指定的角色放行", "Another role has to let this hold go"),
    "unknown_line": Words("没有此商品行", "The order has no such line"),
    "order_changed": Words("您查看后订单已变化，请重新确认", "The order has changed since you looked at it"),
    "change_under_way": Words("该订单正在修改", "A change of this order is under way"),
    "cancel_under_way": Words("该订单正在取消", "A cancellation of this order is under way"),
    "inbox_row": Words("报文不存在，或已过保留期", "There is no such message, or it is past its retention"),
    "inbox_state": Words("报文状态已变化，无需再处理", "The message has moved on: there is nothing to do"),
    "step_state": Words("调用状态已变化，不能执行此操作", "The run has moved on: this cannot be done any more"),
    "case_state": Words("异常单已关闭", "The case is closed already"),
    "case_mends": Words("该异常单在原因处理后自动关闭", "This case closes when its cause is mended"),
    "connection_state": Words("连接状态已变化，请刷新", "The connection has changed: load the page again"),
    "no_probe": Words("该伙伴不支持测试，或工作进程尚未启动", "No test is offered, or no worker has seen it yet"),
    "no_poll": Words("该连接不拉取订单", "This connection is not asked for orders"),
    "since_missing": Words("请填写日期和时间", "Name a date and a time"),
    "time_to_come": Words("请选择过去的时间", "Choose a time that has passed"),
    "reason_missing": Words("请填写原因", "Say why"),
    "number_not_typed": Words("请输入数量以确认", "Type the number to confirm"),
    "unknown_job": Words("任务不存在，或不在您的权限范围内", "There is no such job, or it is not yours to see"),
    "unknown_schedule": Words("没有这个定时任务", "There is no such schedule"),
    "schedule_state": Words("定时任务状态已变化，请刷新", "The schedule has changed: load the page again"),
    "breaker_state": Words("熔断器没有断开，无需试探", "The breaker is not open: there is nothing to try"),
    "partner_wish": Words(
        "伙伴要求稍后再来，现在不能试探", "The partner asked to be left alone: it cannot be tried yet"
    ),
    "token_ended": Words("该令牌已过期", "This token has ended already"),
    "step_holds_stock": Words(
        "该调用占着库存：请取消订单，或重试", "The call holds stock: cancel its order, or retry it"
    ),
    "step_in_doubt": Words(
        "该调用可能已被执行，须明确确认后才能跳过", "It may have been executed: skip it only by saying so"
    ),
    "not_repeatable": Words("该流程已完成的调用不能再次发出", "Completed calls of this flow cannot be made once more"),
    "called_again": Words("本任务已再次调用", "This job has made that call already"),
    "again": Words("再次调用不适用", "Calling once more does not fit"),
    "edit": Words("修改后的报文不能使用", "The edited message cannot be used"),
    "message_binary": Words("该报文不是文本，不能修改", "The message is no text: it cannot be edited"),
    "message_known": Words("已有内容相同的报文", "A message of these contents is there already"),
    "moment": Words("日期或时间不正确", "This date or time cannot be meant"),
    "replay_filter": Words("筛选条件不正确", "This filter cannot be meant"),
    "replay_act": Words("该动作不适用", "This act does not fit"),
    "replay_rate": Words("速率超出范围", "The rate is out of its range"),
    "replay_nothing": Words("没有可处理的内容", "There is nothing to act on"),
    "replay_too_many": Words("匹配过多，请缩小范围", "Too many match: narrow the filter"),
    "replay_state": Words("任务当前状态不允许此操作", "The job's state does not allow this"),
    "no_stock": Words("可用库存不足：已占用的件数不能减掉", "Not enough is free: promised pieces stay"),
    "pieces": Words("件数不正确", "These pieces cannot be meant"),
    "sale_name": Words("请填写活动名称", "Give the sale a name"),
    "hot_bundle": Words("组合装没有库存，请对其组成商品设置", "A bundle has no stock: put its parts on sale"),
    "hot_virtual": Words("虚拟商品没有库存，请为店铺设置配额", "Virtual goods have no stock: give shops a quota"),
    "not_hot": Words("该商品不在秒杀中", "The SKU is in no flash sale"),
    "threshold": Words("阈值不正确", "This threshold cannot be meant"),
    "movement_booked": Words("该单据已记账", "This document was booked before"),
    "unknown_level": Words("没有此库存，或不在您的权限范围内", "There is no such stock, or it is not yours to see"),
    "unknown_location": Words("地点不存在，或不在您的权限范围内", "There is no such location, or it is not yours"),
    "unknown_brand": Words("品牌不存在，或不在您的权限范围内", "There is no such brand, or it is not yours"),
    "unknown_shop": Words("该品牌没有此店铺", "The brand has no such shop"),
    "unknown_owner": Words("没有此货主", "There is no such owner of goods"),
    "unknown_rule": Words("没有此规则，或不在您的权限范围内", "There is no such rule, or it is not yours to see"),
    "merge_policy": Words("合单策略不正确", "This policy cannot be meant"),
    "merge_policy_version": Words("合单策略已被他人修改，请刷新后重试", "Somebody has set it meanwhile: load it again"),
    "rule_version": Words("他人已写了新版本，请对照后再保存", "Somebody has written a version meanwhile: compare"),
    "rule_state": Words("该版本的状态已变化，请刷新", "This version has changed its state: load the page again"),
    "unknown_decision": Words("没有这次分仓决策", "There is no such decision"),
    "unknown_policy": Words(
        "没有此策略版本，或不在您的权限范围内", "There is no such policy, or it is not yours to see"
    ),
    "unknown_rates": Words("没有此运费价卡，请先导入", "There is no such rate card: load it first"),
    "malformed_policy": Words("策略文本不正确", "The policy cannot be meant as it is written"),
    "policy_too_large": Words("策略内容过多", "The policy says more than it may"),
    "malformed_strategy": Words("赠品策略文本不正确", "The strategy cannot be meant as it is written"),
    "unknown_strategy": Words("没有该赠品策略，或不在您的权限范围内", "There is no such strategy, or it is not yours"),
    "strategy_state": Words("策略状态已变化，请刷新", "The strategy has moved on: load the page again"),
    "split_law": Words(
        "温层、危险品、保税是法定拆分规则，不可省略，也不可设为可放宽",
        "Temperature, danger and customs are the law: these rules are neither left out nor made wishes",
    ),
    "split_gifts": Words(
        "温层、危险品、保税必须排在 with_main 之前，否则看不到赠品",
        "Temperature, danger and bond must stand before with_main, else gifts are not looked at",
    ),
    "split_twice": Words("同一拆分规则写了两次", "A rule of splitting is named twice"),
    "split_unused": Words("所写限制没有规则使用", "No rule asks for what is set"),
    "split_limit": Words("按件数拆分须写明每包裹件数", "Say how many pieces a parcel may hold"),
    "policy_version": Words("该版本已使用过，请换一个版本号", "This version was in force: give it another one"),
    "policy_state": Words("该版本的状态已变化，请刷新", "This version has changed its state: load the page again"),
    "policy_revision": Words("草稿已被改写，请重新查看", "The draft was written anew: look at it again"),
    "untried": Words("请先用历史订单试算", "Try it on past orders first"),
    "days": Words("天数超出范围", "So many days cannot be looked at"),
    "rule": Words("规则填写不正确", "The rule cannot be meant as it is written"),
    "expression": Words("表达式不能使用", "The expression cannot be used"),
    "rule_name": Words("该名称是中台自带的规则，请换一个", "A rule of the hub itself has this name: choose another"),
    "shop_without_brand": Words("限定店铺时须同时选择品牌", "Name the shop's brand as well"),
    "hold_released": Words("该挂起已解除", "This hold was released already"),
    "unknown_hold": Words("没有此挂起，或不在您的权限范围内", "There is no such hold, or it is not yours to see"),
    "unknown_alert": Words("预警不存在，或不在您的权限范围内", "There is no such alert, or it is not yours to see"),
    "alert_state": Words("该预警已有人处理或已恢复", "Somebody sees to this alert already, or it is over"),
    "quota_amount": Words("配额数量不正确", "This amount of a quota cannot be meant"),
    "unknown_quota": Words("没有此配额，请刷新", "There is no such quota any more: load the page again"),
    "unknown_presale": Words("没有此预售上限，请刷新", "There is no such pre-sale limit any more: load the page again"),
    "backorders_promised": Words("已超出在库承诺，上限不能更低", "More is promised already: the limit cannot be less"),
    "nothing_set": Words("没有要设置的内容", "Nothing is to be set"),
    "hot_limits": Words("秒杀的上限不正确", "This limit of a flash sale cannot be meant"),
    "quota_busy": Words("正在下单，请稍后再试", "Orders are being placed: try again"),
    "database_away": Words("数据库暂时没有响应，数据没有丢失", "The database does not answer; nothing is lost"),
    "our_fault": Words("系统内部错误，请把请求号告知平台工程师", "The hub has failed: tell an engineer the request id"),
}
GENERAL: Final = Words("操作未能完成", "This could not be done")

_log = structlog.get_logger()


def install(app: FastAPI) -> None:
    """Answer every error of the app in this one shape."""
    app.add_exception_handler(SignInNeededError, _sign_in)
    app.add_exception_handler(HubError, _hub_error)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(OperationalError, _database_away)
    app.add_exception_handler(PoolTimeout, _database_away)
    app.add_exception_handler(DataError, _unfit)
    app.add_exception_handler(500, _our_fault)


def status_of(error: HubError) -> int:
    return next((status for kind, status in STATUSES.items() if isinstance(error, kind)), UNAVAILABLE)


def problem(request: Request, status: int, code: str, detail: str = "") -> Response:
    """Lay an error out: as a note for htmx, inside the frame for who is signed in, else on a page of its own."""
    visit, language = _visit(request), _language(request)
    values: dict[str, Any] = {
        "http": status,
        "code": code,
        "plain": CAUSES.get(code, GENERAL).say(language),
        "detail": detail,
        "request_id": request.state.request_id,
        "retry": request.url.path if request.method == "GET" else "",
    }
    if by_htmx(request):
        text = environment(language).get_template("problem_note.html").render(values)
        return HTMLResponse(text, status, {"HX-Retarget": "#notes", "HX-Reswap": "beforeend"})
    if visit is None:
        text = environment(language).get_template("problem_alone.html").render(language=language, **values)
        return HTMLResponse(text, status)
    return fragment(visit, "problem.html", status=status, notice="", **values)


def _visit(request: Request) -> Visit | None:
    return getattr(request.state, "visit", None)


def _language(request: Request) -> str:
    visit = _visit(request)
    return visit.language if visit else language_of(request)


def _sign_in(request: Request, error: Exception) -> Response:
    if not isinstance(error, SignInNeededError):
        raise error
    where = f"{SIGN_IN}?{urlencode({'next': error.wanted})}"
    if by_htmx(request) or POLL in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": where})
    return RedirectResponse(where, 303)


def _hub_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HubError):
        raise error
    return problem(request, status_of(error), error.code, error.say(_language(request)))


def _unreadable(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    told = placed(*said_of(error.errors()[0], at=1))
    return problem(request, 422, "malformed", told.say(_language(request)))


def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "malformed")
    return problem(request, error.status_code, code)


def _database_away(request: Request, error: Exception) -> Response:
    _log.warning("console.database_away", error=type(error).__name__)
    return problem(request, UNAVAILABLE, "database_away")


def _unfit(request: Request, error: Exception) -> Response:
    """Answer for what passed as a value and is none to the database: a zero byte, a number beyond measure."""
    _log.warning("console.unfit_value", error=type(error).__name__)
    return problem(request, 422, "malformed")


def _our_fault(request: Request, _error: Exception) -> Response:
    """Answer a failure of ours; this answer passes no middleware, so it takes its headers along."""
    answer = problem(request, 500, "our_fault")
    answer.headers.update({**HEADERS, "Cache-Control": "no-store", "X-Request-Id": request.state.request_id})
    return answer
