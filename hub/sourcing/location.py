"""The places that ship, read once per batch."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from hub.address.division import Point
from hub.database import rows
from hub.sourcing.model import Place


def find_places(session: Session) -> Mapping[str, Place]:
    """Give every location by its code, those that are closed included, so that a decision can say why not."""
    statement = """select brand, code, connection, owner, courier, latitude, longitude, storages, handling, active
                   from location order by code"""
    return {
        row.code: Place(
            row.brand,
            row.code,
            row.connection,
            row.owner,
            row.courier,
            Point(float(row.latitude), float(row.longitude)),
            tuple(row.storages),
            row.handling,
            row.active,
        )
        for row in rows(session, statement)
    }
