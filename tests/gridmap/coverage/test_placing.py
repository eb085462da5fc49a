"""Arrays of placements: the same as single look-ups, nothing lost, candidates as a look-up gives them."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
import shapely

from gridmap.coverage.answer import locate
from gridmap.coverage.grid import Grid, OverlayMap
from gridmap.coverage.index import HOW, CoverageIndex
from gridmap.coverage.placing import BAD_ACCURACY, NOWHERE_CODE, REASONS, count_cells, place
from gridmap.errors import InvalidInput
from gridmap.hexes import hexes_of
from gridmap.model import Area, Cell, Revision
from gridmap.shapes import Geometries

NOWHERE = HOW.index("outside") + 1
EPOCH = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def grid(heping_cells: Geometries) -> Grid:
    areas = {"1": Area("1", "city", "c", None), "2": Area("2", "community", "k", "1")}
    cells = tuple(Cell(i + 1, f"{i:03d}", f"n{i}", "basic", "2") for i in range(len(heping_cells)))
    return Grid(Revision(1, EPOCH, EPOCH), cells, areas, CoverageIndex.build(heping_cells, "EPSG:4547"))


@pytest.fixture
def points(grid: Grid, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random points in and about the district, and some exactly on vertices."""
    west, south, east, north = grid.index.bounds
    margin = 0.01
    lon, lat = rng.uniform(west - margin, east + margin, 400), rng.uniform(south - margin, north + margin, 400)
    corners = rng.choice(shapely.get_coordinates(grid.index.degrees), 100)
    return np.concatenate([lon, corners[:, 0]]), np.concatenate([lat, corners[:, 1]])


def test_arrays_say_what_single_lookups_say(
    grid: Grid, points: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> None:
    lon, lat = points
    accuracy = rng.choice([0.0, 5.0, 60.0, 400.0, np.nan], len(lon))
    placed = place(grid, lon, lat, accuracy)
    none = OverlayMap([], np.empty(0, dtype=object))
    for i in range(len(lon)):
        one = locate(grid, none, lon[i], lat[i], float(np.nan_to_num(accuracy[i])))
        assert HOW[placed.how[i]] == one.how
        position = placed.positions[i]
        assert (grid.cells[position] if position >= 0 else None) == one.cell
        part = slice(placed.offsets[i], placed.offsets[i + 1])
        codes = [grid.cells[j].code for j in placed.candidates[part]]
        assert codes == [candidate.code for candidate in one.candidates]
        assert placed.candidate_distances_m[part] == pytest.approx([each.distance_m for each in one.candidates])
        if one.nearest is None:
            assert placed.edge_distances_m[i] == pytest.approx(one.edge_distance_m)
            assert placed.nearest[i] == -1
            assert np.isnan(placed.nearest_m[i])
        else:
            assert grid.cells[placed.nearest[i]].code == one.nearest.code
            assert placed.nearest_m[i] == pytest.approx(one.nearest.distance_m)
            assert np.isnan(placed.edge_distances_m[i])
        assert placed.hexes[i] == hexes_of(lon[i : i + 1], lat[i : i + 1])[0]
    assert {0, 1, 2} == set(placed.how.tolist())
    assert max(np.diff(placed.offsets)) > 3


def test_rows_without_a_usable_point_stay_with_their_reason(grid: Grid) -> None:
    good = shapely.point_on_surface(grid.index.degrees[7])
    lon = np.array([good.x, np.nan, good.x, 181.0, good.x, -np.inf, good.x])
    lat = np.array([good.y, good.y, np.inf, good.y, 90.5, good.y, good.y])
    known = np.array([0, 1, 0, 0, 0, 0, 0], np.uint8)
    placed = place(grid, lon, lat, 10.0, known)
    assert placed.how.tolist() == [0, NOWHERE, NOWHERE, NOWHERE, NOWHERE, NOWHERE, 0]
    assert placed.positions.tolist() == [7, -1, -1, -1, -1, -1, 7]
    assert [REASONS[code].partition(": ")[2] for code in placed.reasons] == [
        "",
        "must not be missing",
        "must be finite numbers",
        "no place on earth",
        "no place on earth",
        "must be finite numbers",
        "",
    ]
    assert placed.hexes.tolist()[1:6] == [0] * 5
    assert np.diff(placed.offsets)[1:6].tolist() == [0] * 5
    assert placed.candidates[placed.offsets[6]] == 7


def test_a_bad_accuracy_costs_the_candidates_only(grid: Grid) -> None:
    corner = shapely.get_coordinates(grid.index.degrees[3])[0]
    lon, lat = np.full(4, corner[0]), np.full(4, corner[1])
    placed = place(grid, lon, lat, np.array([-1.0, 5_001.0, np.inf, 5_000.0]))
    assert (placed.positions >= 0).all()
    assert placed.reasons.tolist() == [BAD_ACCURACY] * 3 + [0]
    assert np.diff(placed.offsets)[:3].tolist() == [0, 0, 0]
    assert len(placed.candidates) == len(grid.cells) or len(placed.candidates) > 100


def test_candidates_come_in_parts_and_stay_in_order(grid: Grid, monkeypatch: pytest.MonkeyPatch) -> None:
    corners = shapely.get_coordinates(grid.index.degrees)[::7]
    whole = place(grid, corners[:, 0], corners[:, 1], 30.0)
    monkeypatch.setattr("gridmap.coverage.placing._SEARCHED", 13)
    parts = place(grid, corners[:, 0], corners[:, 1], 30.0)
    assert (whole.offsets == parts.offsets).all()
    assert (whole.candidates == parts.candidates).all()


def test_no_rows_and_rows_of_other_lengths(grid: Grid) -> None:
    placed = place(grid, np.empty(0), np.empty(0))
    assert len(placed) == 0
    assert placed.offsets.tolist() == [0]
    with pytest.raises(InvalidInput, match="same length"):
        place(grid, np.zeros(2), np.zeros(3))


def test_counts_add_up_and_split_at_the_distance(grid: Grid, points: tuple[np.ndarray, np.ndarray]) -> None:
    lon, lat = np.append(points[0], np.nan), np.append(points[1], 39.0)
    placed = place(grid, lon, lat)
    counts = count_cells(placed, len(grid.cells), near_m=2.0)
    assert counts.points.sum() + counts.outside + counts.nowhere == len(lon)
    assert counts.nowhere == 1 == np.count_nonzero(placed.how == NOWHERE_CODE)
    assert counts.near_edge.sum() == np.count_nonzero(placed.edge_distances_m <= 2.0)
    assert counts.near_edge.sum() >= 100
    assert (counts.sure >= 0).all()
    again = count_cells(placed, len(grid.cells), near_m=0.0)
    assert again.near_edge.sum() == np.count_nonzero(placed.how == 1)
    with pytest.raises(InvalidInput, match="near_m"):
        count_cells(placed, len(grid.cells), near_m=-1.0)
