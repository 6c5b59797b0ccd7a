from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from dashboards.app import build
from hub.cases import NewCase, open_cases
from hub.database import Database
from hub.errors import NeedsOperator
from hub.settings import Settings

PASSWORD = "a-made-up-password"
ME = ("operator", PASSWORD)


@pytest.fixture
def client(database: Database, tmp_path: Path) -> Iterator[TestClient]:
    (tmp_path / "console").write_text(PASSWORD)
    with TestClient(build(Settings(secrets_folder=tmp_path), database)) as client:
        yield client


def test_nobody_gets_in_without_the_password(client: TestClient) -> None:
    assert client.get("/console/overview").status_code == 401
    assert client.get("/console/overview", auth=("operator", "wrong")).status_code == 401


def test_without_a_password_there_is_no_console(database: Database, tmp_path: Path) -> None:
    with pytest.raises(NeedsOperator):
        build(Settings(secrets_folder=tmp_path), database)


def test_an_empty_hub_says_what_to_do_next(client: TestClient) -> None:
    assert "./oms demo" in client.get("/console/overview", auth=ME).text


def test_a_case_is_shown_with_its_way_out_in_both_languages(
    client: TestClient, database: Database, at: datetime
) -> None:
    with database.transaction() as session:
        open_cases(session, [NewCase("stock", "order:2611000000000001", "demo", "A x <2>")], at)
    zh = client.get("/console/overview?lang=zh", auth=ME).text
    en = client.get("/console/overview", auth=ME, headers={"accept-language": "en"}).text
    assert "库存不足" in zh
    assert "./oms order release 2611000000000001" in en
    assert "A x &lt;2&gt;" in en


def test_the_page_allows_no_script_and_no_other_host(client: TestClient) -> None:
    answer = client.get("/console/overview", auth=ME)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    assert "http://" not in answer.text
    assert client.get("/console/style.css").headers["content-type"].startswith("text/css")
