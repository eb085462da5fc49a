"""A small city of four square cells, and files of points in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely

from gridmap.coverage.grid import Grid
from gridmap.coverage.index import CoverageIndex
from gridmap.model import Area, Cell, City, Revision

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)
WEST, SOUTH, SIDE = 117.20, 39.10, 0.01

# place -> lon, lat, cell, how
PLACES: dict[str, tuple[float | None, float | None, str | None, str | None]] = {
    "within a1": (117.205, 39.105, "a1", "inside"),
    "within b2": (117.215, 39.115, "b2", "inside"),
    "on an edge": (117.2, 39.105, "a1", "edge"),
    "outside": (117.3, 39.105, None, "outside"),
    "nowhere": (None, 39.105, None, None),
}


@pytest.fixture(scope="session")
def city() -> City:
    return City("1", "小城", ("city", "district"), "", "EPSG:4547", "Asia/Shanghai", ("110",), "made up")


@pytest.fixture(scope="session")
def grid(city: City) -> Grid:
    """Cells a1 a2 in district d1, b1 b2 in d2; a2 lies east of a1, b1 north of it."""
    squares = [
        shapely.box(WEST + SIDE * i, SOUTH + SIDE * j, WEST + SIDE * (i + 1), SOUTH + SIDE * (j + 1))
        for j in range(2)
        for i in range(2)
    ]
    areas = {
        "1": Area("1", "city", "小城", None),
        "d1": Area("d1", "district", "南", "1"),
        "d2": Area("d2", "district", "北", "1"),
    }
    codes = ["a1", "a2", "b1", "b2"]
    cells = tuple(Cell(i, code, code, "basic", "d1" if code[0] == "a" else "d2") for i, code in enumerate(codes))
    return Grid(Revision(7, EPOCH, EPOCH), cells, areas, CoverageIndex.build(np.array(squares), "EPSG:4547"))


@pytest.fixture
def frame() -> pd.DataFrame:
    """The places as a table with a code that begins with 0 and a Chinese name."""
    return pd.DataFrame(
        {
            "code": [f"00{i}" for i in range(len(PLACES))],
            "名称": list(PLACES),
            "lon": [place[0] for place in PLACES.values()],
            "lat": [place[1] for place in PLACES.values()],
        }
    )


@pytest.fixture
def csv_file(tmp_path: Path, frame: pd.DataFrame) -> Path:
    path = tmp_path / "points.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def random_points() -> Callable[[int], pd.DataFrame]:
    """n points in and about the city, from a seed, with ids and accuracies."""

    def make(count: int) -> pd.DataFrame:
        rng = np.random.default_rng(7)
        return pd.DataFrame(
            {
                "id": np.arange(count),
                "lon": rng.uniform(WEST - SIDE / 4, WEST + 2.25 * SIDE, count),
                "lat": rng.uniform(SOUTH - SIDE / 4, SOUTH + 2.25 * SIDE, count),
                "accuracy": rng.choice([0.0, 10.0, 300.0], count),
            }
        )

    return make
