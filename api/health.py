"""Is it alive, is it ready, and how is it doing."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import SQLAlchemyError

from api.surroundings import TheHub
from hub.database import row

router = APIRouter(tags=["health · 健康"])


@router.get("/healthz", summary="存活 · Alive")
def healthz() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "alive"}


@router.get("/readyz", summary="就绪 · Ready")
def readyz(hub: TheHub) -> JSONResponse:
    """Say whether the database answers and is at a schema; 503 while not."""
    try:
        with hub.database.transaction() as session:
            found = row(session, "select version_num from alembic_version")
    except SQLAlchemyError:
        return JSONResponse({"status": "waiting", "database": "away"}, 503)
    if found is None:
        return JSONResponse({"status": "waiting", "database": "no schema: ./oms db upgrade"}, 503)
    return JSONResponse({"status": "ready", "schema": found.version_num})


@router.get("/metrics", summary="指标 · Metrics", response_class=Response)
def metrics(request: Request) -> Response:
    """Give the figures in Prometheus' text form."""
    return Response(generate_latest(request.app.state.registry), media_type=CONTENT_TYPE_LATEST)
