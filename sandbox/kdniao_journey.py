"""Decides a parcel's way: its stops, how long each takes, and which of its pushes come twice or out of order."""

import hashlib
from dataclasses import dataclass
from typing import Final

from sandbox.kdniao_accounts import Behaviour


@dataclass(frozen=True, slots=True)
class Stop:
    """One line of a parcel's log; `name` is what the books call it."""

    name: str
    state: str
    state_ex: str
    station: str
    place: str


@dataclass(frozen=True, slots=True)
class Leg:
    """A stop with the seconds before it, and whether its push is repeated or followed by the list before it."""

    stop: Stop
    wait_s: float
    repeated: bool
    older_after: bool


COLLECTED: Final = Stop("collected", "1", "1", "【深圳市】已揽收", "深圳市")
MOVING: Final = Stop("in_transit", "2", "204", "【广州市】快件到达转运中心", "广州市")
ARRIVED: Final = Stop("arrived", "2", "201", "【上海市】快件到达派件城市", "上海市")
OUT: Final = Stop("out_for_delivery", "2", "202", "快件正在派送，派件员电话10000000000", "上海市")
FAILED: Final = Stop("trouble", "4", "405", "派件不成功，电话无人接听", "上海市")
OUT_AGAIN: Final = Stop("out_for_delivery", "4", "202", "快件再次派送，派件员电话10000000000", "上海市")
LOCKER: Final = Stop("in_locker", "2", "211", "已放入快递柜，请凭取件码取件", "上海市")
DELIVERED: Final = Stop("delivered", "3", "301", "已签收，签收人：本人", "上海市")
DELIVERED_LATE: Final = Stop("delivered", "3", "302", "已签收，签收人：本人", "上海市")
FETCHED: Final = Stop("delivered", "3", "311", "已从快递柜取出", "上海市")


def plan(parcel: str, behaviour: Behaviour) -> tuple[Leg, ...]:
    """A parcel's way: a pure function of the seed and the parcel, so a re-run gives the same; it ends delivered."""
    shortest, longest = behaviour.delay_s
    return tuple(
        Leg(
            stop,
            shortest + _draw(behaviour.seed, parcel, f"wait {no}") * (longest - shortest),
            _draw(behaviour.seed, parcel, f"repeat {no}") < behaviour.repeat,
            no > 0 and _draw(behaviour.seed, parcel, f"older {no}") < behaviour.out_of_order,
        )
        for no, stop in enumerate(_stops(parcel, behaviour))
    )


def _stops(parcel: str, behaviour: Behaviour) -> tuple[Stop, ...]:
    if _draw(behaviour.seed, parcel, "trouble") < behaviour.trouble:
        return (COLLECTED, MOVING, ARRIVED, OUT, FAILED, OUT_AGAIN, DELIVERED_LATE)
    if _draw(behaviour.seed, parcel, "locker") < behaviour.locker:
        return (COLLECTED, MOVING, ARRIVED, OUT, LOCKER, FETCHED)
    if _draw(behaviour.seed, parcel, "same city") < 0.5:  # noqa: PLR2004 - half of them
        return (COLLECTED, MOVING, OUT, DELIVERED)
    return (COLLECTED, MOVING, ARRIVED, OUT, DELIVERED)


def _draw(seed: int, parcel: str, what: str) -> float:
    """A number in [0, 1) from a hash."""
    digest = hashlib.blake2b(f"{seed}|{parcel}|{what}".encode(), digest_size=6).digest()
    return int.from_bytes(digest) / 2**48
