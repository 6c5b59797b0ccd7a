"""A refusal as a terminal tells it: what the API calls it, where its message is in no language but English."""

from api.titles import TITLES
from hub.errors import HubError


def refusal(error: HubError, language: str) -> str:
    """Say an error and its code in a line; a message that is not in the person's language stands behind its title."""
    message = error.say(language)
    if language == "zh" and message == error.message and error.code in TITLES:
        message = f"{TITLES[error.code].zh}：{message}"
    return f"{message} ({error.code})"
