"""Replays for programs of operations: count first, then let a job repair many calls or messages, and turn it."""

import hashlib
import json
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import Field

from api.auth import Operator
from api.examples import body_of
from api.runs import connections_of
from api.surroundings import Body, TheHub, read_wish
from hub.clients import begin_key, finish_key
from hub.document import Document
from hub.order.model import Phrase
from hub.replay_filter import Wanted
from hub.replay_outlook import Outlook
from hub.replay_view import ItemPage, JobPage, JobView, get_job, list_items, list_jobs
from hub.replays import dry_run, pause_job, resume_job, set_rate, start_job, stop_job

router = APIRouter(prefix="/v1/replays", tags=["replays · 批量修复"])

CREATED: Final = 201
OK: Final = 200

_WORD: Final = {"type": "string", "maxLength": 64}
_TIME: Final = {"type": "string", "format": "date-time"}
_REASON: Final = {"type": "string", "maxLength": 200, "description": "写入审计日志 · goes to the audit log"}
_FILTER: Final = {
    "type": "object",
    "description": "为空的条件不限；默认只含已停止的调用或搁置、拒绝的报文 · what is empty does not matter; without a "
    "state the dead calls, or the messages that are parked or refused",
    "properties": {
        **dict.fromkeys(("flow", "connection", "kind", "state", "error"), _WORD),
        "orders": {"type": "array", "items": _WORD, "description": "订单号 · the hub's numbers or the shops'"},
        "ids": {"type": "array", "items": {"type": "integer"}},
        "since": _TIME,
        "until": _TIME,
    },
}
REPLAY: Final = body_of(
    {
        "type": "object",
        "properties": {
            "what": {"enum": ["step", "message"], "default": "step"},
            "act": {"enum": ["retry", "skip", "cancel", "replay", "discard"], "default": "retry"},
            "filter": _FILTER,
            "again": {
                "type": "boolean",
                "default": False,
                "description": "已完成的也再调用一次（仅限无害的流程）· also call what has completed once more, "
                "where that is harmless",
            },
            "although_it_may_have_been_executed": {
                "type": "boolean",
                "default": False,
                "description": "跳过可能已执行的调用 · also skip calls that may have been executed",
            },
            "dry_run": {"type": "boolean", "default": True, "description": "只统计 · count only"},
            "reason": _REASON,
            "rate_per_s": {"type": "number", "default": 1, "description": "每秒件数 · things a second, 0.01 to 200"},
            "confirm": {
                "type": "integer",
                "description": "件数；超过 500 时必填 · the number of things; needed above 500",
            },
        },
    },
    {"filter": {"connection": "sap", "error": "http_500"}, "dry_run": False, "reason": "SAP is back", "rate_per_s": 5},
)
WHY: Final = body_of(
    {"type": "object", "required": ["reason"], "properties": {"reason": _REASON}}, {"reason": "SAP is busy"}
)
RATE: Final = body_of(
    {"type": "object", "required": ["rate_per_s"], "properties": {"rate_per_s": {"type": "number"}}}, {"rate_per_s": 2}
)

Id = Annotated[int, Path(ge=1, lt=2**63)]
Cursor = Annotated[int, Query(ge=0, lt=2**63)]
Limit = Annotated[int, Query(ge=1, le=100)]
Key = Annotated[str, Header(alias="Idempotency-Key", max_length=200)]


class ReplayWish(Wanted):
    """What is wanted, and how; nothing is changed unless `dry_run` is false."""

    dry_run: bool = True
    reason: Phrase = ""
    rate_per_s: float = 1
    confirm: Annotated[int, Field(ge=0, lt=2**63)] | None = None

    @property
    def wanted(self) -> Wanted:
        return Wanted(**{name: getattr(self, name) for name in Wanted.model_fields})


class Why(Document):
    reason: Phrase


class Rate(Document):
    rate_per_s: float


@router.post(
    "",
    response_model=None,
    responses={
        OK: {"model": Outlook, "description": "统计结果 · what it would meet"},
        CREATED: {"model": JobView, "description": "任务 · the job"},
    },
    openapi_extra=REPLAY,
    summary="批量修复 · Repair many",
)
def create(hub: TheHub, caller: Operator, body: Body, key: Key = "") -> Response:
    """Count what a filter matches (200), or fix it and let a job work it off at a rate (201).

    Supervisors only. Above 500 things `confirm` must repeat the number; a number that has changed since is refused.
    A repeated `Idempotency-Key` starts no second job.
    """
    wish = read_wish(ReplayWish, body)
    mine = connections_of(hub, caller)
    with hub.database.transaction() as session:
        if wish.dry_run:
            return _answer(OK, dry_run(session, caller, wish.wanted, hub.now(), mine))
        digest = hashlib.sha256(b"replay" + body).digest()
        known = begin_key(session, caller.name, key, digest, hub.now()) if key else None
        if known:
            return Response(known[1], known[0], {"Idempotent-Replayed": "true"}, "application/json")
        job_id = start_job(
            session,
            caller,
            wish.wanted,
            hub.now(),
            reason=wish.reason,
            rate_per_s=wish.rate_per_s,
            confirm=wish.confirm,
            connections=mine,
        )
        answer = _answer(CREATED, get_job(session, caller, job_id))
        if key:
            finish_key(session, caller.name, key, CREATED, bytes(answer.body))
        return answer


@router.get("", summary="修复任务列表 · List jobs")
def list_page(hub: TheHub, caller: Operator, cursor: Cursor = 0, limit: Limit = 20) -> JobPage:
    """List jobs, the newest first; `next` of one page is the `cursor` of the following one."""
    with hub.database.transaction() as session:
        return list_jobs(session, caller, before=cursor or None, limit=limit)


@router.get("/{job_id}", summary="查看修复任务 · Get a job")
def get_one(hub: TheHub, caller: Operator, job_id: Id) -> JobView:
    """Give a job and how far it is."""
    with hub.database.transaction() as session:
        return get_job(session, caller, job_id)


@router.get("/{job_id}/items", summary="修复任务的明细 · List what a job acts on")
def list_things(hub: TheHub, caller: Operator, job_id: Id, cursor: Cursor = 0, limit: Limit = 100) -> ItemPage:
    """List the things of a job in their order, with what became of each and the state it is in now."""
    with hub.database.transaction() as session:
        return list_items(session, caller, job_id, after=cursor, limit=limit)


@router.post("/{job_id}/pause", openapi_extra=WHY, summary="暂停 · Pause a job")
def pause(hub: TheHub, caller: Operator, job_id: Id, body: Body) -> JobView:
    """Let a running job rest."""
    with hub.database.transaction() as session:
        pause_job(session, caller, job_id, read_wish(Why, body).reason, hub.now())
        return get_job(session, caller, job_id)


@router.post("/{job_id}/resume", openapi_extra=WHY, summary="继续 · Resume a job")
def resume(hub: TheHub, caller: Operator, job_id: Id, body: Body) -> JobView:
    """Let a paused job go on."""
    with hub.database.transaction() as session:
        resume_job(session, caller, job_id, read_wish(Why, body).reason, hub.now())
        return get_job(session, caller, job_id)


@router.post("/{job_id}/stop", openapi_extra=WHY, summary="终止 · Stop a job")
def stop(hub: TheHub, caller: Operator, job_id: Id, body: Body) -> JobView:
    """End a job; what it has not come to stays as it is."""
    with hub.database.transaction() as session:
        stop_job(session, caller, job_id, read_wish(Why, body).reason, hub.now())
        return get_job(session, caller, job_id)


@router.post("/{job_id}/rate", openapi_extra=RATE, summary="调整速率 · Change a job's rate")
def rate(hub: TheHub, caller: Operator, job_id: Id, body: Body) -> JobView:
    """Let a job go on faster or slower from now."""
    with hub.database.transaction() as session:
        set_rate(session, caller, job_id, read_wish(Rate, body).rate_per_s, hub.now())
        return get_job(session, caller, job_id)


def _answer(status: int, document: Document) -> Response:
    return Response(json.dumps(document.model_dump(mode="json"), ensure_ascii=False), status, None, "application/json")
