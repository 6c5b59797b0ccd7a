import json
import re
from pathlib import Path

import pytest

from commands import assets
from commands.assets import SOURCE, checksum, ensure_assets, sprite, unpack_images
from hub.errors import NeedsOperator
from hub.settings import ROOT

TEMPLATES = ROOT / "dashboards" / "templates"
ICON = re.compile(r"""icon\("([a-z0-9-]+)"|"([a-z0-9-]+)" if [^"]*else "([a-z0-9-]+)"\)""")


def test_the_lock_names_no_host_and_pins_every_file_by_its_checksum() -> None:
    lock = json.loads((SOURCE / "package-lock.json").read_text("utf-8"))
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert packages
    assert all(one["integrity"].startswith("sha512-") and "resolved" not in one for one in packages.values())


def test_every_dependency_is_wanted_in_one_version() -> None:
    wanted = json.loads((SOURCE / "package.json").read_text("utf-8"))
    versions = [*wanted["dependencies"].values(), *wanted["devDependencies"].values()]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions)


def test_a_warm_start_only_compares_the_stamp(monkeypatch: pytest.MonkeyPatch) -> None:
    ensure_assets()
    monkeypatch.setattr(assets, "_lay_out", None)
    ensure_assets()
    assert assets.STAMP.read_text("utf-8").splitlines()[0] == checksum()


def test_a_stamp_whose_files_are_gone_is_not_current(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(assets, "TARGET", tmp_path)
    monkeypatch.setattr(assets, "STAMP", tmp_path / "stamp")
    (tmp_path / "stamp").write_text("c1\nhtmx.js")
    assert not assets.is_current("c1")
    (tmp_path / "htmx.js").touch()
    assert assets.is_current("c1")
    assert not assets.is_current("c2")


def test_an_installer_that_cannot_begin_is_told_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(assets, "find_npm", lambda: [str(tmp_path / "no-npm")])
    with pytest.raises(NeedsOperator, match="cannot be installed"):
        assets.install_packages(tmp_path)


def test_images_inside_a_style_sheet_become_files(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.css"
    image = "data:image/svg+xml,%3csvg xmlns='http://www.w3.org/2000/svg'/%3e"
    sheet.write_text(f'a{{b:url("{image}")}}c{{d:url("{image}")}}/*# sourceMappingURL=sheet.css.map */')
    text = unpack_images(sheet, tmp_path)
    assert "data:" not in text
    assert "sourceMappingURL" not in text
    (made,) = tmp_path.glob("*.svg")
    assert made.read_text() == "<svg xmlns='http://www.w3.org/2000/svg'/>"
    assert text.count(f"url(/console/static/vendor/images/{made.name})") == 2


def test_an_icon_that_is_none_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(NeedsOperator, match="no icon unicorn"):
        sprite(tmp_path, ["unicorn"])


def test_icons_are_listed_once_and_in_order() -> None:
    names = (SOURCE / "icons.txt").read_text("utf-8").split()
    assert names == sorted(set(names))


def test_every_icon_of_a_template_is_listed() -> None:
    listed = set((SOURCE / "icons.txt").read_text("utf-8").split())
    for path in TEMPLATES.glob("*.html"):
        used = {name for found in ICON.findall(path.read_text("utf-8")) for name in found if name}
        assert used <= listed, path.name
