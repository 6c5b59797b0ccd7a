"""Tables of what the daily check has verified: how far it has read the ledger, and sums up to there by month."""

from datetime import datetime

from hub.columns import Table, moment, number, words


class StockVerified(Table, table=True):
    """What a counter's verified movements of a month (yymm, of their ids) add up to."""

    month: int = number(primary_key=True)
    location: str = words(primary_key=True)
    sku: str = words(primary_key=True)
    owner: str = words(primary_key=True)
    condition: str = words(primary_key=True)
    on_hand: int = number()
    allocated: int = number()
    soft: int = number()


class StockVerification(Table, table=True):
    """Up to which number of the sequence of ids movements are in those sums, and when that was written."""

    name: str = words(primary_key=True)
    number: int = number()
    at: datetime = moment()
