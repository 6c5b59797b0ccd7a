"""The places that ship, read once per batch."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from hub.address.division import Point
from hub.database import rows
from hub.inventory.table import Authority
from hub.sourcing.model import LocationKind, Place


def find_places(session: Session) -> Mapping[str, Place]:
    """Give every location by its code, those that are closed included, so that a decision can say why not."""
    statement = """select brand, code, connection, owner, courier, latitude, longitude, storages, handling, active,
                          kind, bonded
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
            row.kind,
            row.bonded,
        )
        for row in rows(session, statement)
    }


def authorities_of(session: Session, brand: str) -> Mapping[str, Authority]:
    """Say whose number counts at each location of a brand, unless a counter says otherwise."""
    found = rows(session, "select code, authority from location where brand = :brand", brand=brand)
    return {row.code: Authority(row.authority) for row in found}


def kinds_of(session: Session, brand: str) -> Mapping[str, LocationKind]:
    """Say of what kind each location of a brand is."""
    found = rows(session, "select code, kind from location where brand = :brand", brand=brand)
    return {row.code: LocationKind(row.kind) for row in found}
