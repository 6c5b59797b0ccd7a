"""What differs between machines: settings.toml, a second file over it, and OMS_… variables over both."""

import os
from functools import cache
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from hub.part import Part
from hub.roles import Role
from hub.secret import read_secret
from hub.stock_told import Stock
from hub.unfit import Unfit

ROOT: Final = Path(__file__).resolve().parent.parent


class Limits(Part):
    """What a caller may send, and how much may wait.

    Over `backlog_shed` due calls a partner gets no optional ones, after `backlog_alert_s` of waiting a person is told.
    With `inbox_waiting` messages, less than `free_disk_mb` beside a database of this machine, or a database larger than
    `database_mb` (0 is any size), the hub is full and takes nothing in.
    """

    body_bytes: PositiveInt = 1_048_576
    batch_orders: PositiveInt = 100
    order_lines: PositiveInt = 200
    clock_skew_s: PositiveInt = 300
    backlog_shed: PositiveInt = 10_000
    backlog_alert_s: PositiveInt = 900
    inbox_waiting: PositiveInt = 1_000_000
    free_disk_mb: NonNegativeInt = 1_024
    database_mb: NonNegativeInt = 0


class Worker(Part):
    """How steps are claimed and repeated; `processes` share the threads where the worker runs by Celery.

    At `metrics_port` of this machine the worker tells its figures; 0 is nowhere.
    """

    threads: PositiveInt = 8
    processes: PositiveInt = Field(default_factory=lambda: max(2, os.cpu_count() or 2))
    poll_s: PositiveFloat = 0.25
    batch: PositiveInt = 256
    lease_s: PositiveFloat = 30
    grace_s: PositiveFloat = 2
    attempts: PositiveInt = 12
    inbox_batch: PositiveInt = 200
    metrics_port: NonNegativeInt = 0


class Placing(Part):
    """How concurrent requests are answered together: who comes waits `wait_ms` at most, `group` of them at once.

    So are orders, carts, questions of what may be promised, and nonces. Of requests that post many orders each,
    `batches` are placed together.
    """

    wait_ms: PositiveFloat = 8
    group: PositiveInt = 64
    batches: PositiveInt = 4


class Breaker(Part):
    """When a connection's breaker opens: after so many failures in a row, for so long, then twice as long each time."""

    failures: PositiveInt = 10
    cool_s: PositiveFloat = 5
    longest_cool_s: PositiveFloat = 120


class Http(Part):
    """How long an outbound call may take: to connect, and between two bytes of the answer."""

    connect_s: PositiveFloat = 3
    read_s: PositiveFloat = 10


class Polls(Part):
    """How often partners are asked for what they do not send, in seconds, and how far back a new connection looks.

    Locations are asked for their stock every `stock_s` where the connection's option ask_stock is "yes"; 0 is never.
    """

    orders_s: PositiveFloat = 60
    hints_s: PositiveFloat = 2
    stock_s: NonNegativeFloat = 900
    token_s: PositiveFloat = 30
    token_margin_s: PositiveFloat = 3_600
    overlap_s: PositiveFloat = 10
    lease_s: PositiveFloat = 300
    first_look_h: PositiveFloat = 24


class Retention(Part):
    """How many whole months are kept."""

    inbox_months: PositiveInt = 6
    attempt_months: PositiveInt = 3
    history_months: PositiveInt = 24


class Orders(Part):
    """How long an order may stay unpaid: in minutes after it was placed, 0 is for ever; a brand may have its own.

    With `hold_unpaid` what is free is held for an order until it is paid or its time is over, which must end.
    What is due for goods that were added is paid within `due_min` minutes, or they are taken back; 0 is for ever.
    After `reroute_tries` locations have refused some pieces or could not ship them, a person decides where they go.
    `charges` says on which terms goods may be added to an order: the difference is paid, or given away for a reason.
    A deposit is kept, or given back, when the buyer withdraws or lets the time of the balance pass (`deposit`).
    Freight goes back with goods whose return was the fault of one in `freight_back_for`. Goods come back to the
    location that `returns_to` names for their brand, else to the one that shipped them.
    """

    unpaid_min: NonNegativeInt = 1_440
    hold_unpaid: bool = False
    due_min: NonNegativeInt = 30
    reroute_tries: PositiveInt = 5
    charges: tuple[Literal["pay", "free"], ...] = ("pay", "free")
    deposit: Literal["refund", "keep"] = "refund"
    freight_back_for: tuple[Literal["merchant", "buyer"], ...] = ("merchant",)
    returns_to: dict[str, str] = Field(default_factory=dict)
    unpaid_min_of: dict[str, NonNegativeInt] = Field(default_factory=dict)


class Telemetry(Part):
    """Where this process's traces go (an OTLP collector's address for traces; none by default), and what share."""

    otlp_url: str = ""
    share: float = Field(default=1.0, ge=0, le=1)


class Targets(Part):
    """What operations are measured by on the console's overview."""

    shipped_percent: PositiveFloat = 80
    on_time_h: PositiveInt = 24
    on_time_percent: PositiveFloat = 95
    open_cases: PositiveInt = 20
    oldest_case_min: PositiveInt = 120


class Connection(Part):
    """A configured partner: `kind` names its module under connectors/, its secret lies under the connection's name.

    `rate_per_s` calls a second are made at most by all processes together, of which `burst` may be saved up, and
    `at_once` at the same time; without a number there is no such limit. A shop is told of the stock of none of its
    SKUs, of those that are bound, or of all of its brand: `stock_ratio` percent of what it may sell, and nothing below
    `stock_floor` pieces. A shop's unpaid orders are closed after its own `unpaid_min` minutes, if it has a number, and
    it is told where its option tell_closed is "yes". Where shop and hub have changed the same of an order, `precedence`
    says whose word counts, or that a person is asked.
    """

    kind: str
    brand: str
    shop: str = ""
    base_url: str = ""
    app_key: str = ""
    customer_id: str = ""
    rate_per_s: PositiveFloat | None = None
    burst: PositiveInt = 1
    at_once: PositiveInt | None = None
    stock: Literal["none", "bound", "all"] = "none"
    stock_ratio: int = Field(default=100, ge=0, le=100)
    stock_floor: NonNegativeInt = 0
    unpaid_min: NonNegativeInt | None = None
    precedence: Literal["platform_wins", "hub_wins", "ask"] = "platform_wins"
    options: dict[str, str] = Field(default_factory=dict)


class OperationsClient(Part):
    """A program that watches and repairs flows over the API; an empty brand or shop means all of them."""

    role: Role = Role.VIEWER
    brand: str = ""
    shop: str = ""


class Settings(BaseSettings):
    """All settings of one process."""

    model_config = SettingsConfigDict(env_prefix="OMS_", env_nested_delimiter="__", frozen=True, extra="forbid")

    database_url: str = ""
    broker_url: str = ""
    secrets_folder: Path | None = None
    api_host: str = "127.0.0.1"
    api_port: int = 8000
    api_processes: PositiveInt = 1
    console_port: int = 8001
    trusted_proxies: tuple[str, ...] = ("127.0.0.1",)
    business_zone: str = "Asia/Shanghai"
    limits: Limits = Limits()
    worker: Worker = Worker()
    placing: Placing = Placing()
    breaker: Breaker = Breaker()
    http: Http = Http()
    polls: Polls = Polls()
    retention: Retention = Retention()
    stock: Stock = Stock()
    orders: Orders = Orders()
    targets: Targets = Targets()
    telemetry: Telemetry = Telemetry()
    connections: dict[str, Connection] = Field(default_factory=dict)
    operations: dict[str, OperationsClient] = Field(default_factory=dict)

    @model_validator(mode="after")
    def leave_time_for_a_call(self) -> Self:
        """Refuse a lease that ends before a call can: no step would ever be sent."""
        call_s = self.http.connect_s + 2 * self.http.read_s
        if self.worker.lease_s <= call_s + 1:
            least = f"{call_s + 1:g} (http.connect_s + 2 x http.read_s + 1)"
            raise Unfit(f"worker.lease_s 应大于 {least}", f"worker.lease_s must be more than {least}")
        return self

    @model_validator(mode="after")
    def tell_clients_apart(self) -> Self:
        """Refuse one name for a connection and a client: they would share a secret and act for each other."""
        if both := sorted(self.connections.keys() & self.operations.keys()):
            names = ", ".join(both)
            raise Unfit(
                f"{names} 已是连接名，请为运营程序另取名称", f"{names} is a connection: rename the operations client"
            )
        return self

    @model_validator(mode="after")
    def know_who_is_told_of_alerts(self) -> Self:
        """Refuse stock alerts to a connection, or of a brand, that is not there: nobody would hear of them."""
        self.stock.check({name: one.brand for name, one in self.connections.items()})
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 # pydantic-settings names the parameters
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 # as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        over = os.environ.get("OMS_SETTINGS")
        files = [ROOT / "settings.toml", *([Path(over)] if over else [])]
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=files, deep_merge=True)

    def broker_address(self) -> str:
        """Give the broker's address; where it names a user alone, the password is the secret `broker_password`.

        Raises: NeedsOperator when that secret is missing.
        """
        parts = urlsplit(self.broker_url)
        if not parts.username or parts.password is not None:
            return self.broker_url
        _, _, host = parts.netloc.rpartition("@")
        password = quote(self.secret("broker_password").decode(), safe="")
        return urlunsplit(parts._replace(netloc=f"{parts.username}:{password}@{host}"))

    def secret(self, name: str) -> bytes:
        """Read a secret. Raises: NeedsOperator as `read_secret`."""
        return read_secret(name, self.secrets_folder)


@cache
def settings() -> Settings:
    """Read the settings once for this process."""
    return Settings()
