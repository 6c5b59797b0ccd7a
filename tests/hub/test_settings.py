from pathlib import Path

import pytest
from pydantic import ValidationError

from hub.errors import NeedsOperator
from hub.language import Words
from hub.settings import Connection, Http, Settings, Worker
from hub.stock_told import Stock
from hub.unfit import malformed


@pytest.fixture
def over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the second settings file."""
    path = tmp_path / "over.toml"
    monkeypatch.setenv("OMS_SETTINGS", str(path))
    return path


def test_the_file_in_the_tree_is_read() -> None:
    assert (Settings().api_host, Settings().worker.attempts) == ("127.0.0.1", 12)


def test_a_second_file_lies_over_the_first_table_by_table(over: Path) -> None:
    over.write_text("[worker]\nthreads = 3\n")
    worker = Settings().worker
    assert (worker.threads, worker.attempts) == (3, 12)


def test_a_variable_lies_over_both_files(over: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over.write_text("api_port = 8001\n[worker]\nthreads = 3\n")
    monkeypatch.setenv("OMS_API_PORT", "9000")
    monkeypatch.setenv("OMS_WORKER__THREADS", "5")
    assert (Settings().api_port, Settings().worker.threads) == (9000, 5)


@pytest.mark.parametrize("text", ["databse_url = ''", "[worker]\nthreds = 3", "[connections.x]\nkind='a'\nbrnd='b'"])
def test_an_unknown_key_is_refused(over: Path, text: str) -> None:
    over.write_text(text)
    with pytest.raises(ValidationError, match="Extra inputs"):
        Settings()


def test_a_number_that_makes_no_sense_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMS_WORKER__LEASE_S", "0")
    with pytest.raises(ValidationError, match="greater than 0"):
        Settings()


def test_a_connection_is_read_with_its_own_keys(over: Path) -> None:
    over.write_text('[connections.mall-pc]\nkind = "channels.storefront"\nbrand = "demo"\nshop = "pc"\n')
    connection = Settings().connections["mall-pc"]
    assert (connection.kind, connection.shop, connection.options) == ("channels.storefront", "pc", {})


def test_a_secret_comes_from_a_file_or_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mall-pc").write_text("from file\n")
    settings = Settings(secrets_folder=tmp_path)
    assert settings.secret("mall-pc") == b"from file"
    monkeypatch.setenv("OMS_SECRET_MALL_PC", "from variable")
    assert settings.secret("mall-pc") == b"from variable"


def test_a_missing_secret_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(NeedsOperator, match=f"OMS_SECRET_MALL_PC or a file mall-pc in {tmp_path}"):
        Settings(secrets_folder=tmp_path).secret("mall-pc")


def test_an_empty_secret_is_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMS_SECRET_MALL", "")
    (tmp_path / "mall").write_text("\n")
    with pytest.raises(NeedsOperator, match="missing"):
        Settings(secrets_folder=tmp_path).secret("mall")


def test_a_lease_must_outlast_a_call() -> None:
    with pytest.raises(ValueError, match="lease_s must be more"):
        Settings(worker=Worker(lease_s=10), http=Http(connect_s=3, read_s=10))


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("", ""),
        ("amqp://one:two@there:5672//", "amqp://one:two@there:5672//"),
        ("amqp://oms@there:5672//", "amqp://oms:a%2Fb%40c@there:5672//"),
    ],
)
def test_the_brokers_password_is_a_secret_unless_it_stands_in_the_address(
    monkeypatch: pytest.MonkeyPatch, url: str, address: str
) -> None:
    monkeypatch.setenv("OMS_SECRET_BROKER_PASSWORD", "a/b@c")
    assert Settings(broker_url=url).broker_address() == address


def test_a_brokers_user_without_a_password_is_told_what_is_missing() -> None:
    with pytest.raises(NeedsOperator, match="broker_password"):
        Settings(broker_url="amqp://oms@there:5672//").broker_address()


@pytest.mark.parametrize(
    ("stock", "told", "zh"),
    [
        (Stock(alert_connection="mal"), "stock.alert_connection: there is no connection mal", "没有连接 mal"),
        (
            Stock(alert_connection_of={"demo": "mal"}),
            "stock.alert_connection_of.demo: there is no connection mal",
            "没有连接 mal",
        ),
        (
            Stock(alert_connection_of={"dmeo": "mall-pc"}),
            "stock.alert_connection_of.dmeo: no connection is of the brand dmeo",
            "没有连接属于品牌 dmeo",
        ),
    ],
)
def test_stock_alerts_that_nobody_would_hear_of_are_refused_at_the_start(stock: Stock, told: str, zh: str) -> None:
    connections = {"mall-pc": Connection(kind="channels.storefront", brand="demo")}
    with pytest.raises(ValidationError) as caught:
        Settings(connections=connections, stock=stock)
    error = malformed(caught.value, of=Words("设置 ", "the settings: "))
    assert (told in error.message, zh in error.say("zh")) == (True, True)
