"""What programs say when they put a version in force, or take one out of it."""

from hub.document import Document
from hub.order.model import Phrase


class Publication(Document):
    """Why a version is put in force that was not tried, if it was not."""

    untried: Phrase = ""


class Retirement(Document):
    """Why a version is taken out of force."""

    reason: Phrase
