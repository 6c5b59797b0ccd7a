"""What must hold in a simulation, by name, in both languages, and what was found to break it."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from hub.language import Words

LAWS: Final = {
    "nothing is lost": Words("步骤不丢失", "no step is lost"),
    "all ends": Words("故障停止后，每个步骤都有结局", "when faults stop, every step comes to an end"),
    "ends stay": Words("已完成或取消的步骤不再变化", "what is done or cancelled stays so"),
    "tokens rise": Words("令牌只增不减", "tokens only rise"),
    "doubt stays": Words("疑问不会被忘记", "doubt is never forgotten"),
    "heads only": Words("前一步未结束时，后一步不执行", "no step runs behind an open earlier one"),
    "owners call": Words("只有持有租约者才调用", "only who owns a step calls its partner"),
    "one at a time": Words("同一泳道同时只有一个调用", "never two calls in flight in one lane"),
    "leases last": Words("租约未到期不得被他人领取", "a step is not claimed while its lease lasts"),
    "due only": Words("未到时间的步骤不被领取", "only what is due is claimed"),
    "paused rests": Words("暂停的连接不被领取", "a paused connection is left alone"),
    "wishes hold": Words("遵守伙伴要求的等待", "a partner's wish to wait is kept"),
    "bulkhead": Words("同时调用数不超过 at_once", "no more calls at once than at_once"),
    "rate": Words("任意时间窗内不超过 burst + rate·t", "in any window no more claims than burst + rate·t"),
    "breaker opens": Words("连续失败达到次数即断开", "enough failures in a row open the breaker"),
    "one probe": Words("断开期间只放行一个探测", "an open breaker lets one probe through"),
    "gates close": Words("结束时断路器全部闭合", "all breakers end closed"),
    "losers book nothing": Words("失去租约者不得记账", "who has lost a step books nothing"),
    "told truly": Words("引擎返回的与所写一致", "the engine gives what it has written"),
    "once": Words("同一键最多执行一次", "a key is executed once at most"),
    "same request": Words("同一键的请求不变", "a key always carries the same request"),
    "in order": Words("泳道内首次执行按步骤顺序", "a lane is executed in the order of its steps"),
    "done is executed": Words("已完成的必定已执行", "what is done was executed"),
    "refused is not executed": Words(
        "无疑问而作废或取消的从未执行", "what is dead without doubt, or cancelled, was never executed"
    ),
    "attempts are kept": Words("每次已记账的尝试都留存", "every attempt that was booked is kept"),
    "booked once": Words("后续步骤与完成同一事务", "what follows from a step is there once, and only when it is done"),
    "no bugs": Words("引擎没有意外错误", "nothing fails in the engine that was not made to"),
}
"""Each says what must be so."""


class Violation(NamedTuple):
    """A law that was broken, when, and by what."""

    at_s: float
    law: str
    what: str


class Event(NamedTuple):
    """One line of the trace."""

    at_s: float
    who: str
    what: str


@dataclass
class Record:
    """The trace of a seed, and what was broken in it."""

    events: list[Event] = field(default_factory=list[Event])
    violations: list[Violation] = field(default_factory=list[Violation])

    def tell(self, at_s: float, who: str, what: str, **more: object) -> None:
        told = " ".join(f"{name}={value}" for name, value in more.items())
        self.events.append(Event(at_s, who, f"{what} {told}".strip()))

    def hold(self, at_s: float, law: str, what: str, *, so: bool) -> None:
        """Note a law that does not hold."""
        if not so:
            self.violations.append(Violation(at_s, law, what))
            self.tell(at_s, "checker", f"{LAWS[law].en}: {what}")
