"""The configured partners: a connection's kind names its module, which is loaded by that name and nowhere else."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from threading import Lock
from typing import Any, Final

from connectors.partner import Partner, no_token, utc_now
from hub.errors import Misconfigured, NeedsOperator, NotFound
from hub.order.model import ShopOrder
from hub.ports import OrderSource
from hub.settings import Connection, Settings
from hub.tokens import Tokens

KINDS: Final = ("channels", "warehouses", "erp", "crm", "payments", "couriers")


class Registry:
    """Makes each partner once, when it is first asked for."""

    def __init__(self, settings: Settings, tokens: Tokens | None = None) -> None:
        self._settings = settings
        self._tokens = tokens
        self._made: dict[str, object] = {}
        self._sources: dict[str, OrderSource] = {}
        self._locks: defaultdict[str, Lock] = defaultdict(Lock)
        self._lock = Lock()

    def get(self, connection: str) -> object:
        """Give the partner of a connection.

        Raises: NotFound for a connection that is not configured; Misconfigured when it cannot be made.
        """
        with self._lock:
            lock = self._locks[connection]
        with lock:  # one partner that takes long to make holds up no other
            if connection not in self._made:
                self._made[connection] = self._make(connection)
            return self._made[connection]

    def names(self) -> Sequence[str]:
        return sorted(self._settings.connections)

    def settings_of(self, connection: str) -> Connection:
        """Give a connection's settings.

        Raises: NotFound.
        """
        found = self._settings.connections.get(connection)
        if found is None:
            raise NotFound(f"there is no connection {connection}", code="unknown_connection")
        return found

    def brand_of(self, connection: str) -> str:
        """Give a connection's brand; empty for one that is not configured any more."""
        found = self._settings.connections.get(connection)
        return found.brand if found else ""

    def serving(self, family: str, brand: str) -> Sequence[str]:
        """Name the connections of a kind ("erp", "couriers") that are a brand's, in the order of their names."""
        return [
            name
            for name, one in sorted(self._settings.connections.items())
            if one.kind.startswith(f"{family}.") and one.brand == brand
        ]

    def read_order(self, connection: str, body: bytes) -> ShopOrder:
        """Bring a channel's bytes into the canonical order, under the connection's brand and shop.

        Raises: Malformed; NotFound; NeedsOperator for a connection that brings no orders.
        """
        source = self._sources.get(connection) or self._source(connection)
        settings = self.settings_of(connection)
        order = source.read_order(body)
        platform = getattr(source, "platform", "OTHER")
        return ShopOrder(brand=settings.brand, shop=settings.shop, channel=connection, platform=platform, order=order)

    def _source(self, connection: str) -> OrderSource:
        """Find who reads a channel's orders, once: looking whether an object has a port is slow."""
        source = self.get(connection)
        if not isinstance(source, OrderSource):
            raise NeedsOperator(f"{connection} does not bring orders", code="wrong_kind")
        self._sources[connection] = source
        return source

    def _make(self, name: str) -> object:
        connection = self.settings_of(name)
        family, _, module_name = connection.kind.partition(".")
        if family not in KINDS or not module_name.isidentifier():
            raise Misconfigured(f"connection {name}: there is no kind {connection.kind}", code="unknown_kind")
        try:
            module: Any = import_module(f"connectors.{connection.kind}")
        except ModuleNotFoundError as error:
            raise Misconfigured(f"connection {name}: {error}", code="unknown_kind") from error
        secret, http = self._secret(name), self._settings.http
        token = partial(self._tokens.current, name) if self._tokens else no_token
        return module.connect(Partner(name, connection, secret, http, utc_now, token))

    def _secret(self, name: str) -> bytes:
        """Read a connection's secret; without it none of its calls can be made, and each of them may be made later.

        Raises: Misconfigured.
        """
        try:
            return self._settings.secret(name)
        except NeedsOperator as error:
            raise Misconfigured(error.message, code=error.code) from error
