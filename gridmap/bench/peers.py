"""Other ways to place points in cells: each says for n points which is the lowest cell that covers it.

A peer is made once from the cells, as its users would, and then asked for arrays of points. Polygons come sorted
by code, so that the lowest position is law 1's lowest code; -1 where no cell covers a point.
"""

from __future__ import annotations

import importlib
import platform
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from gridmap.crs import Floats
from gridmap.shapes import Geometries
from gridmap.store.database import Connection
from gridmap.store.placing import lowest_covering

Positions = NDArray[np.int64]
Place = Callable[[Floats, Floats], Positions]


class NotInstalled(Exception):
    """A peer's packages are not there; the text says what to install."""


def strtree(cells: Geometries) -> Place:
    """``shapely.STRtree``, the tree of GEOS, with prepared polygons."""
    shapely.prepare(cells)
    tree = shapely.STRtree(cells)

    def place(lon: Floats, lat: Floats) -> Positions:
        rows, found = tree.query(shapely.points(lon, lat), predicate="intersects")
        return _lowest(len(lon), rows, found)

    return place


def sjoin(cells: Geometries) -> Place:
    """``geopandas.sjoin``."""
    right = gpd.GeoDataFrame(geometry=cells, crs=4326)

    def place(lon: Floats, lat: Floats) -> Positions:
        left = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat, crs=4326))
        joined = gpd.sjoin(left, right, predicate="intersects")
        return _lowest(len(lon), joined.index.to_numpy(), joined["index_right"].to_numpy())

    return place


def duckdb_spatial(cells: Geometries) -> Place:
    """DuckDB with its spatial extension, from the package that carries the extension: nothing is downloaded."""
    try:
        duckdb = importlib.import_module("duckdb")
        carrier = importlib.import_module("duckdb_extension_spatial")
    except ModuleNotFoundError as error:
        raise NotInstalled("pip install duckdb-extension-spatial") from error
    (extension,) = Path(str(carrier.__file__)).parent.rglob("spatial.duckdb_extension")
    database = duckdb.connect()
    database.execute(f"LOAD '{extension}'")
    database.execute("SET threads = 1")
    table = pa.table({"position": np.arange(len(cells)), "wkb": pa.array(shapely.to_wkb(cells), pa.binary())})
    database.register("given", table)
    database.execute("CREATE TABLE cells AS SELECT position, ST_GeomFromWKB(wkb) AS geom FROM given")

    def place(lon: Floats, lat: Floats) -> Positions:
        database.register("points", pa.table({"row": np.arange(len(lon)), "lon": lon, "lat": lat}))
        found = database.execute(
            "SELECT point.row, min(cells.position) "
            "FROM (SELECT row, ST_Point(lon, lat) AS geom FROM points) AS point "
            "JOIN cells ON ST_Intersects(cells.geom, point.geom) GROUP BY point.row"
        ).fetchnumpy()
        rows, positions = found.values()
        return _lowest(len(lon), rows, positions)

    return place


def sedona(cells: Geometries) -> Place:
    """SedonaDB."""
    try:
        sedonadb = importlib.import_module("sedonadb")
    except ModuleNotFoundError as error:
        raise NotInstalled("pip install sedonadb") from error
    session = sedonadb.connect()
    frame = gpd.GeoDataFrame({"position": np.arange(len(cells))}, geometry=cells, crs=4326)
    session.create_data_frame(frame).to_view("cells", overwrite=True)

    def place(lon: Floats, lat: Floats) -> Positions:
        points = gpd.GeoDataFrame({"row": np.arange(len(lon))}, geometry=gpd.points_from_xy(lon, lat, crs=4326))
        session.create_data_frame(points).to_view("points", overwrite=True)
        found = pa.table(
            session.sql(
                "SELECT points.row AS row, min(cells.position) AS position FROM points "
                "JOIN cells ON ST_Intersects(cells.geometry, points.geometry) GROUP BY points.row"
            )
        )
        return _lowest(len(lon), found["row"].to_numpy(), found["position"].to_numpy())

    return place


def postgis(connection: Connection, revision: int, by_code: Mapping[str, int], plan: str) -> Place:
    """PostGIS by a plan of ``store.placing``: its planner's own, or an index on the points with cells outer."""

    def place(lon: Floats, lat: Floats) -> Positions:
        codes = lowest_covering(connection, revision, lon, lat, plan)
        return np.array([-1 if code is None else by_code[code] for code in codes], np.int64)

    return place


def versions() -> dict[str, str]:
    """Of all that is measured here, as far as it is installed."""
    known = {}
    for name in ("numpy", "numba", "shapely", "geopandas", "duckdb", "sedonadb", "h3"):
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            continue
    return {**known, "GEOS": ".".join(map(str, shapely.geos_version)), "python": platform.python_version()}


def _lowest(count: int, rows: NDArray[np.integer], found: NDArray[np.integer]) -> Positions:
    """The lowest of the cells found for each row, -1 where none was."""
    lowest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(lowest, rows, found)
    return np.where(lowest == np.iinfo(np.int64).max, -1, lowest)
