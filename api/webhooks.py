"""Partners' calls: verified on the raw bytes, kept in the inbox, answered as the partner expects; nothing else yet."""

from typing import Final

from fastapi import APIRouter, Request, Response

from api.room import HubFull
from api.surroundings import Body, Hub, TheHub
from hub.errors import HubError, NotFound, Rejected
from hub.fullness import Full
from hub.inbox import keep
from hub.ports import Inbound, Reply, WebhookDesk

OK: Final = 200

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks · 回调"])


@router.post("/{connection}", summary="接收回调 · Receive a partner's call")
def receive(request: Request, hub: TheHub, connection: str, body: Body) -> Response:
    """Take a message of a connection; signature, form and answer are those of its partner's protocol."""
    desk = _desk(hub, connection)
    at = hub.now()
    inbound = Inbound(
        method=request.method,
        path=request.url.path,
        query=dict(request.query_params),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        at=at,
    )
    try:
        notice = desk.receive(inbound)
    except Rejected as error:
        return _respond(desk.reply(error))
    if (full := hub.room.full_of()) is not Full.NOTHING:
        return _put_off(desk, HubFull(full))
    with hub.database.transaction() as session:
        keep(session, connection, notice.kind, notice.message_id, body, at)
    return _respond(desk.reply(None))


def _put_off(desk: WebhookDesk, error: HubFull) -> Response:
    """Have the partner send it again: by its own protocol if that says so within a 200, else by 429.

    Raises: HubFull.
    """
    reply = desk.reply(error)
    if reply.status != OK:
        raise error
    return _respond(reply)


def _desk(hub: Hub, connection: str) -> WebhookDesk:
    """Give the connection's desk; what is not configured, or misconfigured, is simply not there for a stranger."""
    try:
        desk = hub.connectors.get(connection)
    except NotFound:
        raise
    except HubError as error:
        raise NotFound(f"there is no connection {connection}", code="unknown_connection") from error
    if not isinstance(desk, WebhookDesk):
        raise NotFound(f"there is no connection {connection}", code="unknown_connection")
    return desk


def _respond(reply: Reply) -> Response:
    return Response(reply.body, reply.status, media_type=reply.media_type)
