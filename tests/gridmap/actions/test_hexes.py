"""The hex cover as a file: whole or not there, and the README's lines place points with it as the index does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from gridmap import hexes
from gridmap.access import OPERATOR
from gridmap.actions import hexes as actions
from gridmap.actions.hexes import export_hexes, rebuild_hexes
from gridmap.actions.verify import verify_city
from gridmap.coverage.grid import Grid
from gridmap.coverage.index import CoverageIndex
from gridmap.errors import InvalidInput, NotAllowed, NotFound
from gridmap.model import Actor
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.snapshot import read_grid

PUBLIC = Actor("somebody", "public")
README = Path(__file__).parents[3] / "README.md"


def quiet(_: str) -> None:
    """No progress in tests."""


def from_readme(language: str, word: str) -> str:
    """The README's block of code in a language that has this word in it."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = [block for block in blocks if word in block]
    return str(found)


@pytest.fixture(scope="module")
def file(heping: Database, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hexes") / "hexes.parquet"
    report = export_hexes(heping, PUBLIC, path, None, quiet)
    assert report.revision == 1
    assert report.inside + report.straddling == pq.read_metadata(path).num_rows
    assert min(report.inside, report.straddling) > 0
    return path


@pytest.fixture(scope="module")
def grid(heping: Database) -> Grid:
    with heping.begin(OPERATOR) as connection:
        return read_grid(connection, read_city(connection))


@pytest.fixture(scope="module")
def points(grid: Grid) -> pd.DataFrame:
    """Points in and around the district, with their hexes and the cells that the index gives."""
    west, south, east, north = grid.index.bounds
    lon, lat = np.random.default_rng(3).uniform((west, south), (east, north), (5_000, 2)).T.copy()
    index = CoverageIndex.build(grid.index.degrees, grid.index.metric_crs)
    positions, _ = index.locate_many(lon, lat)
    codes = np.array([*(cell.code for cell in grid.cells), "outside"], dtype=object)
    columns = {"lon": lon, "lat": lat, "hex": hexes.hexes_of(lon, lat), "wanted": codes[positions]}
    return pd.DataFrame({"id": range(len(lon)), **columns})


def test_the_file_says_what_it_is(file: Path) -> None:
    metadata = pq.read_schema(file).metadata
    assert metadata[b"gridmap.revision"] == b"1"
    assert metadata[b"gridmap.city"] == b"120000"
    assert metadata[b"gridmap.point_resolution"] == b"11"
    rows = pq.read_table(file).to_pandas()
    assert (rows.begins.to_numpy()[1:] > rows.ends.to_numpy()[:-1]).all()
    assert [hexes.to_text(each) for each in rows.hex] == rows.hex_text.tolist()
    assert (rows.inside == rows.cell.notna()).all()
    assert (rows.inside == rows.candidates.isna()).all()
    for listed in rows.candidates.dropna():
        assert listed.tolist() == sorted(listed, key=str.encode)
    assert rows.maybe_outside.any()
    assert not rows.maybe_outside[rows.inside].any()


def test_the_readme_names_its_columns(file: Path) -> None:
    told = README.read_text(encoding="utf-8")
    assert all(f"`{name}`" in told for name in pq.read_schema(file).names)


def test_duckdb_places_points_with_it(file: Path, points: pd.DataFrame) -> None:
    connection = duckdb.connect()
    connection.register("point", points)
    query = from_readme("sql", "ASOF").replace("hexes.parquet", str(file))
    found = connection.execute(query).df().set_index("id")
    assert len(found) > len(points) / 3
    wanted = points.set_index("id").wanted
    assert (wanted[~wanted.index.isin(found.index)] == "outside").all()
    for at, row in found.iterrows():
        if pd.notna(row.cell):
            assert row.cell == wanted[at]
        else:
            assert wanted[at] in [*row.candidates, *["outside"] * row.maybe_outside]


def test_pandas_and_shapely_place_points_with_it(file: Path, points: pd.DataFrame, grid: Grid) -> None:
    names: dict[str, Any] = {}
    exec(from_readme("python", "merge_asof"), names)
    shapes = dict(zip((cell.code for cell in grid.cells), grid.index.degrees, strict=True))
    placed = names["place"](points, pd.read_parquet(file), shapes)
    cells = placed.set_index("id").cell.reindex(points.id).fillna("outside")
    assert cells.tolist() == points.wanted.tolist()


def test_the_statement_of_the_readme_places_incidents(heping: Database) -> None:
    with heping.begin(OPERATOR) as connection:
        found = {row.id: row.cell for row in connection.execute(text(from_readme("sql", "FROM incident")))}
        query = (
            "SELECT incident_id, code FROM incident_placement AS placement "
            "LEFT JOIN cell ON cell.id = placement.cell_id AND cell.revisions @> 1"
        )
        assert {row.incident_id: row.code for row in connection.execute(text(query))} == found


@pytest.mark.parametrize("name", ["hexes.csv", "no/such/folder/hexes.parquet"])
def test_the_name_must_be_that_of_a_parquet_file(heping: Database, tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        export_hexes(heping, PUBLIC, tmp_path / name, None, quiet)


def test_there_is_no_file_without_the_revision(heping: Database, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="revision 7"):
        export_hexes(heping, PUBLIC, tmp_path / "hexes.parquet", 7, quiet)
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_the_old_file(
    heping: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "hexes.parquet"
    path.write_bytes(b"the old one")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(actions, "_table", fail)
    with pytest.raises(OSError, match="disk full"):
        export_hexes(heping, PUBLIC, path, None, quiet)
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"the old one"]


def test_a_cover_that_is_missing_or_wrong_is_found_and_rebuilt(heping_copy: Database, tmp_path: Path) -> None:
    path = tmp_path / "hexes.parquet"
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(text("DELETE FROM hex_cover WHERE cell_id IS NULL"))
        wrong = "SELECT begins FROM hex_cover ORDER BY begins LIMIT 1"
        connection.execute(text(f"UPDATE hex_cover SET cell_id = cell_id + 1 WHERE begins = ({wrong})"))
        gone = connection.execute(text(f"SELECT hex FROM hex_cover WHERE begins = ({wrong})")).scalar_one()
    (fault,) = verify_city(heping_copy, OPERATOR, quiet).faults
    assert "hexes of the cover are wrong or missing" in fault
    assert "gridmap hexes --rebuild" in fault
    report = rebuild_hexes(heping_copy, OPERATOR, quiet)
    assert report.changed == report.straddling + 2
    assert verify_city(heping_copy, OPERATOR, quiet).faults == []
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(text("TRUNCATE hex_cover"))
    with pytest.raises(NotFound, match="--rebuild"):
        export_hexes(heping_copy, PUBLIC, path, None, quiet)
    assert list(tmp_path.iterdir()) == []
    assert rebuild_hexes(heping_copy, OPERATOR, quiet).changed == report.inside + report.straddling
    export_hexes(heping_copy, PUBLIC, path, 1, quiet)
    assert gone in pq.read_table(path)["hex"].to_pylist()


@pytest.mark.parametrize("subject", ["element", "incident"])
def test_a_hex_that_is_not_its_points_is_found(heping_copy: Database, subject: str) -> None:
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(text(f"UPDATE {subject} SET hex = hex + 1 WHERE id = (SELECT min(id) FROM {subject})"))
    assert verify_city(heping_copy, OPERATOR, quiet).faults == [
        f"1 {subject}s carry another hex than their point's"
    ]


def test_who_may_rebuild(heping: Database) -> None:
    with pytest.raises(NotAllowed):
        rebuild_hexes(heping, PUBLIC, quiet)
