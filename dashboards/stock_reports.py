"""Stock reports: what warehouses and ERPs told, how far it was from our counters, and why each line was booked."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboards.asked import Place, address
from dashboards.pages import fragment, page, tagged_fragment
from dashboards.stock_look import HOME as STOCK
from dashboards.stock_look import Look, seen_by
from dashboards.visit import Here, Visit
from hub.inventory.ledger import StockKey
from hub.inventory.report_view import (
    LINES,
    SHOWS,
    LineView,
    ReportView,
    Wanted,
    get_report,
    lines_of,
    list_reports,
    page_of,
    reporters_of,
    tally_of,
)
from hub.inventory.view import places_of
from hub.roles import Permission

PAGE: Final = 50
LINES_PAGE: Final = 100
HOME: Final = STOCK + "/reports"
ONE: Final = HOME + "/one"

router: Final = APIRouter()


class Reports(BaseModel):
    """What the address of the list asks for."""

    model_config = ConfigDict(frozen=True)

    location: str = ""
    connection: str = ""
    show: str = ""
    cursor: str = ""

    def wanted(self) -> Wanted:
        return Wanted(location=self.location, connection=self.connection.strip(), show=self.show)

    def link(self, path: str = HOME, **changes: object) -> str:
        """Write this question again, for another page or state."""
        return address(path, **{**self.model_dump(), **changes})

    @property
    def narrows(self) -> bool:
        return any((self.location, self.connection, self.show))


class Report(BaseModel):
    """Which page of which report an address means (the one that names `sku` if it names none), and which lines."""

    model_config = ConfigDict(frozen=True)

    connection: str = ""
    report: str = ""
    page: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    sku: str = ""
    show: str = ""
    after: Place = 0

    def link(self, **changes: object) -> str:
        """Write this question again, for another page or other lines."""
        return address(ONE, **{**self.model_dump(), "after": self.after or "", **changes})


@router.get(HOME)
def reports(visit: Here, look: Annotated[Reports, Query()]) -> Response:
    visit.require(Permission.SEE_ORDERS)
    if visit.target("reports"):
        part = fragment(visit, "inventory_reports_list.html", **_list(visit, look))
        part.headers["HX-Push-Url"] = look.link()
        return part
    return page(visit, "inventory_reports.html", **_list(visit, look))


@router.get(HOME + "/list")
def renewed(visit: Here, look: Annotated[Reports, Query()]) -> Response:
    """Give the list alone, to a page that asks for it again and again."""
    visit.require(Permission.SEE_ORDERS)
    return tagged_fragment(visit, "inventory_reports_rows.html", **_list(visit, look))


@router.get(ONE)
def report(visit: Here, meant: Annotated[Report, Query()]) -> Response:
    """Show a page of a report, line by line."""
    visit.require(Permission.SEE_ORDERS)
    number = meant.page
    if number is None:
        number = page_of(visit.session, meant.connection, meant.report, meant.sku)
    one, pages = get_report(visit.session, seen_by(visit), meant.connection, meant.report, number)
    found = lines_of(visit.session, one, meant.show, after=meant.after, limit=LINES_PAGE)
    told: dict[str, Any] = {"one": one, "pages": pages, "found": found, "tally": tally_of(visit.session, one)}
    return page(visit, "inventory_report.html", meant=meant, shows=tuple(LINES), level=_level(one), **told)


def link_to(connection: str, report: str, page: int) -> str:
    """Lead to a page of a report."""
    return Report(connection=connection, report=report, page=page).link()


def link_of_sku(connection: str, report: str, sku: str) -> str:
    """Lead to the page of a report that names a SKU."""
    return Report(connection=connection, report=report, sku=sku).link()


def _level(one: ReportView) -> Any:  # noqa: ANN401 # a function for the template
    """Give how to write the address of a line's counter."""

    def link(line: LineView) -> str:
        return Look().to(StockKey(one.location, line.sku, line.owner, line.condition))

    return link


def _list(visit: Visit, look: Reports) -> dict[str, Any]:
    seen = seen_by(visit)
    locations, _brands = places_of(visit.session, seen)
    return {
        "look": look,
        "found": list_reports(visit.session, seen, look.wanted(), after=look.cursor, limit=PAGE),
        "shows": tuple(SHOWS),
        "locations": locations,
        "connections": reporters_of(visit.session, seen),
        "link_to": link_to,
    }
