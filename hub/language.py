"""Chinese and English side by side: every text a person reads exists in both."""

import os
from typing import NamedTuple


class Words(NamedTuple):
    """One text in both languages."""

    zh: str
    en: str

    def say(self, language: str, **values: object) -> str:
        """Give the text in a language ("zh" or anything else for English), with its values put in."""
        text = self.zh if language == "zh" else self.en
        return text.format(**values) if values else text


def language() -> str:
    """Name the language of this process's person: OMS_LANGUAGE, else LANG, else Chinese."""
    wish = os.environ.get("OMS_LANGUAGE") or os.environ.get("LC_ALL") or os.environ.get("LANG") or "zh"
    return "en" if wish.startswith(("en", "C", "POSIX")) else "zh"


def preferred(accept_language: str) -> str:
    """Choose zh or en from an Accept-Language header; Chinese unless English is asked for first (RFC 9110 §12.5.4)."""
    wishes = [part.partition(";") for part in accept_language.split(",") if part.strip()]
    weighed = [(_weight(rest), name.strip().lower()) for name, _, rest in wishes]
    known = [(weight, name) for weight, name in weighed if name.startswith(("zh", "en")) and weight > 0]
    best = max(known, key=lambda wish: wish[0], default=(0.0, "zh"))
    return "en" if best[1].startswith("en") else "zh"


def _weight(rest: str) -> float:
    _, _, number = rest.replace(" ", "").partition("q=")
    try:
        return float(number) if number else 1.0
    except ValueError:
        return 0.0
