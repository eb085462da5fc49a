"""``gridmap bench loading``: rows a second from a file to placed and indexed rows; nothing of it stays."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gridmap.actions.placing import Placing
from gridmap.actions.points import write_sections
from gridmap.errors import NotMeasured
from gridmap.ingest.description import read_mapping
from gridmap.model import Actor
from gridmap.store.categories import read_categories
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database
from gridmap.store.locks import lock_revision
from gridmap.store.snapshot import read_grid
from gridmap.store.subjects import read_building_points

Progress = Callable[[str], None]

_FROM_A_BUILDING_DEGREES = 3e-4
_YEAR_S = 365 * 86_400
_BEGINS = np.datetime64("2025-11-01T00:00:00")
_MAPPING = """
[[incidents]]
file = "incidents.parquet"
crs = "wgs84"
source = "gridmap bench loading"
id = "id"
lon = "lon"
lat = "lat"
category = "category"
happened_at = "happened_at"
"""


@dataclass
class LoadingBench:
    """Seconds that loads took, the judging of their crs included, and rows a second.

    ``first``: rows that are not there yet, into a city whose indexes are kept up to date meanwhile; ``again``: the
    same rows, of which none changes. ``grid_s`` is the reading of the grid, once for both.
    """

    rows: int
    grid_s: float
    first_s: float
    first_rows_per_s: int
    again_s: float
    again_rows_per_s: int


class _TakenBack(Exception):
    """Ends the transaction, so that nothing of the benchmark stays."""


def bench_loading(database: Database, actor: Actor, count: int, seed: int, progress: Progress) -> LoadingBench:
    """Load ``count`` made-up incidents near the city's buildings from Parquet, twice, and take them back.

    NotMeasured in a city without buildings.
    """
    report = LoadingBench(count, 0.0, 0.0, 0, 0.0, 0)
    try:
        with TemporaryDirectory() as folder, database.begin(actor, long_work=True) as connection:
            _measure(connection, actor, Path(folder), report, seed, progress)
            raise _TakenBack
    except _TakenBack:
        return report


def _measure(
    connection: Connection, actor: Actor, folder: Path, report: LoadingBench, seed: int, progress: Progress
) -> None:
    _write(connection, folder, report.rows, seed)
    section = read_mapping(folder / "mapping.toml").sections
    lock_revision(connection)
    began = time.perf_counter()
    city = read_city(connection)
    placing = Placing(read_grid(connection, city), city)
    report.grid_s = round(time.perf_counter() - began, 2)
    for name in ("first", "again"):
        began = time.perf_counter()
        (counts,) = write_sections(connection, actor, section, folder, placing, city, progress)
        took = time.perf_counter() - began
        wanted = counts.counts.inserted if name == "first" else counts.counts.unchanged
        assert wanted == report.rows, counts
        setattr(report, f"{name}_s", round(took, 2))
        setattr(report, f"{name}_rows_per_s", round(report.rows / took))


def _write(connection: Connection, folder: Path, count: int, seed: int) -> None:
    lon, lat = read_building_points(connection)
    if not len(lon):
        raise NotMeasured("how fast rows are loaded: the city has no buildings to make incidents near")
    categories = list(read_categories(connection, "incident")) or ["noise"]
    draw = np.random.default_rng(seed)
    at = draw.integers(0, len(lon), count)
    seconds = np.sort(draw.integers(0, _YEAR_S, count)).astype("timedelta64[s]")
    rows = {
        "id": [f"B{number:09d}" for number in range(count)],
        "lon": np.round(lon[at] + draw.normal(0.0, _FROM_A_BUILDING_DEGREES, count), 7),
        "lat": np.round(lat[at] + draw.normal(0.0, _FROM_A_BUILDING_DEGREES, count), 7),
        "category": np.array(categories)[draw.integers(0, len(categories), count)],
        "happened_at": pa.array(_BEGINS + seconds, pa.timestamp("s")),
    }
    pq.write_table(pa.table(rows), folder / "incidents.parquet")
    (folder / "mapping.toml").write_text(_MAPPING, encoding="utf-8")
