"""Cases (异常单): what needs a person, with the cause and how to go on, in both languages."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Identity, Index, text
from sqlalchemy.orm import Session

from hub.columns import Entity, document, moment, number, one_of, words
from hub.database import row, rows, run
from hub.language import Words


class CaseState(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a person is called, and what that person does."""

    what: Words
    how: Words


_ORDER_RELEASE: Final = Words(
    "核对后执行 ./oms order release {subject} --reason …", "check it, then run ./oms order release {subject} --reason …"
)
_REPLAY: Final = Words("修正后执行 ./oms inbox replay {inbox}", "mend it, then run ./oms inbox replay {inbox}")

CAUSES: Final[Mapping[str, Cause]] = {
    "malformed": Cause(Words("报文无法读取", "the message cannot be read"), _REPLAY),
    "unknown_sku": Cause(
        Words("渠道商品未对应到 SKU", "a channel product is bound to no SKU"),
        Words(
            "先 ./oms sku bind 绑定商品，再 ./oms inbox replay {inbox}",
            "bind it with ./oms sku bind, then run ./oms inbox replay {inbox}",
        ),
    ),
    "totals": Cause(Words("订单金额不平", "the order's totals do not add up"), _REPLAY),
    "order_conflict": Cause(Words("同一单号内容不同", "one order number with two contents"), _REPLAY),
    "rejected": Cause(Words("报文与已有记录矛盾", "the message contradicts what is recorded"), _REPLAY),
    "address": Cause(
        Words("收货地址无法识别", "the receiver's address cannot be placed"),
        Words(
            "联系买家确认后执行 ./oms order release {subject} --division 区划代码 --reason …",
            "ask the buyer, then run ./oms order release {subject} --division CODE --reason …",
        ),
    ),
    "review": Cause(Words("订单需要人工审核", "the order needs a person's review"), _ORDER_RELEASE),
    "stock": Cause(
        Words("库存不足，订单未能全部分配", "not enough stock: part of the order has no source"),
        Words(
            "补货后执行 ./oms order release {subject} --reason …",
            "when stock has come, run ./oms order release {subject} --reason …",
        ),
    ),
    "over_confirm": Cause(Words("仓库发货数量超过应发", "the warehouse confirms more than was asked"), _REPLAY),
    "batch_mismatch": Cause(Words("批次数量与明细数量不符", "the batch quantities contradict their line"), _REPLAY),
    "earlier_confirm_parked": Cause(
        Words(
            "前一条发货确认尚未处理，本条不能视为短发",
            "an earlier confirm waits, so this one cannot be told from a short one",
        ),
        Words(
            "先处理或作废前一条（./oms inbox discard），再 ./oms inbox replay {inbox}",
            "replay or set aside the earlier one (./oms inbox discard), then run ./oms inbox replay {inbox}",
        ),
    ),
    "unknown_document": Cause(Words("仓库单号不存在", "no such fulfilment order"), _REPLAY),
    "cancel_refused": Cause(
        Words("仓库拒绝取消，货物将继续发出", "the warehouse refuses to cancel: the goods will ship"),
        Words("联系仓库拦截，或到货后退货", "ask the warehouse to stop the parcel, or take the goods back"),
    ),
    "step_dead": Cause(
        Words("对外调用失败，已停止重试", "an outbound call failed for good"),
        Words(
            "处理原因后执行 ./oms step retry {step} --reason …",
            "mend the cause, then run ./oms step retry {step} --reason …",
        ),
    ),
    "connection_paused": Cause(
        Words("连接已暂停：凭据或地址不被接受", "a connection is paused: its credentials or address are refused"),
        Words(
            "更正凭据后执行 ./oms connection resume {subject} --reason …",
            "put the credentials right, then run ./oms connection resume {subject} --reason …",
        ),
    ),
    "our_fault": Cause(
        Words("系统处理报文时出错", "the hub failed on a message"),
        Words(
            "通知平台工程师；修复后执行 ./oms inbox replay {inbox}",
            "call a platform engineer; once mended run ./oms inbox replay {inbox}",
        ),
    ),
}


class CaseFile(Entity, table=True):
    """One thing that a person must decide; the same cause for the same subject is one open case, counted."""

    __table_args__ = (
        one_of("state", CaseState),
        one_of("cause", sorted(CAUSES)),
        Index("uq_case_file_open", "cause", "subject", unique=True, postgresql_where=text("state = 'open'")),
        Index("ix_case_file_order", "order_id", postgresql_where=text("order_id is not null")),
    )
    id: int | None = number(default=None, primary_key=True, sa_column_args=[Identity(always=True)])
    cause: str = words()
    subject: str = words()
    order_id: int | None = number(default=None)
    detail: dict[str, Any] = document()
    message: str = words(default="")
    state: str = words(default="open")
    times: int = number(default=1)
    assignee: str = words(default="")
    resolved_at: datetime | None = moment(default=None)
    resolved_by: str = words(default="")
    resolution: str = words(default="")


@dataclass(frozen=True, slots=True)
class NewCase:
    """A case to open: `message` names the trouble without personal data, `detail` fills the words of `how`."""

    cause: str
    subject: str
    brand: str
    message: str
    order_id: int | None = None
    detail: Mapping[str, object] | None = None


def open_cases(session: Session, cases: Sequence[NewCase], at: datetime) -> None:
    """Open cases, or count again those that are open already; sorted, so that two batches never wait in a circle."""
    for case in sorted(cases, key=lambda case: (case.cause, case.subject)):
        session.execute(
            text("""insert into case_file (brand, version, created_at, updated_at, cause, subject, order_id, detail,
                                           message, state, times, assignee, resolved_by, resolution)
                    values (:brand, 1, :at, :at, :cause, :subject, :order_id, cast(:detail as jsonb), :message, 'open',
                            1, '', '', '')
                    on conflict (cause, subject) where state = 'open'
                    do update set times = case_file.times + 1, updated_at = :at, message = excluded.message,
                                  version = case_file.version + 1"""),
            {
                "brand": case.brand,
                "at": at,
                "cause": case.cause,
                "subject": case.subject,
                "order_id": case.order_id,
                "detail": json.dumps(case.detail or {}),
                "message": case.message,
            },
        )


def resolve(session: Session, subject: str, at: datetime, actor: str, resolution: str, cause: str = "") -> int:
    """Close the open cases of a subject (of one cause, if named); give how many."""
    return run(
        session,
        """update case_file set state = 'resolved', resolved_at = :at, resolved_by = :actor, resolution = :resolution,
                                updated_at = :at, version = version + 1
           where subject = :subject and state = 'open' and (:cause = '' or cause = :cause)""",
        subject=subject,
        at=at,
        actor=actor,
        resolution=resolution,
        cause=cause,
    )


def resolve_steps(session: Session, order_id: int, at: datetime) -> None:
    """Close the cases of an order's dead steps that have been taken away since."""
    run(
        session,
        """update case_file set state = 'resolved', resolved_at = :at, resolved_by = 'system', updated_at = :at,
                                resolution = 'the call was withdrawn', version = version + 1
           where order_id = :order_id and cause = 'step_dead' and state = 'open'
             and not exists (
                 select 1 from step where 'step:' || step.id = case_file.subject and step.state = 'dead')""",
        order_id=order_id,
        at=at,
    )


def count_open(session: Session) -> int:
    found = row(session, "select count(*) as n from case_file where state = 'open'")
    return found.n if found else 0


def explain(cause: str, subject: str, detail: Mapping[str, object], language: str) -> tuple[str, str]:
    """Say what a case is about and how to go on, in a person's language."""
    known = CAUSES[cause]
    values = {"inbox": "", "step": "", "subject": subject.rpartition(":")[2], **detail}
    return known.what.say(language), known.how.say(language, **values)


def open_list(session: Session, limit: int = 100) -> Sequence[Any]:
    """The open cases, oldest first."""
    return rows(
        session,
        """select id, cause, subject, order_id, detail, message, times, created_at from case_file
           where state = 'open' order by created_at, id limit :limit""",
        limit=limit,
    )
