"""The overview: how the flow of orders fares against its targets, what is stuck where, and what mends it."""

from typing import Final

from fastapi import APIRouter, Response

from dashboards.pages import page
from dashboards.visit import HOME, Here

router: Final = APIRouter()


@router.get(HOME)
def overview(visit: Here) -> Response:
    return page(visit, "overview.html")
