"""Memory does not grow with the file: the peak after a file is that after one of a tenth of its rows."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gridmap.bulk.pipeline import Reading, open_all, place_into
from gridmap.coverage.grid import Grid
from gridmap.model import City

ROOT = Path(__file__).parents[3]
READING = Reading("wgs84", "lon", "lat", threads=2)


def write_points(path: Path, count: int, group_rows: int) -> None:
    """Points in and about the city, from a seed."""
    rng = np.random.default_rng(50)
    schema = pa.schema([("id", pa.int64()), ("lon", pa.float64()), ("lat", pa.float64())])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, count, group_rows):
            rows = min(group_rows, count - start)
            lon, lat = rng.uniform(117.199, 117.221, rows), rng.uniform(39.099, 39.121, rows)
            writer.write_table(pa.table([np.arange(start, start + rows), lon, lat], schema=schema))


def peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def grown_mib(grid: Grid, city: City, folder: Path, rows: int, group_rows: int) -> int:
    """How much the peak grows from a file of ``rows`` to one of ten times as many."""
    peaks = []
    for count in (rows, 10 * rows):
        path = folder / f"{count}.parquet"
        _write_elsewhere(path, count, group_rows)
        before = peak_mib()
        tally = place_into(grid, city, open_all([path], READING), folder / "out.parquet", READING)
        assert tally.rows == count
        path.unlink()
        peaks.append(max(before, peak_mib()))
    return peaks[1] - peaks[0]


def _write_elsewhere(path: Path, count: int, group_rows: int) -> None:
    """In a process of its own: what making a large row group takes must not count."""
    subprocess.run([sys.executable, __file__, str(path), str(count), str(group_rows)], check=True, cwd=ROOT)


@pytest.mark.soak
@pytest.mark.parametrize("group_rows", [250_000, 10_000_000])
def test_memory_does_not_grow_with_the_file(grid: Grid, city: City, tmp_path: Path, group_rows: int) -> None:
    assert grown_mib(grid, city, tmp_path, 1_000_000, group_rows) < 200


if __name__ == "__main__":
    write_points(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
