"""The rules of splitting in words, Chinese and English."""

from collections.abc import Mapping, Sequence
from typing import Final

from hub.language import Words

RULES: Final[Mapping[str, Words]] = {
    "storage": Words("温层不同", "another temperature"),
    "hazard": Words("危险品类别不同", "another class of danger"),
    "supplier": Words("发货方不同", "another sender"),
    "bond": Words("保税与非保税分开", "goods under bond apart"),
    "size": Words("超大件单独发", "oversize goods apart"),
    "arrival": Words("到货日期不同", "another day of arrival"),
    "bonded_value": Words("保税品超过限额", "worth of goods under bond"),
    "parcel": Words("超过单包裹重量或体积", "weight or volume of a parcel"),
    "weight": Words("超过单包裹重量", "weight of a parcel"),
    "volume": Words("超过单包裹体积", "volume of a parcel"),
    "pieces": Words("超过单包裹件数", "pieces of a parcel"),
    "floor": Words("金额过低，已并入", "worth too little, joined"),
}
UNCUT: Final = Words("未拆分", "nothing was cut off")
UNKNOWN: Final = Words("无法得知（当时的规则已不在）", "nobody can say: those rules are not here any more")


def cut_by(names: Sequence[str] | None, language: str) -> str:
    """Say by which rules a part was cut off; None where nobody can say."""
    if names is None:
        return UNKNOWN.say(language)
    told = [RULES[name].say(language) for name in names]
    return ("、" if language == "zh" else ", ").join(told) or UNCUT.say(language)
