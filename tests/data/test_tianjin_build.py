from __future__ import annotations

import hashlib
import shutil
import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from data.tianjin import build as build_module
from data.tianjin.build import build, main
from data.tianjin.grid import Grid, build_grid
from data.tianjin.targets import HOUSEHOLDS
from gridmap.errors import InvalidInput, LoadRefused
from gridmap.model import PERSON_CATEGORIES

AS_OF = date(2026, 3, 2)
DISTRICT = ["120101"]
FILES = {
    "aliases": {"alias", "name", "note"},
    "areas": {"level", "code", "name", "parent"},
    "buildings": {
        *("id", "lon", "lat", "street", "number", "block", "estate"),
        *("households", "expected_households", "counted_on", "source"),
    },
    "cells": {"code", "community", "name", "kind", "services", "geometry"},
    "elements": {"id", "class", "category", "lon", "lat", "name", "building"},
    "holders": {"code", "display_name"},
    "incidents": {"id", "category", "lon", "lat", "happened_at", "reported_at", "closed_at", "reporter"},
    "lines": {"id", "name", "kind", "road_class", "geometry"},
    "outlines": {"level", "code", "name", "source", "date", "geometry"},
    "overlays": {"code", "name", "kind", "geometry"},
    "posts": {
        *("code", "kind", "title", "level", "territory", "phone", "required", "department", "categories"),
    },
    "shift_exceptions": {"post", "kind", "holder", "substitute", "begins", "ends"},
    "shifts": {"post", "holder", "backup", "hours", "valid_from", "valid_until", "verified_at"},
}


@pytest.fixture(scope="module")
def grid() -> Grid:
    return build_grid(districts=DISTRICT)


def read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(folder / f"{name}.parquet")


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_the_folder_holds_these_files_and_columns_and_no_others(heping_folder: Path) -> None:
    assert {path.name for path in heping_folder.iterdir()} == {"CITY.toml", *(f"{name}.parquet" for name in FILES)}
    for name, columns in FILES.items():
        assert set(pq.read_schema(heping_folder / f"{name}.parquet").names) == columns, name


def test_the_same_arguments_give_the_same_bytes_over_an_older_folder(heping_folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    (again / "CITY.toml").write_text("old")
    (again / "left_over.parquet").write_text("old")
    build(again, as_of=AS_OF, districts=DISTRICT)
    assert hashes(again) == hashes(heping_folder)
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


def test_the_description_names_every_column(heping_folder: Path) -> None:
    city = tomllib.loads((heping_folder / "CITY.toml").read_text(encoding="utf-8"))
    described = {}
    for section in city.values():
        for table in section if isinstance(section, list) else [section]:
            if "file" in table:
                described[table["file"]] = {
                    value
                    for key, value in table.items()
                    if key not in {"file", "crs"} and (key, value) != ("source", "demo")
                }
    assert described == {f"{name}.parquet": columns - {"geometry"} for name, columns in FILES.items()}


def test_the_description_says_what_is_real_and_labels_every_category(heping_folder: Path) -> None:
    city = tomllib.loads((heping_folder / "CITY.toml").read_text(encoding="utf-8"))
    assert "虚构" in city["city"]["notice"]["zh"]
    assert "Made up" in city["city"]["notice"]["en"]
    for name in ("incident", "element"):
        used = set(read(heping_folder, f"{name}s")["category"])
        assert used <= set(city[f"{name}_categories"]), name
    emergencies = {key for key, label in city["incident_categories"].items() if label["emergency"]}
    assert set(city["city"]["emergency_categories"]) == emergencies
    posts = read(heping_folder, "posts").set_index("code")
    assert city["city"]["duty_desk"]["phone"] == posts.loc["120000-desk", "phone"]
    valid_from = city["revision"]["valid_from"]
    assert valid_from == datetime.combine(AS_OF, datetime.min.time(), valid_from.tzinfo) - timedelta(days=400)
    assert valid_from.utcoffset() == timedelta(hours=8)
    assert valid_from < read(heping_folder, "incidents")["happened_at"].min()


def test_households_of_every_cell_are_those_of_its_buildings(heping_folder: Path, grid: Grid) -> None:
    cells = grid.cells.set_index("code")
    buildings = read(heping_folder, "buildings")
    points = gpd.points_from_xy(buildings["lon"], buildings["lat"])
    row, cell = shapely.STRtree(np.asarray(cells.geometry.array)).query(points, predicate="within")
    assert np.bincount(row, minlength=len(buildings)).tolist() == [1] * len(buildings)
    assert shapely.contains_properly(np.asarray(cells.geometry.array)[cell], np.asarray(points)[row]).all()
    held = np.bincount(cell, weights=buildings["households"].to_numpy()[row], minlength=len(cells))
    assert held.tolist() == cells["households"].tolist()
    assert not buildings.duplicated(["street", "number"]).any()


def test_no_column_and_no_value_points_at_a_resident(heping_folder: Path) -> None:
    elements = read(heping_folder, "elements")
    persons = elements[elements["class"] == "person"]
    assert len(persons) > 1000
    assert persons["name"].isna().all()
    assert set(persons["category"]) == set(PERSON_CATEGORIES) - {"resident"}
    assert set(persons["building"]) <= set(read(heping_folder, "buildings")["id"])
    looks_like_phone_or_id = r"(?<!\d)(?:1[3-9]\d{9}|\d{17}[\dXx])(?!\d)"
    for name in FILES:
        table = pq.read_table(heping_folder / f"{name}.parquet")
        for column in table.schema:
            if column.type == pa.string():
                values = table[column.name].to_pandas().astype(str)
                assert not values.str.contains(looks_like_phone_or_id).any(), (name, column.name)


def test_references_between_the_files_resolve(heping_folder: Path) -> None:
    areas, cells, posts = (read(heping_folder, name) for name in ("areas", "cells", "posts"))
    holders, shifts = set(read(heping_folder, "holders")["code"]), read(heping_folder, "shifts")
    territories = set(areas["code"]) | set(cells["code"]) | set(read(heping_folder, "overlays")["code"])
    assert set(posts["territory"]) == territories
    assert set(areas["parent"].dropna()) < set(areas["code"])
    assert set(cells["community"]) == set(areas.loc[areas["level"] == "community", "code"])
    assert set(shifts["post"]) <= set(posts["code"])
    assert set(shifts["holder"]) | set(shifts["backup"].dropna()) <= holders
    assert set(read(heping_folder, "shift_exceptions")["post"]) <= set(shifts["post"])
    buildings = set(read(heping_folder, "buildings")["id"])
    assert set(read(heping_folder, "elements")["building"].dropna()) <= buildings


def test_counts_are_the_districts_part_of_the_city(heping_folder: Path, grid: Grid) -> None:
    part = grid.cells["households"].sum() / HOUSEHOLDS
    incidents, elements = read(heping_folder, "incidents"), read(heping_folder, "elements")
    assert len(incidents) == pytest.approx(200_000 * part, abs=2)
    assert (elements["class"] == "person").sum() == pytest.approx(60_000 * part, abs=3)
    assert elements["id"].is_unique


@pytest.mark.parametrize(("name", "least", "most"), [("incidents", 0.004, 0.006), ("elements", 0.0001, 0.002)])
def test_few_points_lie_outside_and_few_exactly_between_cells(
    heping_folder: Path, grid: Grid, name: str, least: float, most: float
) -> None:
    points = read(heping_folder, name)
    tree = shapely.STRtree(np.asarray(grid.cells.geometry.array))
    row, _ = tree.query(gpd.points_from_xy(points["lon"], points["lat"]), predicate="intersects")
    covering = np.bincount(row, minlength=len(points))
    assert least < (covering == 0).mean() < most
    assert 0 < (covering > 1).mean() < 0.006


def test_many_incidents_lie_on_the_cells_edges_within_rounding(heping_folder: Path, grid: Grid) -> None:
    incidents = read(heping_folder, "incidents")
    edges = shapely.STRtree(shapely.boundary(np.asarray(grid.cells.geometry.array)))
    points = gpd.points_from_xy(incidents["lon"], incidents["lat"])
    _, distance = edges.query_nearest(points, all_matches=False, return_distance=True)
    assert (distance < 1e-11).mean() > 0.1


def test_the_full_scale_adds_the_other_residents(heping_folder: Path, tmp_path: Path, grid: Grid) -> None:
    build(tmp_path / "full", as_of=AS_OF, scale="full", districts=DISTRICT)
    demo, full = (pq.read_table(folder / "elements.parquet") for folder in (heping_folder, tmp_path / "full"))
    assert full.slice(0, len(demo)).equals(demo)
    persons = full.filter(pa.compute.equal(full["class"], "person"))
    assert len(persons) == grid.cells["residents"].sum()
    assert len(set(persons["id"].to_pylist())) == len(persons)
    assert set(full.slice(len(demo))["category"].to_pylist()) == {"resident"}


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InvalidInput, match="city folder to replace"):
        build(tmp_path, as_of=AS_OF, districts=DISTRICT)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_an_unknown_scale_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="scale: must be one of demo, full, got 'huge'"):
        build(tmp_path / "city", as_of=AS_OF, scale="huge")


def test_a_build_that_fails_leaves_nothing_behind(
    heping_folder: Path, tmp_path: Path, grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise LoadRefused("no")

    older = tmp_path / "city"
    shutil.copytree(heping_folder, older)
    monkeypatch.setattr(build_module, "build_grid", lambda *_, **__: grid)
    monkeypatch.setattr(build_module, "survey", fail)
    with pytest.raises(LoadRefused):
        build(older, as_of=AS_OF, districts=DISTRICT)
    assert [path.name for path in tmp_path.iterdir()] == ["city"]
    assert hashes(older) == hashes(heping_folder)


def test_the_command_line(heping_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(tmp_path / "city"), "--as-of", "2026-03-02", "--districts", "120101"])
    assert hashes(tmp_path / "city") == hashes(heping_folder)
    assert "buildings" in capsys.readouterr().err
