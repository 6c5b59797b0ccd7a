"""What is told of stock, as values: numbers to channels, what channels took of them, and alerts."""

from pydantic import NonNegativeInt

from hub.document import Document, Moment, Text


class Telling(Document):
    """How many pieces a channel may offer under one of its own codes; `version` rises with each number of the SKU."""

    sku: Text
    channel_sku: Text
    pieces: NonNegativeInt
    version: NonNegativeInt


class Refusal(Document):
    """A SKU whose number a channel did not take, and the code of its reason."""

    sku: Text
    code: Text


class Told(Document):
    """What a channel took and what it refused; what is in neither is told again.

    `together` says that it refused them all by one word, which need not be about each.
    """

    told: tuple[Telling, ...] = ()
    refused: tuple[Refusal, ...] = ()
    together: bool = False


class Alarm(Document):
    """A stock alert as it is told: a location "" is all of them together, `cover_days` is "" where nothing sells."""

    key: Text
    kind: Text
    state: Text
    brand: Text
    sku: Text
    location: str
    pieces: NonNegativeInt
    threshold: NonNegativeInt
    cover_days: str
    changed_at: Moment
