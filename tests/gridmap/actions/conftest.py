"""Files of points for Heping: right ones, and mixed ones in which every kind of fault stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.snapshot import read_grid

MAPPING = """
[[incidents]]
file = "mixed*.csv"
crs = "wgs84"
source = "mixed"
id = "id"
lon = "lon"
lat = "lat"
category = "category"
happened_at = "happened_at"
reporter = "reporter"
"""
# What is rejected of a mixed file, by its fault; each of these and what lies outside is 2 % of the rows.
REJECTED = {
    "metres": "lon, lat: no place in wgs84",
    "swapped": "lon, lat: out of range, and look swapped",
    "nan": "lon: must be a finite number",
    "missing": "category: must not be empty",
    "too_long": "reporter: must be at most",
    "duplicate": "id: is a duplicate",
    "encoding": "row: cannot be decoded",
}
# Stands for bytes that are no text in the encoding of the rest.
MARK = "@@undecodable@@"
SHARE = 0.02


@dataclass(frozen=True)
class Mixed:
    """A folder with a mapping and its files, and how many rows have which fault."""

    folder: Path
    rows: int
    faults: dict[str, int]

    @property
    def mapping(self) -> Path:
        """The description of the files."""
        return self.folder / "mixed.toml"

    @property
    def rejected(self) -> int:
        """How many rows must be rejected."""
        return sum(self.faults[name] for name in REJECTED)


@pytest.fixture
def rng() -> np.random.Generator:
    """The same draws in every run."""
    return np.random.default_rng(20261125)


@pytest.fixture
def mix(tmp_path: Path, heping: Database) -> Callable[..., Mixed]:
    """Writes mixed files, the same for the same seed."""
    with heping.begin(OPERATOR) as connection:
        west, south, east, north = read_grid(connection, read_city(connection)).index.bounds

    def write(rows: int, *, files: int = 2, seed: int = 1) -> Mixed:
        draw = np.random.default_rng(seed)
        kinds = ("good", "outside", *REJECTED)
        shares = [1 - SHARE * (len(kinds) - 1), *[SHARE] * (len(kinds) - 1)]
        kind = draw.choice(len(kinds), rows, p=shares)
        kind[: rows // 10] = 0  # so that a duplicate has a first
        is_ = {name: kind == number for number, name in enumerate(kinds)}
        lon, lat = draw.uniform(west, east, rows), draw.uniform(south, north, rows)
        lon[is_["outside"]] += 2.0
        lon[is_["metres"]] *= 4e4
        lon[is_["swapped"]], lat[is_["swapped"]] = lat[is_["swapped"]], lon[is_["swapped"]]
        ids = np.char.add("m", np.arange(rows).astype(str)).astype(object)
        firsts = draw.permutation(rows // 10)[: is_["duplicate"].sum()]
        ids[is_["duplicate"]] = ids[firsts]
        minutes = pd.to_timedelta(draw.integers(0, 500_000, rows), unit="min")
        frame = pd.DataFrame(
            {
                "id": ids,
                "lon": pd.Series(lon).round(7).astype(str).mask(is_["nan"], "NaN"),
                "lat": lat.round(7),
                "category": pd.Series("noise", range(rows)).mask(is_["missing"], ""),
                "happened_at": (pd.Timestamp("2025-11-01 08:00") + minutes).astype(str),
                "reporter": pd.Series(ids, dtype=object)
                .mask(is_["too_long"], "x" * 5000)
                .mask(is_["encoding"], MARK),
            }
        )
        for number, part in enumerate(np.array_split(np.arange(rows), files)):
            path = tmp_path / f"mixed{number}.csv"
            frame.iloc[part].to_csv(path, index=False)
            path.write_bytes(path.read_bytes().replace(MARK.encode(), b"\xff\xfe\x81"))
        (tmp_path / "mixed.toml").write_text(MAPPING, encoding="utf-8")
        return Mixed(tmp_path, rows, {name: int(each.sum()) for name, each in is_.items()})

    return write


@pytest.fixture
def state() -> Callable[[Database], dict[str, object]]:
    """Everything that loading the same rows again must leave as it is, row versions and their times too."""
    tables = (
        "element",
        "building",
        "incident",
        "element_placement",
        "incident_placement",
        "data_version",
        "revision",
    )

    def look(database: Database) -> dict[str, object]:
        with database.begin(OPERATOR, long_work=True) as connection:
            found: dict[str, object] = {}
            for table in tables:
                query = f"SELECT count(*), sum(hashtextextended(row::text || xmin || ctid, 0)) FROM {table} AS row"
                found[table] = tuple(connection.execute(text(query)).one())
            return found

    return look
