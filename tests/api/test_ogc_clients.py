"""Other people's clients on the OGC routes, over a real connection: GDAL, OWSLib, QGIS where it is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import urlopen

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from owslib.ogcapi.features import Features

from gridmap.coverage.grid import Grid
from gridmap.crs import from_wgs84
from gridmap.store.database import Database
from tests.api.test_ogc_released import release_one_category

# A process of its own: GDAL reads with Python's lock held, so a server in this one could never answer it.
SERVER = """
import socket, sys
from pathlib import Path
import uvicorn
from api.app import create_app
from api.deps import Service
from gridmap.current import Current
from gridmap.settings import Settings
from gridmap.store.database import Database

database = Database(sys.argv[1])
with socket.socket() as listening:
    listening.bind(("127.0.0.1", 0))
    listening.listen(64)
    app = create_app(Service(Settings(), database, Current(database, Path(sys.argv[2]))))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    print(listening.getsockname()[1], flush=True)
    server.run(sockets=[listening])
"""
ROOT = Path(__file__).parents[2]
DEBIANS_PYTHON = "/usr/bin/python3"
BOX = (117.19, 39.11, 117.20, 39.12)
LEVELS = ["city", "district", "street", "community"]
COLLECTIONS = ["cells", *LEVELS, "overlays", "released_cells", *(f"released_{level}" for level in LEVELS)]


@pytest.fixture(scope="module")
def counted(make_copy: Callable[..., AbstractContextManager[Database]]) -> Iterator[Database]:
    """A copy of Heping with two releases."""
    with make_copy("ogc_counted") as database:
        release_one_category(database)
        yield database


@pytest.fixture(scope="module")
def served(counted: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the OGC routes of a server in a process of its own."""
    url = counted.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", SERVER, url, str(tmp_path_factory.mktemp("ogc"))]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/ogc"
        process.terminate()


@pytest.fixture(scope="module")
def gdal(served: str) -> Callable[..., gpd.GeoDataFrame]:
    """Reads a layer by GDAL's own client; ids are the index."""

    def read(layer: str, **options: Any) -> gpd.GeoDataFrame:
        return pyogrio.read_dataframe(f"OAPIF:{served}", layer=layer, fid_as_index=True, **options)

    return read


def test_gdal_lists_the_collections(served: str) -> None:
    layers = pyogrio.list_layers(f"OAPIF:{served}")
    assert list(layers[:, 0]) == COLLECTIONS


@pytest.mark.parametrize("page_size", ["97", "1000"])
def test_gdal_pages_through_all_cells(gdal: Callable[..., gpd.GeoDataFrame], grid: Grid, page_size: str) -> None:
    cells = gdal("cells", PAGE_SIZE=page_size)
    assert len(cells) == len(grid.cells)
    for (fid, row), cell in zip(
        cells.sort_index().iterrows(), sorted(grid.cells, key=lambda one: one.id), strict=True
    ):
        assert (fid, row.code, row["name"], row.kind, row.community) == (
            cell.id, cell.code, cell.name, cell.kind, cell.community,
        )  # fmt: skip
        assert row.geometry.equals_exact(grid.index.degrees[grid.by_code[cell.code]], 0)


def test_gdal_filters_by_attributes_and_boxes(gdal: Callable[..., gpd.GeoDataFrame], grid: Grid) -> None:
    found = gdal("cells", where="kind = 'special' AND code LIKE '120101%'")
    assert set(found.code) == {cell.code for cell in grid.cells if cell.kind == "special"}
    within = set(gdal("cells", bbox=BOX).code)
    assert within == {
        cell.code
        for cell, degrees in zip(grid.cells, grid.index.degrees, strict=True)
        if degrees.intersects(shapely.box(*BOX))
    }


def test_gdal_reads_other_systems(gdal: Callable[..., gpd.GeoDataFrame], grid: Grid) -> None:
    """GDAL turns pairs that are written north first, and gives them east first as a GIS draws them."""
    metric = gdal("cells", CRS="EPSG:4548").set_index("code")
    assert metric.crs.to_epsg() == 4548
    for cell, degrees in list(zip(grid.cells, grid.index.degrees, strict=True))[::50]:
        stored = shapely.get_coordinates(degrees)
        expected = np.column_stack(from_wgs84("EPSG:4548", stored[:, 0], stored[:, 1]))
        assert np.allclose(shapely.get_coordinates(metric.loc[cell.code].geometry), expected, rtol=0, atol=1e-6)


def test_gdal_reads_areas_by_code(gdal: Callable[..., gpd.GeoDataFrame], grid: Grid) -> None:
    streets = gdal("street")
    assert streets.cells.sum() == len(grid.cells)
    assert set(streets.code) == {code for code, area in grid.areas.items() if area.level == "street"}


def released_rows(served: str, of: str, by: str) -> dict[str, int | None]:
    """The counts that the release of October gives by its own route."""
    address = f"{served.removesuffix('/ogc')}/v1/releases/2026-10?{urlencode({'of': of, 'by': by})}"
    with urlopen(address) as answer:
        return {row["code"]: row["count"] for row in json.load(answer)["rows"]}


@pytest.mark.parametrize(("layer", "by"), [("released_cells", "cell"), ("released_street", "street")])
def test_gdal_reads_released_counts(
    served: str, gdal: Callable[..., gpd.GeoDataFrame], grid: Grid, layer: str, by: str
) -> None:
    """Types are those of the first page: where it is small, a column of hidden counts only would be text."""
    pages = {"PAGE_SIZE": "200", "INITIAL_REQUEST_PAGE_SIZE": "10000"}
    features = gdal(layer, **pages)
    assert set(features.period) == {"2026-10"}
    for of in ("incidents", "person", "place"):
        expected = released_rows(served, of, by)
        numbers = {code: None if np.isnan(count) else int(count) for code, count in zip(
            features.code, features[of].astype(float), strict=True
        )}  # fmt: skip
        assert numbers == expected
    few = gdal(layer, where="incidents >= 3 AND person IS NOT NULL OR place >= 8", **pages)
    incidents, person, place = (released_rows(served, of, by) for of in ("incidents", "person", "place"))
    expected = {
        code
        for code in place
        if ((incidents[code] or 0) >= 3 and person[code] is not None) or (place[code] or 0) >= 8
    }
    assert expected
    assert set(few.code) == expected
    if by == "cell":
        assert len(features) == len(grid.cells)
        for code, shape in zip(features.code, features.geometry, strict=True):
            assert shape.equals_exact(grid.index.degrees[grid.by_code[code]], 0)


def test_owslib_reads_released_counts(served: str) -> None:
    client = Features(f"{served}/")
    assert client.collection_queryables("released_street")["properties"]["incidents"]["type"] == "integer"
    page = client.collection_items("released_street", datetime_="2026-09/2026-10", limit=1000)
    assert [each["period"] for each in page["releases"]] == ["2026-09", "2026-10"]
    found = {
        feature["properties"]["code"]: feature["properties"]["incidents"]
        for feature in page["features"]
        if feature["properties"]["period"] == "2026-10"
    }
    assert found == released_rows(served, "incidents", "street")
    one = client.collection_item("released_street", page["features"][0]["id"])
    assert one["properties"] == page["features"][0]["properties"]


def test_owslib_lists_pages_and_filters(served: str, grid: Grid) -> None:
    client = Features(f"{served}/")
    assert client.feature_collections() == COLLECTIONS
    assert "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core" in client.conformance()["conformsTo"]
    assert client.api()["openapi"].startswith("3.0")
    assert "kind" in client.collection_queryables("cells")["properties"]
    page = client.collection_items("cells", limit=200)
    ids = [feature["id"] for feature in page["features"]]
    while after := [link["href"] for link in page["links"] if link["rel"] == "next"]:
        page = client.collection_items("cells", **dict(parse_qsl(urlsplit(after[0]).query)))
        ids += [feature["id"] for feature in page["features"]]
    assert ids == sorted(cell.id for cell in grid.cells)
    found = client.collection_items(
        "cells", filter="kind = 'special'", bbox=[*BOX], datetime_="2026-11-01T00:00:00Z"
    )
    assert found["numberMatched"] == sum(
        cell.kind == "special" and degrees.intersects(shapely.box(*BOX))
        for cell, degrees in zip(grid.cells, grid.index.degrees, strict=True)
    )
    one = client.collection_item("cells", str(ids[3]))
    assert one["id"] == ids[3]


# Run by Debian's Python, which has QGIS's modules: the layer's source is the argument, what it reads the output.
QGIS = """
import json, sys
from qgis.core import QgsApplication, QgsFeatureRequest, QgsRectangle, QgsVectorLayer
application = QgsApplication([], False)
application.initQgis()
layer = QgsVectorLayer(sys.argv[1], "cells", "OAPIF")
assert layer.isValid(), layer.error().message()
cells = {each["code"]: each.geometry().asWkb().toHex().data().decode() for each in layer.getFeatures()}
box = QgsFeatureRequest(QgsRectangle(*map(float, sys.argv[2].split(","))))
within = [each["code"] for each in layer.getFeatures(box.setFlags(QgsFeatureRequest.ExactIntersect))]
layer.setSubsetString("kind = 'special'")
special = [each["code"] for each in layer.getFeatures()]
print(json.dumps({"cells": cells, "within": within, "special": special, "crs": layer.crs().authid()}))
del layer  # before the application, or QGIS falls at its end
application.exitQgis()
"""


def has_qgis() -> bool:
    """Whether Debian's Python has QGIS's modules."""
    if not Path(DEBIANS_PYTHON).exists():
        return False
    command = [DEBIANS_PYTHON, "-c", "import qgis.core"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.soak
@pytest.mark.skipif(not has_qgis(), reason="QGIS is not installed: apt-get install python3-qgis")
def test_qgis_reads_all_cells(served: str, grid: Grid, tmp_path: Path) -> None:
    source = f"url='{served}' typename='cells' restrictToRequestBBOX='1' pageSize='200'"
    environment = {
        "QT_QPA_PLATFORM": "offscreen",
        "HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "PATH": "/usr/bin",
    }
    command = [DEBIANS_PYTHON, "-c", QGIS, source, ",".join(map(str, BOX))]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])
    assert found["crs"] in ("OGC:CRS84", "EPSG:4326")
    assert set(found["cells"]) == set(grid.by_code)
    for code, octets in found["cells"].items():
        assert shapely.from_wkb(octets).equals(grid.index.degrees[grid.by_code[code]])
    assert set(found["within"]) == {
        cell.code
        for cell, degrees in zip(grid.cells, grid.index.degrees, strict=True)
        if degrees.intersects(shapely.box(*BOX))
    }
    assert set(found["special"]) == {cell.code for cell in grid.cells if cell.kind == "special"}
