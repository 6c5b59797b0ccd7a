import json
from pathlib import Path

from hub.errors import Malformed
from tests.commands.conftest import Oms


def test_a_year_of_a_calendar_is_loaded_and_listed(oms: Oms, tmp_path: Path) -> None:
    file = tmp_path / "cn-2027.toml"
    file.write_text('calendar = "cn"\nyear = 2027\noff = [2027-01-01]\nwork = [2027-01-03]\n')
    assert "1 days off" in oms("route", "calendar", "load", str(file)).stderr
    assert json.loads(oms("route", "calendar", "ls", "--json").stdout) == [
        {"calendar": "cn", "year": 2027, "off": 1, "work": 1}
    ]
    assert "2027" in oms("route", "calendar", "ls").stdout
    file.write_text("calendar = ")
    assert isinstance(oms("route", "calendar", "load", str(file)).exception, Malformed)
