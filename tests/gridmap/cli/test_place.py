"""``gridmap place`` as the entry point runs it, over the tests' own Heping."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.bulk import checking, pipeline
from gridmap.cli.commands import main
from gridmap.store.database import Database
from gridmap.store.grid import read_cells

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def run(heping: Database, home: Path) -> Iterator[Run]:
    """Runs a command over Heping: its exit code, standard output and standard error."""

    def execute(*arguments: object) -> tuple[int, str, str]:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PG", "GRIDMAP_"))
        }
        url = heping.url.set(username="gridmap_app").render_as_string(hide_password=False)
        environment |= {"GRIDMAP_DATABASE_URL": url, "GRIDMAP_HOME": str(home), "COLUMNS": "200"}
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, environment, clear=True),
            mock.patch.object(sys, "argv", ["gridmap", "place", *map(str, arguments)]),
            redirect_stdout(out),
            redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            main()
        return int(ended.value.code or 0), out.getvalue(), err.getvalue()

    yield execute
    heping.dispose()


@pytest.fixture(scope="module")
def points(heping: Database, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,000 points: random ones, vertices of cells, and two that are none."""
    with heping.begin(OPERATOR) as connection:
        _, shapes = read_cells(connection, 1)
    rng = np.random.default_rng(3)
    west, south, east, north = shapely.total_bounds(shapes)
    corners = rng.choice(shapely.get_coordinates(shapes), 498)
    lon = np.concatenate([rng.uniform(west, east, 1_500), corners[:, 0], [np.nan, 500.0]])
    lat = np.concatenate([rng.uniform(south, north, 1_500), corners[:, 1], [39.1, 39.1]])
    path = tmp_path_factory.mktemp("points") / "points.parquet"
    pd.DataFrame({"id": np.arange(2_000), "lon": lon, "lat": lat, "off": 25.0}).to_parquet(path)
    return path


def test_a_file_is_placed_checked_and_counted(run: Run, points: Path, tmp_path: Path) -> None:
    out, counts = tmp_path / "out.parquet", tmp_path / "counts.csv"
    code, said, _ = run(
        points, "-o", out, "--crs", "wgs84", "--accuracy", "off", "--check", "--counts", counts, "--near-m", "2",
        "--json",
    )  # fmt: skip
    assert code == 0, said
    report = json.loads(said)
    assert report["rows"] == 2_000
    assert report["inside"] + report["edge"] + report["outside"] + report["rejected"] == 2_000
    assert (report["rejected"], report["revision"]) == (2, 1)
    assert report["edge"] >= 498
    assert report["check"]["compared"] == 1_998
    assert report["check"]["wrong"] == 0
    assert report["peak_memory_mib"] > 0
    assert 0 <= report["share_not_placing"] <= 1
    table = pq.read_table(out).to_pandas()
    assert table["id"].tolist() == list(range(2_000))
    counted = pd.read_csv(counts, dtype={"cell": str})
    assert counted["points"].sum() == 2_000
    assert counted["cell"].tolist()[-2:] == ["outside", "rejected"]
    cells = counted[:-2]
    assert (cells["sure"] + cells["near_edge"] == cells["points"]).all()
    placed = table.groupby("cell", observed=True).size()
    assert cells.set_index("cell")["points"][placed.index].tolist() == placed.tolist()
    assert cells["near_edge"].sum() == (table["edge_distance_m"] <= 2).sum()


def test_other_times_files_and_folders(run: Run, points: Path, tmp_path: Path) -> None:
    named = ["--crs", "wgs84", "--threads", "2"]
    (tmp_path / "folder").mkdir()
    code, said, _ = run(points, "-o", tmp_path / "folder", *named, "--revision", 1)
    assert code == 0, said
    assert "rows: 2,000" in said
    assert (tmp_path / "folder" / "points.parquet").is_file()
    code, said, _ = run(points, points, "-o", tmp_path / "both.csv", *named, "--at", "2030-01-01T00:00:00")
    assert code == 0, said
    assert len(pd.read_csv(tmp_path / "both.csv")) == 4_000
    for arguments, error in (
        ([points, "-o", tmp_path / "folder" / "x.csv", *named, "--revision", 9], "no revision 9"),
        ([points, "-o", tmp_path / "x.csv", *named, "--at", "1999-01-01"], "before revision 1"),
        ([points, "-o", points, *named], "must not be one of the files that are read"),
        ([points, "-o", tmp_path / "x.docx", *named], "must end in one of"),
        ([points, points, "-o", tmp_path / "folder", *named], "must differ in name"),
        ([points, "-o", tmp_path / "x.csv"], "crs: must be named"),
        ([points, "-o", tmp_path / "x", "--cluster", "tcp://h:1", "--check", *named], "without --check"),
    ):
        code, _, said = run(*arguments)
        assert code == 1
        assert said.splitlines()[-1].startswith("gridmap: ")
        assert error in said


def test_a_wrong_index_is_found_out(
    run: Run, points: Path, tmp_path: Path, heping: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = pipeline.place

    def wrong(*arguments: object) -> object:
        placed = right(*arguments)  # type: ignore[arg-type]
        placed.positions[:3] = (placed.positions[:3] + 1) % 500
        return placed

    monkeypatch.setattr(pipeline, "place", wrong)
    monkeypatch.setattr(checking, "MOST_SETTLED", 2)
    code, said, _ = run(points, "-o", tmp_path / "out.csv", "--crs", "wgs84", "--check")
    assert code == 1
    assert "differing 3" in said
    assert "unsettled 1" in said
    lines = [line for line in said.splitlines() if "points.parquet row" in line]
    assert [line.split(":")[0] for line in lines] == ["  points.parquet row 1", "  points.parquet row 2"]
    assert all(line.endswith("gridmap errs") for line in lines)
    with heping.begin(OPERATOR) as connection:
        assert connection.execute(text("SELECT to_regclass('placing_points')")).scalar() is None


def test_the_judge_names_who_errs() -> None:
    dispute = checking.Dispute("f", 1, "a", "b", "b")
    assert dispute.who_errs == "gridmap"
    assert checking.Dispute("f", 1, "a", "b", "a").who_errs == "postgis"
    assert checking.Dispute("f", 1, "a", "b", None).who_errs == "both"
