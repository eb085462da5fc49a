"""Feeds damaged files to everything that reads files, for so many seconds, within so much memory.

``python -m tests.gridmap.fuzzing SECONDS SEED``. A process of its own: what a parser in C does to it is seen from
outside. What is not refused by a domain error, or takes too much memory, ends it with the seed that repeats it.
"""

from __future__ import annotations

import io
import json
import random
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import pyarrow as pa
import shapely
from openpyxl import Workbook

from gridmap.bulk import streams
from gridmap.bulk.sources import open_source
from gridmap.errors import GridMapError
from gridmap.ingest.description import Layer
from gridmap.ingest.frames import read_frames
from gridmap.ingest.layers import read_layer
from gridmap.ingest.roster import read_roster
from gridmap.ingest.sheets import read_tables

MOST_MB = 1500
_DRIVERS = {".gpkg": "GPKG", ".shp": "ESRI Shapefile", ".fgb": "FlatGeobuf", ".geojson": "GeoJSON"}
_WORDS = (
    b"\0",
    b"\xff",
    b"'",
    b'"',
    b"\n",
    b"NaN",
    b"1e309",
    b"-",
    b"\xe7\xbd\x91",
    b"<!ENTITY",
    b"{" * 50,
    b"[" * 50,
)


def seeds() -> dict[str, bytes]:
    """A small right file of each kind, by suffix."""
    frame = gpd.GeoDataFrame(
        {"code": ["a", "b"], "name": ["网格一", "网格二"]}, geometry=[shapely.Point(117.2, 39.1)] * 2, crs=4326
    )
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for suffix, driver in {
            ".gpkg": "GPKG",
            ".shp": "ESRI Shapefile",
            ".fgb": "FlatGeobuf",
            ".geojson": "GeoJSON",
        }.items():
            path = Path(folder) / f"seed{suffix}"
            frame.to_file(path, driver=driver)
            found[suffix] = path.read_bytes()
        frame.to_parquet(Path(folder) / "seed.parquet")
        found[".parquet"] = (Path(folder) / "seed.parquet").read_bytes()
    found[".csv"] = 'code,name,lon,lat\na,网格一,117.2,39.1\nb,"x,\ny",117.3,39.2\n'.encode()
    book = Workbook()
    assert book.active is not None
    for row in (["post", "holder", "hours", "lon", "lat"], ["p", "h", "1-5 08:00-20:00", 117.2, 39.1]):
        book.active.append(row)
    sink = io.BytesIO()
    book.save(sink)
    found[".xlsx"] = sink.getvalue()
    batch = pa.RecordBatch.from_pydict({"lon": [117.2, 117.3], "lat": [39.1, 39.2], "name": ["a", None]})
    found[".arrow"] = streams.write_arrow(batch)
    return found


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The content with a few bytes changed, cut out, doubled or put in."""
    spoilt = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(spoilt) + 1)
        length = chance.choice((1, 2, 4, 8, 64, 1024))
        match chance.randrange(6):
            case 0:
                spoilt[at : at + length] = chance.randbytes(min(length, 64))
            case 1:
                del spoilt[at : at + length]
            case 2:
                spoilt[at:at] = spoilt[at : at + length] * chance.choice((1, 2, 50))
            case 3:
                spoilt[at:at] = chance.choice(_WORDS)
            case 4:
                spoilt[at : at + 4] = chance.choice((0, 1, 2**31 - 1, 2**32 - 1, 2**30)).to_bytes(4, "little")
            case _:
                if at < len(spoilt):
                    spoilt[at] ^= 1 << chance.randrange(8)
    return bytes(spoilt)


def readers(suffix: str) -> list[Callable[[Path], object]]:
    """Everything that reads files of this kind."""
    if suffix == ".arrow":
        return [lambda path: streams.read_arrow(path.read_bytes(), 1000)]
    section: Any = SimpleNamespace(
        layer=None, encoding=None, delimiter=None, crs="wgs84", lon=SimpleNamespace(column="x")
    )
    found: list[Callable[[Path], object]] = [
        lambda path: list(open_source(path).batches()),
        lambda path: list(read_frames(path, section)),
    ]
    if suffix in (".xlsx", ".csv"):
        found += [read_tables, lambda path: read_roster(path, ZoneInfo("Asia/Shanghai"))]
    if suffix == ".csv":
        found.append(lambda path: streams.read_csv(path.read_bytes(), 1000))
    else:
        found.append(lambda path: read_layer(path.parent, Layer(file=path.name, crs="wgs84")))
    return found


def main(seconds: float, seed: int) -> int:
    """Fuzz until the time is over; the exit code."""
    warnings.simplefilter("ignore")
    files, tried, refused = seeds(), 0, 0
    for suffix, content in files.items():  # all is loaded before memory is bounded
        _try(suffix, content, random.Random(0))
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MOST_MB * 2**20,) * 2)
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        chance = random.Random(seed + tried)
        suffix = chance.choice(sorted(files))
        try:
            refused += _try(suffix, damaged(files[suffix], chance), chance)
        except BaseException:
            print(f"seed {seed + tried} {suffix}", flush=True)
            traceback.print_exc()
            return 1
        tried += 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"tried": tried, "refused": refused, "peak_mb": peak}))
    return 0


def _try(suffix: str, content: bytes, chance: random.Random) -> bool:
    """Whether a reader refused the content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{suffix}"
        path.write_bytes(content)
        try:
            chance.choice(readers(suffix))(path)
        except GridMapError:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2])))
