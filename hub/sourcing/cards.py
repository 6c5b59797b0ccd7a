"""The brands' rate cards: each edition is loaded once, and stays as it was loaded."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.audit import record
from hub.database import row, rows, run
from hub.document import Document
from hub.errors import Conflict, Malformed, NotFound
from hub.roles import Actor, Permission
from hub.sourcing.policy import SourcingPolicy
from hub.sourcing.rates import ANY, EDITION, Card, check_once, keepable, read_rates

REMEMBERED: Final = 16
READ: Final[dict[str, Card]] = {}
"""Cards that were read before, by the digest of what they say; the latest first."""


class CardView(Document):
    """An edition of a brand's rate card, by whom and when it was loaded."""

    brand: str
    edition: str
    digest: str
    loaded_at: datetime
    loaded_by: str


def get_card(session: Session, brand: str, edition: str) -> Card:
    """Give an edition; one that was read before is remembered by what it says.

    Raises: NotFound.
    """
    known = dict(READ)
    found = row(
        session,
        """select digest, case when digest = any(:known) then '' else content end as content
           from rate_card where (brand, edition) = (:brand, :edition)""",
        known=list(known),
        brand=brand,
        edition=edition,
    )
    if found is None:
        raise NotFound(f"{brand} has no rate card {edition}", code="unknown_rates")
    if found.digest not in known:
        known = {found.digest: read_rates(found.content), **known}
        READ.clear()
        READ.update(dict(list(known.items())[:REMEMBERED]))
    return known[found.digest]


def load_card(session: Session, actor: Actor, brand: str, edition: str, content: str, at: datetime) -> Card:
    """Keep an edition; loading the same again changes nothing.

    Raises: Malformed; Unauthorised; Conflict for an edition that says something else.
    """
    actor.require(Permission.CONFIGURE)
    actor.require_scope(brand, "")
    for field, name in (("brand", brand), ("edition", edition)):
        if not keepable(EDITION, name):
            raise Malformed(f"the rate card's {field} is no name", code="malformed_rates", field=field)
    card, digest = read_rates(content), hashlib.sha256(content.encode()).hexdigest()
    check_once(card)  # asked of new cards alone: what was loaded once is read for ever
    kept = run(
        session,
        """insert into rate_card (brand, version, created_at, updated_at, edition, digest, content, loaded_by)
           values (:brand, 1, :at, :at, :edition, :digest, :content, :actor)
           on conflict (brand, edition) do nothing""",
        brand=brand,
        edition=edition,
        digest=digest,
        content=content,
        actor=actor.name,
        at=at,
    )
    if kept:
        record(session, at, actor.name, "rate_card.load", f"rate_card:{brand}", edition=edition, digest=digest)
    elif not any(one.digest == digest for one in list_cards(session, brand) if one.edition == edition):
        raise Conflict(f"{edition} is there and says something else: load it under a new name", code="rates_edition")
    return card


def check_names(policy: SourcingPolicy, card: Card) -> None:
    """Make sure that a policy names nothing of its rate card that is not there: a typing error costs or stops parcels.

    Raises: Malformed.
    """
    for field, name in _strange(policy, card):
        zh, en = f"运费价卡中没有策略的 {field} = {name}", f"the rate card has nothing of the policy's {field} = {name}"
        raise Malformed(en, code="malformed_policy", field=field, zh=zh)


def _strange(policy: SourcingPolicy, card: Card) -> Iterator[tuple[str, str]]:
    """Give key and value of each name that the card does not know; a zone that the policy says something of is none."""
    if not policy.freight:
        return
    couriers, wanted = {one.courier for one in card.rates}, policy.freight.couriers
    yield from (("freight.couriers", name) for name in wanted or () if name not in couriers)
    if not any(one.method == policy.freight.method and one.courier in (wanted or couriers) for one in card.rates):
        yield "freight.method", policy.freight.method
    zones = {one.origin for one in card.rates} | policy.zones.keys() | {ANY}
    yield from ((f"{of}.zone", one.zone) for of, one in policy.standings if one.zone not in zones)


def list_cards(session: Session, brand: str = "") -> Sequence[CardView]:
    """Give the editions of a brand or of all, the latest first."""
    found = rows(
        session,
        """select brand, edition, digest, created_at, loaded_by from rate_card where :brand = '' or brand = :brand
           order by brand, created_at desc, edition""",
        brand=brand,
    )
    return [CardView.model_validate(dict(zip(CardView.model_fields, one, strict=True))) for one in found]
