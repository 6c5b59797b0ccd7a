"""Causes of partners that do not answer, or not as they should."""

from collections.abc import Mapping
from typing import Final

from hub.causes.cause import Cause, Remedy
from hub.language import Words

PARTNERS: Final[Mapping[str, Cause]] = {
    "step_dead": Cause(
        Words("对外调用失败，已停止重试", "An outbound call failed for good"),
        Words(
            "处理原因后执行 ./oms step retry {step} --reason …",
            "mend the cause, then run ./oms step retry {step} --reason …",
        ),
        Remedy.RETRY,
        Words("查看伙伴的应答，处理原因后重试", "Look at the partner's answer, mend the cause, then try again"),
    ),
    "poll_failed": Cause(
        Words("无法从渠道取得订单", "a channel cannot be asked for its orders"),
        Words(
            "查看 ./oms connection ls 中的错误并更正；下次成功后自动结案",
            "see the error in ./oms connection ls and mend it; the next success closes this",
        ),
        Remedy.BY_HAND,
        Words("查看该连接页面上的错误并更正；下次成功后自动结案", "see the error on the connection's page and mend it"),
    ),
    "connection_paused": Cause(
        Words("连接已暂停：凭据或地址不被接受", "A connection is paused: its credentials or address are refused"),
        Words(
            "更正凭据后执行 ./oms connection resume {subject} --reason …",
            "put the credentials right, then run ./oms connection resume {subject} --reason …",
        ),
        Remedy.RESUME,
        Words("更正凭据或地址后恢复连接", "Put credentials or address right, then let the connection go on"),
    ),
    "backlog": Cause(
        Words("对伙伴的调用积压", "Calls to a partner wait too long"),
        Words(
            "查看 ./oms connection ls：伙伴是否应答、是否暂停、限流是否过低；赶上后自动结案",
            "see ./oms connection ls: does it answer, is it paused, is its rate too low? it closes once they catch up",
        ),
        Remedy.BY_HAND,
        Words(
            "在连接页面查看伙伴是否应答、是否暂停、限流是否过低；赶上后自动结案",
            "See on the connection's page whether it answers, is paused, or its rate is too low; it closes by itself",
        ),
    ),
}
