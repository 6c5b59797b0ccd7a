"""Quotas that nobody came to the end of setting: whoever set them was killed, and their rows only count since."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from hub.database import run

AGE: Final = timedelta(minutes=10)
"""After so long nobody is setting one any more; who still is tries again, as if it had been taken away."""


def forget_unset(session: Session, at: datetime) -> int:
    """Take away the rows of quotas that were begun long ago and never set; give how many. One in use waits its turn."""
    return run(
        session,
        """delete from channel_quota quota using (
               select sku, shop, location from channel_quota where version = 0 and created_at < :before
               for update skip locked) unset
           where (quota.sku, quota.shop, quota.location) = (unset.sku, unset.shop, unset.location)
             and quota.version = 0""",
        before=at - AGE,
    )
