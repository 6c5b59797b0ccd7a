"""What a case says, in a person's language as far as its words are ours."""

from hub.causes import count_reasons, order_reasons


def line_of(cause: str, message: str, language: str) -> str:
    """Give what a case says in a person's language; what a partner said stays as it is."""
    if language != "zh":
        return message
    if cause in count_reasons.CAUSES:
        return count_reasons.in_chinese(message)
    return order_reasons.in_chinese(message) if cause in order_reasons.CAUSES else message
