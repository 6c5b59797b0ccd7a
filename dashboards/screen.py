"""A screen: one place of the console with its line in the navigation."""

from dataclasses import dataclass

from fastapi import APIRouter

from hub.roles import Permission


@dataclass(frozen=True, slots=True)
class Screen:
    """`label` is a msgid, `icon` a name in assets/icons.txt; without `least`, everybody who is signed in may look.

    `counted` shows beside the label how many things wait there: see `/console/pulse`.
    """

    key: str
    path: str
    icon: str
    label: str
    router: APIRouter
    least: Permission | None = None
    counted: bool = False
