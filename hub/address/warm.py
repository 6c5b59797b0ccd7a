"""Read tables and outlines ahead of the first order."""

from hub.address.division import point_of
from hub.address.match import match

BEIJING = "110101"


def warm_up() -> None:
    """Match and place one address, so that everything it needs has been read by one thread before several need it."""
    match("北京市", "北京市", "东城区", "")
    point_of(BEIJING)
