"""Who may do what: five roles, the permissions of each, and the actor that every act is recorded under."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hub.errors import Unauthorised


class Role(StrEnum):
    VIEWER = "viewer"
    ANALYST = "analyst"
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


class Permission(StrEnum):
    SEE_ORDERS = "see_orders"
    SEE_FIGURES = "see_figures"
    WORK_ORDERS = "work_orders"
    REPLAY = "replay"
    BULK = "bulk"
    UNMASK = "unmask"
    CONFIGURE = "configure"


_SEE: Final = frozenset({Permission.SEE_ORDERS, Permission.SEE_FIGURES})
_WORK: Final = _SEE | {Permission.WORK_ORDERS, Permission.REPLAY}
GRANTS: Final = {
    Role.VIEWER: frozenset({Permission.SEE_ORDERS}),
    Role.ANALYST: frozenset({Permission.SEE_FIGURES}),
    Role.OPERATOR: _WORK,
    Role.SUPERVISOR: _WORK | {Permission.BULK, Permission.UNMASK},
    Role.ADMIN: frozenset(Permission),
}
"""Unmasking personal data is a permission of its own and is audited each time."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a storefront, a person or the system; empty brands or shops mean all of them."""

    name: str
    roles: frozenset[Role]
    brands: frozenset[str] = frozenset()
    shops: frozenset[str] = frozenset()

    def may(self, permission: Permission) -> bool:
        return any(permission in GRANTS[role] for role in self.roles)

    def require(self, permission: Permission) -> None:
        """Stop who may not.

        Raises: Unauthorised.
        """
        if not self.may(permission):
            raise Unauthorised(f"{self.name} lacks the permission {permission}", code="forbidden")

    def require_scope(self, brand: str, shop: str) -> None:
        """Stop who may not work on this brand or shop.

        Raises: Unauthorised.
        """
        if (self.brands and brand not in self.brands) or (self.shops and shop not in self.shops):
            raise Unauthorised(f"{self.name} may not work on shop {shop} of {brand}", code="forbidden")


SYSTEM: Final = Actor("system", frozenset({Role.ADMIN}))
