"""Errors sorted by what to do next; everything outside this tree is a bug and loud.

HubError
├── Rejected            never retry: the request itself is wrong
│   ├── Malformed       it cannot be read (a field, a signature, a shape)
│   ├── Unauthorised    who asks is not known, or not allowed
│   ├── NotFound        it names something that is not there
│   ├── Conflict        it contradicts what is already recorded
│   └── NoStock         there is not enough to promise
├── TryLater            definitely not executed; the same call may succeed later
├── OutcomeUnknown      it may have been executed: ask before sending again
└── NeedsOperator       stop and call a person
    └── Misconfigured   the whole connection is wrong (credentials, address): pause it, try nothing more
"""


class HubError(Exception):
    """An error somebody can act on: `code` is stable, `message` is for people and carries no personal data.

    Where the figures in the message matter more than its code, it is said in Chinese (`zh`) as well.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, field: str = "", zh: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self._zh = zh
        if code is not None:
            self.code = code

    def say(self, language: str) -> str:
        """Give the message in a language; in English where it has no other."""
        return self._zh if language == "zh" and self._zh else self.message


class Rejected(HubError):
    """Never retry: the request itself is wrong."""

    code = "rejected"


class Malformed(Rejected):
    """It cannot be read; `field` is the path of what is wrong, as the sender wrote it."""

    code = "malformed"


class Unauthorised(Rejected):
    """Who asks is not known, or not allowed."""

    code = "unauthorised"


class NotFound(Rejected):
    """It names something that is not there."""

    code = "not_found"


class Conflict(Rejected):
    """It contradicts what is already recorded."""

    code = "conflict"


class NoStock(Rejected):
    """There is not enough to promise."""

    code = "no_stock"


class TryLater(HubError):
    """Definitely not executed; `after_s` is the partner's own wish in seconds, if it gave one."""

    code = "try_later"

    def __init__(self, message: str, *, code: str | None = None, after_s: float | None = None, zh: str = "") -> None:
        super().__init__(message, code=code, zh=zh)
        self.after_s = after_s


class OutcomeUnknown(HubError):
    """It may have been executed: ask the partner before sending again."""

    code = "outcome_unknown"


class NeedsOperator(HubError):
    """Stop and call a person: no retry will mend this."""

    code = "needs_operator"


class Misconfigured(NeedsOperator):
    """Credentials or address of a connection are wrong: certainly not executed, and more tries may lock us out."""

    code = "misconfigured"
