"""The raster as arrays: form, saving, mapping back, extremes of size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from gridmap.coverage.codes import numbers
from gridmap.coverage.edges import edges_of
from gridmap.coverage.raster import Raster
from gridmap.errors import InvalidInput, LoadRefused
from gridmap.shapes import Geometries


def lattice(west: float, south: float, step: float, count: int) -> Geometries:
    rows = [
        shapely.box(west + i * step, south + j * step, west + (i + 1) * step, south + (j + 1) * step)
        for j in range(count)
        for i in range(count)
    ]
    return np.array(rows, dtype=object)


def raster_of(geometries: Geometries) -> Raster:
    codes = numbers(len(geometries))
    return Raster.build(edges_of(geometries, codes), codes)


def placed(raster: Raster, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    positions, how = np.empty(len(lon), np.int32), np.empty(len(lon), np.uint8)
    raster.locate_into(lon, lat, positions, how)
    return positions, how


@pytest.mark.parametrize("mode", ["r", "c"])
def test_saved_and_mapped_back_it_answers_the_same(
    heping_cells: Geometries, tmp_path: Path, mode: str, rng: np.random.Generator
) -> None:
    raster = raster_of(heping_cells)
    for name, array in raster.to_arrays().items():
        np.save(tmp_path / f"{name}.npy", array)
    mapped = Raster.from_arrays(
        {name: np.load(tmp_path / f"{name}.npy", mmap_mode=mode) for name in raster.to_arrays()}
    )
    west, south, east, north = shapely.total_bounds(heping_cells)
    lon, lat = rng.uniform(west, east, 5000), rng.uniform(south, north, 5000)
    positions, how = placed(raster, lon, lat)
    assert len(np.unique(positions)) > 500
    assert [each.tolist() for each in placed(mapped, lon, lat)] == [positions.tolist(), how.tolist()]
    assert mapped.locate(lon[0], lat[0]) == (positions[0], how[0])
    assert mapped.nbytes == raster.nbytes == sum(array.nbytes for array in raster.to_arrays().values())


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("boxes", np.zeros(4, np.int64)),
        ("tiles", np.zeros((2, 2), np.int64)),
        ("records", np.zeros(8, np.float64)[::2]),
        ("frame", np.zeros(6, np.float32)),
    ],
)
def test_arrays_of_another_form_are_refused(name: str, wrong: np.ndarray) -> None:
    arrays = raster_of(lattice(117, 39, 0.01, 2)).to_arrays()
    with pytest.raises(InvalidInput, match=name):
        Raster.from_arrays({**arrays, name: wrong})


@pytest.mark.parametrize(
    ("west", "south", "step", "count"),
    [
        (117.0, 39.0, 2.0**-30, 30),  # a city of 3 micrometres
        (117.1, 39.1, 0.01, 7),
        (-180.0, -90.0, 9.0, 20),  # a fifth of the earth, from its corner
        (-0.5, -0.5, 0.1, 10),
        (179.0, 89.0, 0.25, 4),
    ],
)
def test_middles_and_corners_of_cities_of_any_size(west: float, south: float, step: float, count: int) -> None:
    raster = raster_of(lattice(west, south, step, count))
    i, j = (each.ravel() for each in np.meshgrid(np.arange(count), np.arange(count)))
    positions, how = placed(raster, west + (i + 0.5) * step, south + (j + 0.5) * step)
    assert positions.tolist() == (j * count + i).tolist()
    assert not how.any()
    positions, how = placed(raster, west + i * step, south + j * step)
    assert positions.tolist() == (np.maximum(j - 1, 0) * count + np.maximum(i - 1, 0)).tolist()
    assert (how == 1).all()
    assert raster.nbytes < 1_000_000


def test_a_long_thin_city_takes_no_more_tiles_than_its_edges_need() -> None:
    strip = np.array([shapely.box(i, 39.0, i + 1, 39.0 + 2.0**-40) for i in range(100)], dtype=object)
    raster = raster_of(strip)
    assert len(raster.tiles) < 10_000
    assert raster.locate(50.5, 39.0 + 2.0**-41) == (50, 0)
    assert raster.locate(50.0, 39.0) == (49, 1)
    assert raster.locate(50.5, 39.0 + 2.0**-39) == (-1, 2)


def test_the_lowest_vertex_may_be_the_last_of_its_edges() -> None:
    line = [(117, 39 + i * 0.01) for i in range(101)]
    fan = np.array([shapely.Polygon([line[i], line[i + 1], (118, 35)]) for i in range(100)], dtype=object)
    raster = raster_of(fan)
    assert float(raster.frame[2]) < 1
    assert raster.locate(118.0, 35.0) == (0, 1)
    assert raster.locate(117.999, 35.004205) == (20, 0)


@pytest.mark.parametrize("lon", [np.nan, np.inf, -np.inf, 1e300, -1e300, 116.99, 117.03])
def test_off_the_raster_is_outside(lon: float) -> None:
    raster = raster_of(lattice(117, 39, 0.01, 2))
    assert raster.locate(lon, 39.005) == (-1, 2)
    assert raster.locate(117.005, lon) == (-1, 2)
    assert raster.locate(117.005, 39.005) == (0, 0)


def test_more_than_32_bits_can_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridmap.coverage.raster._MOST_WORDS", 100)
    with pytest.raises(LoadRefused, match="more than 100"):
        raster_of(lattice(117, 39, 0.01, 9))
