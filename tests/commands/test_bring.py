from pathlib import Path

from hub.database import Database, rows
from hub.errors import Malformed, NotFound
from tests.commands.conftest import Oms

PLACE = (
    "code,name_zh,name_en,connection,owner,division,street,contact,phone,courier\n"
    "SH1,上海仓,Shanghai,wms-sh,OWNER,310115,仓库路1号,仓管,10000000009,SF\n"
)


def written(folder: Path, content: str) -> str:
    (folder / "sheet.csv").write_text(content, encoding="utf-8")
    return str(folder / "sheet.csv")


def test_goods_are_brought_in_from_a_file(oms: Oms, tmp_path: Path) -> None:
    sheet = written(tmp_path, "code,title,grams\ntea,茶,100\n")
    told = [oms("sku", "import", sheet, "--brand", "demo").stderr for _ in range(2)]
    assert [one.strip() for one in told] == ["added 1, changed 0, as they were 0", "added 0, changed 0, as they were 1"]


def test_a_sheet_with_a_bad_row_is_refused_whole(oms: Oms, tmp_path: Path) -> None:
    sheet = written(tmp_path, "code,title,grams\ntea,茶,100\ncup,杯,heavy\n")
    told = oms("sku", "import", sheet, "--brand", "demo")
    assert isinstance(told.exception, Malformed)
    assert "line 3: grams" in told.exception.message


def test_locations_are_brought_in_from_a_file(oms: Oms, database: Database, tmp_path: Path) -> None:
    assert "added 1" in oms("location", "import", written(tmp_path, PLACE), "--brand", "demo").stderr
    with database.transaction() as session:
        assert len(rows(session, "select 1 from location where code = 'SH1'")) == 1


def test_locations_are_listed_with_their_kinds(oms: Oms, tmp_path: Path) -> None:
    sheet = PLACE.replace("courier\n", "courier,kind,bonded,authority\n").replace("SF\n", "SF,store,yes,owner\n")
    oms("location", "import", written(tmp_path, sheet), "--brand", "demo")
    [line] = [one for one in oms("location", "ls", "--brand", "demo").stdout.splitlines() if "SH1" in one]
    assert [one.strip() for one in line.strip("│").split("│")] == [
        "SH1",
        "store",
        "yes",
        "OWNER",
        "the owner's",
        "active",
    ]


def test_a_brand_that_no_connection_is_of_is_refused(oms: Oms, tmp_path: Path) -> None:
    for kind, sheet in (("sku", "code,title,grams\ntea,茶,100\n"), ("location", PLACE)):
        told = oms(kind, "import", written(tmp_path, sheet), "--brand", "dmeo").exception
        assert isinstance(told, NotFound)


def test_a_sheet_in_another_encoding_is_answered_with_what_to_do(oms: Oms, tmp_path: Path) -> None:
    (tmp_path / "sheet.csv").write_text("code,title,grams\ntea,茶,100\n", encoding="gbk")
    told = oms("sku", "import", str(tmp_path / "sheet.csv"), "--brand", "demo").exception
    assert isinstance(told, Malformed)
    assert ("CSV UTF-8" in told.say("en"), "CSV UTF-8" in told.say("zh")) == (True, True)
