"""Files that open others, or unpack to more than there is memory, are refused on every way in."""

from __future__ import annotations

import io
import json
import pyexpat
import re
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from openpyxl import Workbook

from gridmap import foreign_files
from gridmap.bulk.sources import open_source
from gridmap.errors import LoadRefused
from gridmap.foreign_files import check_parquet, check_workbook, vector_source
from gridmap.ingest import layers, tables
from gridmap.ingest.description import Layer
from gridmap.ingest.frames import read_frames
from gridmap.ingest.sheets import read_tables

SECRET = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"secret": "yes"},
            "geometry": {"type": "Point", "coordinates": [117.2, 39.1]},
        }
    ],
}


def _bulk(path: Path) -> object:
    return list(open_source(path).batches())


def _frames(path: Path) -> object:
    section: Any = SimpleNamespace(
        layer=None, encoding=None, delimiter=None, crs="wgs84", lon=SimpleNamespace(column="x")
    )
    return list(read_frames(path, section))


def _layer(path: Path) -> object:
    return layers.read_layer(path.parent, Layer(file=path.name, crs="wgs84"))


ways_in = pytest.mark.parametrize("read", [_bulk, _frames, _layer])


def _attacks(folder: Path) -> dict[str, str]:
    """What GDAL, asked by a file's name alone, follows to another file, to a network or to a command."""
    (folder / "secret.geojson").write_text(json.dumps(SECRET))
    secret = folder / "secret.geojson"
    vrt = (
        f"<OGRVRTDataSource><OGRVRTLayer name='secret'><SrcDataSource>{secret}</SrcDataSource>"
        "</OGRVRTLayer></OGRVRTDataSource>"
    )
    command = f"gdal vector pipeline ! read {secret}"
    return {
        "vrt": vrt,
        "vrt in JSON": json.dumps({"x": vrt}),
        "a command": json.dumps({"type": "gdal_streamed_alg", "command_line": command}),
        "/vsicurl": vrt.replace(str(secret), "/vsicurl/http://127.0.0.1:PORT/x.geojson"),
        "WFS": "<OGRWFSDataSource><URL>http://127.0.0.1:PORT/</URL></OGRWFSDataSource>",
    }


def test_gdal_by_itself_follows_them(tmp_path: Path) -> None:
    """Else the guards guard nothing: when a later GDAL stops, this says so."""
    followed = []
    for name, content in _attacks(tmp_path).items():
        path = tmp_path / "attack.geojson"
        path.write_text(content)
        try:
            followed += [name] if pyogrio.read_info(path)["features"] == 1 else []
        except pyogrio.errors.DataSourceError:
            continue
    assert followed == ["vrt", "vrt in JSON", "a command"]


@ways_in
@pytest.mark.parametrize("suffix", [".geojson", ".json", ".gpkg", ".shp", ".fgb"])
def test_nothing_leads_to_another_file_or_to_a_network(
    tmp_path: Path, read: Callable[[Path], object], suffix: str
) -> None:
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            while True:
                try:
                    asking, _ = listening.accept()
                except OSError:
                    return
                asked.append(b"asked")
                asking.close()

        threading.Thread(target=answer, daemon=True).start()
        port = str(listening.getsockname()[1])
        for name, content in _attacks(tmp_path).items():
            path = tmp_path / f"attack{suffix}"
            path.write_text(content.replace("PORT", port))
            with pytest.raises(LoadRefused) as refused:
                read(path)
            assert "secret: " not in str(refused.value), name
    assert not asked


@ways_in
def test_files_that_are_what_they_say_are_read(tmp_path: Path, read: Callable[[Path], object]) -> None:
    frame = gpd.GeoDataFrame({"name": ["a"]}, geometry=[shapely.Point(117.2, 39.1)], crs=4326)
    for suffix, driver in {
        ".gpkg": "GPKG",
        ".shp": "ESRI Shapefile",
        ".fgb": "FlatGeobuf",
        ".geojson": "GeoJSON",
    }.items():
        path = tmp_path / f"points{suffix}"
        frame.to_file(path, driver=driver)
        assert read(path)


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert vector_source(Path("WFS:x.geojson")) == f"GeoJSON:{tmp_path}/WFS:x.geojson"
    with pytest.raises(LoadRefused, match="is not there"):
        open_source(Path("/vsicurl/http://127.0.0.1/x.geojson"))
    with pytest.raises(LoadRefused, match="must be one of"):
        vector_source(tmp_path / "points.vrt")


def _zipped(path: Path, **parts: bytes) -> Path:
    """An archive with a shapefile of one point, and further or other parts."""
    folder = path.parent / "parts"
    folder.mkdir(exist_ok=True)
    frame = gpd.GeoDataFrame({"name": ["甲"]}, geometry=[shapely.Point(117.2, 39.1)], crs=4326)
    frame.to_file(folder / "points.shp", driver="ESRI Shapefile", encoding="UTF-8")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.iterdir():
            if file.name not in parts:
                archive.write(file, file.name)
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_the_one_shapefile_of_an_archive_is_read(tmp_path: Path) -> None:
    assert _layer(_zipped(tmp_path / "points {1}.zip"))


@pytest.mark.parametrize(
    ("parts", "rule"),
    [
        ({"more.shp": b"\0\0\x27\x0a"}, "has 2 shapefiles, one is read"),
        ({"points.shp": b"<OGRVRTDataSource></OGRVRTDataSource>"}, "'points.shp' is no shapefile"),
        ({"zeros.dbf": b"\0" * (64 * 2**20)}, "unpacks to more than 250 times its size"),
    ],
)
def test_an_archive_of_something_else_is_refused(tmp_path: Path, parts: dict[str, bytes], rule: str) -> None:
    with pytest.raises(LoadRefused, match=re.escape(rule)):
        _layer(_zipped(tmp_path / "points.zip", **parts))


def test_an_archive_whose_shapefile_climbs_out_of_it_or_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "climbs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../points.shp", b"\0\0\x27\x0a")
    with pytest.raises(LoadRefused, match="outside the archive"):
        vector_source(path)
    whole = _zipped(tmp_path / "points.zip").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LoadRefused, match=r"climbs\.zip: is no whole \.zip file"):
        vector_source(path)


@pytest.mark.parametrize(
    ("at", "spoilt", "rule"),
    [(6, b"\1\0", "encrypted"), (8, b"\x63\0", "compression"), (30, b"\xff" * 40, "cannot be read")],
)
def test_an_archive_that_is_locked_or_damaged_inside_is_refused(
    tmp_path: Path, at: int, spoilt: bytes, rule: str
) -> None:
    path = tmp_path / "points.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("p.shp", b"\0\0\x27\x0a" + b"\0" * 96)
    content = bytearray(path.read_bytes())
    directory = content.rindex(b"PK\x01\x02")
    if at < 30:  # flags and method stand in the directory, too, two bytes later
        content[at : at + 2] = content[directory + at + 2 : directory + at + 4] = spoilt
    else:
        content[at + 5 : directory] = (spoilt * 10)[: directory - at - 5]
    path.write_bytes(bytes(content))
    with pytest.raises(LoadRefused, match=rule):
        vector_source(path)


def _workbook(path: Path, **parts: bytes) -> Path:
    """A small workbook with further or other parts."""
    book = Workbook()
    assert book.active is not None
    book.active.append(["lon", "lat"])
    book.active.append([117.2, 39.1])
    book.active.append(["a text", "another"])
    sink = io.BytesIO()
    book.save(sink)
    with zipfile.ZipFile(sink) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, content in parts.items():
            new.writestr(name, content)
    return path


def _with_texts(path: Path, texts: bytes) -> Path:
    """A workbook whose one cell holds the first of the texts that cells share."""
    types = zipfile.ZipFile(_workbook(path)).read("[Content_Types].xml")
    shared = (
        b'<Override PartName="/xl/sharedStrings.xml" ContentType='
        b'"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>'
    )
    sheet = _SHEET.replace(' t="inlineStr"><is><t>{text}</t></is>', ' t="s"><v>0</v>')
    return _workbook(
        path,
        **{
            "[Content_Types].xml": types.replace(b"</Types>", shared),
            "xl/worksheets/sheet1.xml": sheet.encode(),
            "xl/sharedStrings.xml": texts,
        },
    )


_readers = pytest.mark.parametrize("read", [_bulk, read_tables])


@_readers
@pytest.mark.parametrize("part", ["xl/sharedStrings.xml", "xl/worksheets/sheet1.xml", "bomb.bin"])
def test_a_zip_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, read: Callable[[Path], object], part: str
) -> None:
    path = _workbook(tmp_path / "bomb.xlsx", **{part: b"\0" * (64 * 2**20)})
    assert path.stat().st_size < 2**20
    with pytest.raises(LoadRefused, match="unpacks to more than 250 times its size"):
        read(path)


@_readers
def test_a_workbook_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, read: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _workbook(tmp_path / "large.xlsx")
    monkeypatch.setattr("gridmap.ingest.sheets.MAX_UNPACKED_BYTES", 1000)
    monkeypatch.setattr(check_workbook, "__defaults__", (1000,))
    with pytest.raises(LoadRefused, match=r"unpacks to .* bytes, at most 1000"):
        read(path)


def test_shared_texts_have_a_bound_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _with_texts(tmp_path / "texts.xlsx", _TEXTS.encode())
    monkeypatch.setattr(foreign_files, "MAX_PART_BYTES", 10)
    with pytest.raises(LoadRefused, match="unpacks to more than 10 bytes"):
        check_workbook("texts.xlsx", path)


def test_an_archive_of_a_version_that_there_is_not_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 148  # the version that is needed to unpack the part
    path.write_bytes(content)
    with pytest.raises(LoadRefused, match="is no whole"):
        check_workbook(path.name, path)


def test_many_parts_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_files, "_MAX_PARTS", 3)
    with pytest.raises(LoadRefused, match="parts, at most 3"):
        check_workbook("many.xlsx", _workbook(tmp_path / "many.xlsx"))


@_readers
def test_a_part_is_no_longer_than_it_says(tmp_path: Path, read: Callable[[Path], object]) -> None:
    """A directory that lies about a size: reading stops there, and says so."""
    texts = _TEXTS.replace("{text}", " " * 10**6).encode()
    content = _with_texts(tmp_path / "lie.xlsx", texts).read_bytes()
    lie = content.replace(len(texts).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert lie != content
    (tmp_path / "lie.xlsx").write_bytes(lie)
    with pytest.raises(LoadRefused, match=r"cannot be read as \.xlsx"):
        read(tmp_path / "lie.xlsx")


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BILLION = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{LAUGHS}]>'
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l9 SYSTEM "file://{path}">]>'
_TEXTS = (
    '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="1" uniqueCount="1">'
    "<si><t>{text}</t></si></sst>"
)
_SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    '<row r="1"><c r="A1" t="inlineStr"><is><t>{text}</t></is></c></row></sheetData></worksheet>'
)
# How many megabytes reading files takes, in a process of its own, and what comes of it.
_MEASURED = """
import resource, sys
from pathlib import Path
from gridmap.bulk.sources import open_source
from gridmap.ingest.sheets import read_tables
from gridmap.errors import LoadRefused
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in map(Path, sys.argv[1:]):
    for read in (lambda path: list(open_source(path).batches()), read_tables):
        try:
            print("read", read(path))
        except LoadRefused as error:
            print("refused", error)
print("grew", (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_xml_bombs_and_entities_from_outside_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("a secret text")
    outside = OUTSIDE.replace("{path}", str(tmp_path / "secret.txt"))
    paths = []
    for number, begin in enumerate((BILLION, outside)):
        texts, sheet = ((begin + shape.replace("{text}", "&l9;")).encode() for shape in (_TEXTS, _SHEET))
        paths.append(_with_texts(tmp_path / f"texts-{number}.xlsx", texts))
        for part in ("xl/worksheets/sheet1.xml", "xl/workbook.xml"):
            paths.append(_workbook(tmp_path / f"{Path(part).stem}-{number}.xlsx", **{part: sheet}))
    measured = [sys.executable, "-c", _MEASURED, *map(str, paths)]
    done = subprocess.run(measured, capture_output=True, text=True, timeout=300, check=True)
    assert "a secret text" not in done.stdout
    assert "lollol" not in done.stdout
    *lines, grew = done.stdout.splitlines()
    assert len(lines) >= 2 * len(paths)
    assert int(grew.removeprefix("grew ")) < 300


def test_the_parser_knows_xml_bombs() -> None:
    assert pyexpat.version_info >= (2, 4, 1), "from here on it refuses what grows a hundredfold"


@_readers
def test_members_that_climb_out_of_an_archive_or_are_archives_are_never_unpacked(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as nested:
        nested.writestr("zeros", b"\0" * 2**24)
    link = zipfile.ZipInfo("xl/link.xml")
    link.external_attr = 0o120777 << 16
    folder = tmp_path / "in"
    folder.mkdir()
    path = _workbook(
        folder / "climbs.xlsx", **{"../../climbed.txt": b"x", "/tmp/climbed.txt": b"x", "a.zip": inner.getvalue()}
    )
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    before = sorted(each.name for each in tmp_path.rglob("*"))
    assert read(path)
    assert sorted(each.name for each in tmp_path.rglob("*")) == before
    assert not Path("/tmp/climbed.txt").exists()


def test_parquet_that_says_it_is_too_long_is_refused_where_it_is_read_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "long.parquet"
    pq.write_table(pa.table({"code": ["same"] * 100_000}), path)
    assert path.stat().st_size < 10_000, "a hundred thousand rows in a few bytes"
    check_parquet(path, 100_000)
    with pytest.raises(LoadRefused, match="has 100000 rows, at most 99999"):
        check_parquet(path, 99_999)
    monkeypatch.setattr(layers, "MAX_SHAPES", 10)
    with pytest.raises(LoadRefused, match="at most 10 are read"):
        _layer(path)
    monkeypatch.setattr(tables, "MAX_ROWS", 10)
    with pytest.raises(LoadRefused, match="at most 10 are read"):
        list(tables._rows(path))
    monkeypatch.setattr(foreign_files, "MAX_PARQUET_BYTES", 10)
    with pytest.raises(LoadRefused, match="unpacks to"):
        check_parquet(path, 100_000)
