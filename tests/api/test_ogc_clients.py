"""Other people's clients on the OGC routes, over a real connection: GDAL, OWSLib, and QGIS where it is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pyogrio
import pytest
import shapely
from owslib.ogcapi.features import Features

from gridmap.coverage.grid import Grid
from gridmap.store.database import Database

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
METRIC = "http://www.opengis.net/def/crs/EPSG/0/4548"
BOX = (117.19, 39.11, 117.20, 39.12)


@pytest.fixture(scope="module")
def served(heping_served: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the OGC routes of a server in a process of its own."""
    url = heping_served.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", SERVER, url, str(tmp_path_factory.mktemp("ogc"))]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/ogc"
        process.terminate()


def test_gdal_lists_the_collections(served: str) -> None:
    layers = pyogrio.list_layers(f"OAPIF:{served}")
    assert list(layers[:, 0]) == ["cells", "city", "district", "street", "community", "overlays"]


def test_gdal_pages_through_all_cells(served: str, grid: Grid) -> None:
    cells = pyogrio.read_dataframe(f"OAPIF:{served}", layer="cells", PAGE_SIZE=100, fid_as_index=True)
    print(cells.dtypes, cells.crs)
    assert len(cells) == len(grid.cells)


def test_owslib(served: str, grid: Grid) -> None:
    client = Features(f"{served}/")
    print(client.feature_collections(), client.conformance())
    print(client.collection_items("cells", limit=3)["numberMatched"])
