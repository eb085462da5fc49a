"""Redraws of the exact index: as good as a fresh build, never seen half done, and the old one stays as it was."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from data.tianjin.grid import build_grid
from gridmap.coverage.index import CoverageIndex
from gridmap.coverage.raster import Raster
from gridmap.errors import InvalidInput, LoadRefused
from gridmap.shapes import Geometries
from tests.gridmap.coverage.attacks import (
    METRIC,
    Judge,
    Rng,
    assert_exact,
    attacks,
    mosaic,
    on_raster_lines,
    patchwork,
)

Shapes = dict[str, BaseGeometry]
Redraw = tuple[list[str], Shapes]


def with_codes(cells: Geometries, rng: Rng) -> Shapes:
    """Cells by code, with much room between the codes."""
    codes = sorted(rng.choice(10**6, len(cells), replace=False).tolist())
    return {f"{code:06d}": cell for code, cell in zip(codes, cells, strict=True)}


def built(shapes: Shapes) -> CoverageIndex:
    codes = sorted(shapes)
    cells = np.empty(len(codes), object)
    cells[:] = [shapes[code] for code in codes]
    return CoverageIndex.build(cells, METRIC, codes)


def new_code(shapes: Shapes, rng: Rng) -> str:
    """Anywhere between the others, sometimes longer than they are."""
    while True:
        code = f"{rng.integers(10**6):06d}" + rng.choice(["", "", "-2"])
        if code not in shapes:
            return code


def halves(cell: BaseGeometry, rng: Rng) -> list[BaseGeometry]:
    """A cell cut in two from vertex to vertex, where a few tries find a way, or between parts; else it alone."""
    parts = shapely.get_parts(cell)
    part = parts[rng.integers(len(parts))]
    ring = shapely.get_coordinates(part.exterior)[:-1]
    for _ in range(20):
        i, j = sorted(rng.choice(len(ring), 2, replace=False).tolist())
        if part.interiors or j - i < 2 or len(ring) - (j - i) < 2:
            continue
        first, second = shapely.Polygon(ring[i : j + 1]), shapely.Polygon([*ring[j:], *ring[: i + 1]])
        if first.is_valid and second.is_valid and shapely.coverage_is_valid([first, second]):
            rest = [first, *(other for other in parts if other is not part)]
            return [shapely.coverage_union_all(rest), second]
    if len(parts) > 1:
        return [shapely.coverage_union_all([other for other in parts if other is not part]), part]
    return [cell]


def redraw(shapes: Shapes, rng: Rng, first: Shapes | None = None) -> Redraw:
    """A split, a merge (sometimes of cells far apart) or a transfer of a piece, which keeps the codes.

    When few cells are left and none of them can be split, all are drawn as they were at ``first``.
    """
    codes = list(shapes)
    code = codes[rng.integers(len(codes))]
    pieces = halves(shapes[code], rng)
    kind = rng.choice(["split", "merge", "transfer"])
    if first is not None and len(codes) < 12 and len(pieces) == 1:
        ways = ((each, halves(shapes[each], rng)) for each in codes)
        found = next(((each, parts) for each, parts in ways if len(parts) == 2), None)
        if found is None:
            return [each for each in codes if each not in first], dict(first)
        (code, pieces), kind = found, "split"
    if len(pieces) == 2 and kind == "split":
        return [code], {new_code(shapes, rng): pieces[0], new_code(shapes, rng): pieces[1]}
    others = [other for other in codes if other != code]
    near = [other for other in others if shapes[other].intersects(shapes[code])]
    other = (near or others)[rng.integers(len(near or others))] if rng.random() < 0.9 else others[0]
    if len(pieces) == 2 and kind == "transfer":
        return [], {code: pieces[0], other: shapely.coverage_union_all([pieces[1], shapes[other]])}
    return [code, other], {new_code(shapes, rng): shapely.coverage_union_all([shapes[code], shapes[other]])}


def apply(shapes: Shapes, change: Redraw) -> None:
    ended, drawn = change
    for code in ended:
        del shapes[code]
    shapes.update(drawn)


def assert_as_fresh(index: CoverageIndex, shapes: Shapes, rng: Rng, count: int) -> None:
    fresh = built(shapes)
    assert index.codes.tolist() == fresh.codes.tolist() == [code.encode() for code in sorted(shapes)]
    assert all(index.degrees == fresh.degrees)
    assert index.bounds == fresh.bounds
    lon, lat = rng.uniform(fresh.bounds[:2], fresh.bounds[2:], (500, 2)).T
    own = fresh.locate_many(lon, lat)[0]
    np.testing.assert_array_equal(index.edge_distances_m(own, lon, lat), fresh.edge_distances_m(own, lon, lat))
    mapped = Raster.from_arrays(index.raster.to_arrays())
    for kind, (lon, lat) in attacks(fresh.degrees, fresh.raster, rng, count):
        expected = fresh.locate_many(lon, lat)
        for found in (index.locate_many(lon, lat), placed(mapped, lon, lat)):
            assert all((mine == theirs).all() for mine, theirs in zip(found, expected, strict=True)), kind


def placed(raster: Raster, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    positions, how = np.empty(len(lon), np.int32), np.empty(len(lon), np.uint8)
    raster.locate_into(np.ascontiguousarray(lon), np.ascontiguousarray(lat), positions, how)
    return positions, how


def redraw_often(cells: Geometries, judge: Judge, rng: Rng, times: int, count: int) -> None:
    shapes = with_codes(cells, rng)
    first, index = dict(shapes), built(shapes)
    for turn in range(1, times + 1):
        change = redraw(shapes, rng, first)
        index = index.redrawn(*change)
        apply(shapes, change)
        if turn % max(1, times // 4) == 0:
            assert_as_fresh(index, shapes, rng, count)
    for kind, points in attacks(index.degrees, index.raster, rng, count):
        assert_exact(index.degrees, index, points, judge, rng, kind)


@pytest.mark.parametrize("coverage", [on_raster_lines, mosaic])
def test_redraws_are_as_good_as_a_fresh_build(coverage: Callable[[], Geometries], judge: Judge, rng: Rng) -> None:
    redraw_often(coverage(), judge, rng, 20, 3000)


def test_redraws_of_heping_are_as_good_as_a_fresh_build(heping_cells: Geometries, judge: Judge, rng: Rng) -> None:
    redraw_often(heping_cells, judge, rng, 20, 3000)


@pytest.mark.soak
@pytest.mark.parametrize("coverage", [on_raster_lines, patchwork, mosaic])
def test_many_redraws_are_as_good_as_a_fresh_build(
    coverage: Callable[[], Geometries], judge: Judge, rng: Rng
) -> None:
    redraw_often(coverage(), judge, rng, 500, 100_000)


@pytest.mark.soak
def test_many_redraws_of_heping_are_as_good_as_a_fresh_build(
    heping_cells: Geometries, judge: Judge, rng: Rng
) -> None:
    redraw_often(heping_cells, judge, rng, 500, 300_000)


@pytest.mark.soak
def test_many_redraws_of_the_whole_city_are_as_good_as_a_fresh_build(judge: Judge, rng: Rng) -> None:
    cells = np.asarray(build_grid().cells.sort_values("code").geometry.to_numpy(), dtype=object)
    redraw_often(cells, judge, rng, 500, 300_000)


def test_room_is_made_anew_when_it_is_full(
    heping_cells: Geometries, rng: Rng, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridmap.coverage.raster._LEAST_ROOM", 1)
    monkeypatch.setattr("gridmap.coverage.raster._ROOM_SHARE", 0.02)
    shapes = with_codes(heping_cells, rng)
    index = built(shapes)
    rooms = set()
    for _ in range(15):
        change = redraw(shapes, rng)
        index = index.redrawn(*change)
        apply(shapes, change)
        rooms.add(index.raster.room)
    assert len(rooms) > 3
    assert_as_fresh(index, shapes, rng, 2000)


def test_two_redraws_of_one_index_do_not_disturb_each_other(heping_cells: Geometries, rng: Rng) -> None:
    shapes = with_codes(heping_cells, rng)
    change = redraw(shapes, rng)
    base = built(shapes).redrawn(*change)
    apply(shapes, change)
    ways = [base, base]
    drafts = [dict(shapes), dict(shapes)]
    for _ in range(5):
        for i in (0, 1):
            change = redraw(drafts[i], rng)
            ways[i] = ways[i].redrawn(*change)
            apply(drafts[i], change)
    assert ways[0].raster.room is ways[1].raster.room
    for index, drawn in zip([base, *ways], [shapes, *drafts], strict=True):
        assert_as_fresh(index, drawn, rng, 1000)


def test_an_index_from_mapped_files_is_redrawn(heping_cells: Geometries, tmp_path: Path, rng: Rng) -> None:
    shapes = with_codes(heping_cells, rng)
    first = built(shapes)
    for name, array in first.raster.to_arrays().items():
        np.save(tmp_path / f"{name}.npy", array)
    names = list(first.raster.to_arrays())
    kept = Raster.from_arrays({name: np.load(tmp_path / f"{name}.npy", mmap_mode="c") for name in names})
    bounds = np.array(first.bounds)
    index = CoverageIndex(kept, first.nearby, bounds, METRIC, first.codes, lambda: first.degrees)
    change = redraw(shapes, rng)
    apply(shapes, change)
    after = index.redrawn(*change)
    assert after.raster.boxes is kept.boxes
    assert after.raster.records is kept.records
    assert_as_fresh(after, shapes, rng, 2000)


def test_a_reader_never_sees_a_mix(rng: Rng) -> None:
    """Between two drawings of the same squares every answer is that of one of them, for all points alike."""
    cells = on_raster_lines()
    west, east = cells[820], cells[821]
    one = {f"{number:04d}": cell for number, cell in enumerate(cells)}
    states = itertools.cycle(
        [(["0820", "0821"], {"9": shapely.union(west, east)}), (["9"], {"0820": west, "0821": east})]
    )
    west_edge, south_edge, east_edge, north_edge = shapely.total_bounds(cells[815:826])
    lon = rng.uniform(west_edge - 0.01, east_edge + 0.01, 3000)
    lat = rng.uniform(south_edge - 0.01, north_edge + 0.01, 3000)
    index = built(one)
    expected = {
        len(each): each.locate_many(lon, lat)[0].tolist() for each in (index, index.redrawn(*next(states)))
    }
    next(states)
    assert len(expected) == 2
    current = [index]
    stop, seen, wrong = threading.Event(), set(), []

    def read() -> None:
        while not stop.is_set():
            mine = current[0]
            seen.add(len(mine))
            if mine.locate_many(lon, lat)[0].tolist() != expected[len(mine)]:
                wrong.append(len(mine))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(60):
        current[0] = current[0].redrawn(*next(states))
    stop.set()
    for reader in readers:
        reader.join()
    assert seen == set(expected)
    assert not wrong


def test_a_redraw_beyond_the_raster_makes_a_new_one(rng: Rng) -> None:
    shapes = with_codes(on_raster_lines(), rng)
    index = built(shapes)
    far = {"5": shapely.box(130, 50, 131, 51)}
    shapes.update(far)
    assert_as_fresh(index.redrawn([], far), shapes, rng, 1000)


def test_a_large_redraw_and_one_that_only_ends_cells(rng: Rng) -> None:
    shapes = with_codes(patchwork(), rng)
    index = built(shapes)
    for share in (0.5, 0.02):
        ended = list(shapes)[:: int(1 / share)]
        index = index.redrawn(ended, {})
        apply(shapes, (ended, {}))
        assert_as_fresh(index, shapes, rng, 1000)


UNFIT = {
    "over others": (["0820"], {"0820x": shapely.box(117.001, 39.001, 117.07, 39.07)}, "0820x at"),
    "inside another": ([], {"new": shapely.box(117.0011, 39.0011, 117.0012, 39.0012)}, "new at"),
    "around others": ([], {"new": shapely.box(116.999, 38.999, 117.1, 39.1)}, "0000 at"),
    "twice": ([], {"new": shapely.box(117, 39, 117 + 2**-9, 39 + 2**-9)}, "new at"),
    "without a vertex of its neighbours": (
        ["0001"],
        {"new": shapely.box(117 + 2**-9, 39, 117 + 2**-8, 39 + 2**-9 + 2**-12)},
        "new at",
    ),
}


@pytest.mark.parametrize("what", UNFIT)
def test_what_does_not_fit_is_refused_and_changes_nothing(what: str, rng: Rng) -> None:
    shapes = {f"{number:04d}": cell for number, cell in enumerate(on_raster_lines())}
    index = built(shapes)
    ended, drawn, named = UNFIT[what]
    for _ in range(2):
        with pytest.raises(LoadRefused, match="not a coverage") as refused:
            index.redrawn(ended, drawn)
        assert named in str(refused.value)
        index = index.redrawn(["0005"], {"0005": shapes["0005"]})
    assert_as_fresh(index, shapes, rng, 1000)


def test_no_change_is_no_redraw() -> None:
    index = built({"1": shapely.box(0, 0, 1, 1)})
    assert index.redrawn([], {}) is index


def test_only_cells_that_there_are_can_end() -> None:
    index = built({"1": shapely.box(0, 0, 1, 1)})
    with pytest.raises(InvalidInput, match="'2'"):
        index.redrawn(["2"], {})
