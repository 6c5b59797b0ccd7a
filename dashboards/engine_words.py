"""Words of the engine's states: gates, schedules, polls, and the jobs that repair many."""

from collections.abc import Mapping
from typing import Final

from dashboards.tone import State, Tone, state

BREAKER: Final = {
    "closed": state("放行", "Closed", Tone.GOOD),
    "open": state("熔断", "Open", Tone.FAILED),
    "half_open": state("试探中", "Half-open", Tone.WAITING),
}
SCHEDULE: Final = {
    "done": state("正常", "On time", Tone.GOOD),
    "running": state("执行中", "Running", Tone.RUNNING),
    "failed": state("上次失败", "Last run failed", Tone.FAILED),
    "overdue": state("逾期未执行", "Overdue", Tone.FAILED),
    "paused": state("已暂停", "Paused", Tone.WAITING),
    "never": state("尚未执行", "Not yet run", Tone.PLAIN),
}
SLOT: Final = {
    "running": state("执行中", "Running", Tone.RUNNING),
    "done": state("成功", "Done", Tone.GOOD),
    "failed": state("失败", "Failed", Tone.FAILED),
}
ASKING: Final = {
    "good": state("正常", "On time", Tone.GOOD),
    "running": state("拉取中", "Asking now", Tone.RUNNING),
    "failing": state("失败中", "Failing", Tone.FAILED),
    "overdue": state("逾期", "Overdue", Tone.FAILED),
    "paused": state("已暂停", "Paused", Tone.WAITING),
    "held": state("随连接暂停", "Connection paused", Tone.WAITING),
    "on_demand": state("按需", "When asked", Tone.PLAIN),
    "never": state("尚未执行", "Not yet asked", Tone.PLAIN),
}
JOB: Final = {
    "running": state("执行中", "Running", Tone.RUNNING),
    "paused": state("已暂停", "Paused", Tone.WAITING),
    "stopped": state("已停止", "Stopped", Tone.ENDED),
    "done": state("已完成", "Done", Tone.GOOD),
}
ACT: Final = {
    "retry": state("重试", "Retry"),
    "skip": state("跳过", "Skip"),
    "cancel": state("取消", "Cancel"),
    "replay": state("重新处理", "Replay"),
    "discard": state("作废", "Set aside"),
}
THING: Final = {
    "step": state("调用", "Runs"),
    "message": state("报文", "Messages"),
}
ITEM: Final = {
    "waiting": state("未轮到", "Not yet", Tone.PLAIN),
    "done": state("已处理", "Acted on", Tone.GOOD),
    "left": state("未动", "Left alone", Tone.WAITING),
    "failed": state("失败", "Failed", Tone.FAILED),
}
LOT: Final = {
    "eligible": state("将处理", "Will be acted on", Tone.GOOD),
    "again": state("将再次调用", "Will be called again", Tone.GOOD),
    "wrong_state": state("状态不符", "In another state"),
    "done": state("此前已完成", "Done already"),
    "not_repeatable": state("不可重复调用", "Not repeatable", Tone.WAITING),
    "holds_stock": state("占用库存", "Holds stock", Tone.WAITING),
    "in_doubt": state("可能已执行", "May have been executed", Tone.WAITING),
    "duplicate": state("重复或已在其他任务中", "Twice, or in another job", Tone.WAITING),
}
LEFT: Final = {
    "gone": state("已过保留期或不可见", "Past its retention, or not to be seen"),
    "step_state": state("状态已变", "In another state by then"),
    "step_in_doubt": state("可能已被执行", "May have been executed"),
    "step_holds_stock": state("占用库存：请取消订单或重试", "Holds stock: cancel its order, or retry it"),
    "unknown_step": state("已不存在", "Not there any more"),
    "not_repeatable": state("不可重复调用", "Not repeatable"),
    "called_again": state("本任务已再次调用", "Called again by this job already"),
}
"""Why a job left a thing alone, where it is not the state that the thing was in."""

AXES: Final[Mapping[str, Mapping[str, State]]] = {
    "breaker": BREAKER,
    "schedule": SCHEDULE,
    "slot": SLOT,
    "asking": ASKING,
    "job": JOB,
    "act": ACT,
    "thing": THING,
    "item": ITEM,
    "lot": LOT,
    "left": LEFT,
}
