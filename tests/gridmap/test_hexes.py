"""Hexes: h3's own for every point, parents, children and descendants by bits, text and numbers one."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import h3
import h3.api.basic_int as h3_int
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.errors import InvalidInput
from gridmap.hexes import (
    RESOLUTION,
    centres_of,
    children,
    descendants,
    every_coarsest,
    hexes_of,
    icosahedron,
    parents,
    ranges_over,
    ring_of,
    to_text,
)

RANDOM = np.random.default_rng(7)
LON, LAT = RANDOM.uniform(-180, 180, 300), RANDOM.uniform(-90, 90, 300)


def one_by_one(lon: np.ndarray, lat: np.ndarray, resolution: int) -> np.ndarray:
    """What h3-py says of each point."""
    convert = h3_int.latlng_to_cell
    return np.array([convert(y, x, resolution) for x, y in zip(lon.tolist(), lat.tolist(), strict=True)], np.int64)


def hard_points(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points all over the globe, and on poles, antimeridian, equator, zeros of both signs, pentagons and edges."""
    rng = np.random.default_rng(20231)
    lon = rng.choice([-180.0, 180.0, 0.0, -0.0, 90.0, 5e-324, np.nextafter(180, 0)], count)
    lat = rng.choice([90.0, -90.0, 0.0, -0.0, np.nextafter(90, 0), -5e-324], count)
    share = rng.random(count)
    everywhere = rng.uniform((-180, -90), (180, 90), (count, 2))
    lon, lat = np.where(share < 0.8, everywhere[:, 0], lon), np.where(share > 0.1, everywhere[:, 1], lat)
    corners = icosahedron()[rng.integers(0, 12, count // 10)] + rng.normal(0, 1e-9, (count // 10, 2))
    rings = np.vstack([ring_of(int(each)) for each in hexes_of(lon[:2000], lat[:2000])])
    rings += rng.integers(-3, 4, rings.shape) * np.spacing(rings)
    lon = np.concatenate([lon, corners[:, 0], rings[:, 0].clip(-180, 180)])
    return lon, np.concatenate([lat, corners[:, 1], rings[:, 1]])


@pytest.mark.parametrize("resolution", [0, 1, 8, RESOLUTION, 15])
def test_hexes_of_many_are_those_of_each(resolution: int) -> None:
    lon, lat = hard_points(20_000)
    assert (hexes_of(lon, lat, resolution) == one_by_one(lon, lat, resolution)).all()


@pytest.mark.soak
def test_hexes_of_a_million_are_those_of_each() -> None:
    lon, lat = hard_points(1_000_000)
    assert (hexes_of(lon, lat) == one_by_one(lon, lat, RESOLUTION)).all()


def test_rows_of_any_kind_of_array() -> None:
    lon, lat = np.vstack([LON, LAT])[:, ::2]
    assert hexes_of(lon, lat).tolist() == one_by_one(lon, lat, RESOLUTION).tolist()
    frozen = LON.copy()
    frozen.flags.writeable = False
    assert len(hexes_of(frozen, LAT)) == 300
    assert hexes_of(LON[:0], LAT[:0]).tolist() == []


def test_threads_do_not_disturb_each_other() -> None:
    """The conversion touches the count of references to None, which must come out even."""
    lon, lat = hard_points(20_000)
    wanted = hexes_of(lon, lat)
    before = sys.getrefcount(None)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: hexes_of(lon, lat), range(20)))
    assert all((each == wanted).all() for each in found)
    assert abs(sys.getrefcount(None) - before) < 1000


@pytest.mark.parametrize(
    ("lon", "lat", "shown"),
    [
        ([0.0, np.nan], [0.0, 0.0], "point 2"),
        ([0.0], [np.inf], "point 1"),
        ([180.1], [0.0], "180.1"),
        ([0.0], [-90.1], "-90.1"),
        ([0.0, 1.0], [0.0], "same length"),
    ],
)
def test_what_is_no_place_is_refused(lon: list[float], lat: list[float], shown: str) -> None:
    with pytest.raises(InvalidInput, match=shown):
        hexes_of(np.array(lon), np.array(lat))


@pytest.mark.parametrize("resolution", [-1, 16])
def test_there_are_sixteen_resolutions(resolution: int) -> None:
    with pytest.raises(InvalidInput, match="0 to 15"):
        hexes_of(LON, LAT, resolution)


@pytest.mark.parametrize("resolution", range(RESOLUTION + 1))
def test_parents_by_bits_are_those_of_h3(resolution: int) -> None:
    fine = hexes_of(LON, LAT)
    wanted = [h3.cell_to_parent(h3.int_to_str(int(each)), resolution) for each in fine]
    assert [to_text(int(each)) for each in parents(fine, resolution)] == wanted


@pytest.mark.parametrize("resolution", [0, 4, RESOLUTION - 1])
def test_children_are_those_of_h3_also_of_pentagons(resolution: int) -> None:
    some = np.concatenate([hexes_of(LON, LAT, resolution), np.array(h3_int.get_pentagons(resolution), np.int64)])
    some = np.unique(some)
    wanted = sorted(child for each in some.tolist() for child in h3_int.cell_to_children(each))
    assert sorted(children(some).tolist()) == wanted
    assert len(wanted) == 7 * len(some) - np.isin(some, h3_int.get_pentagons(resolution)).sum()


def test_descendants_are_a_range() -> None:
    for resolution in range(RESOLUTION + 1):
        coarse = hexes_of(LON, LAT, resolution)
        begins, ends = descendants(coarse)
        fine = hexes_of(LON, LAT)
        within = (begins[:, np.newaxis] <= fine) & (fine <= ends[:, np.newaxis])
        assert (within == (parents(fine, resolution) == coarse[:, np.newaxis])).all()


def test_the_coarsest_are_122_and_twelve_are_pentagons() -> None:
    coarsest = every_coarsest()
    assert len(set(coarsest.tolist())) == 122
    assert (hexes_of(*icosahedron().T, 0) == np.sort(h3_int.get_pentagons(0))).all()
    lon, lat = centres_of(coarsest)
    assert (hexes_of(lon, lat, 0) == coarsest).all()


@pytest.mark.parametrize("resolution", [0, 8, RESOLUTION, 15])
def test_text_is_what_h3_says_of_the_point(resolution: int) -> None:
    (found,) = hexes_of(np.array([117.2]), np.array([39.1]), resolution)
    assert to_text(int(found)) == h3.latlng_to_cell(39.1, 117.2, resolution)


def test_a_ring_is_closed_and_goes_around_its_point() -> None:
    (found,) = hexes_of(np.array([117.2]), np.array([39.1]))
    ring = ring_of(int(found))
    assert ring[0] == ring[-1]
    assert len(ring) == 7
    assert min(lon for lon, _ in ring) < 117.2 < max(lon for lon, _ in ring)
    assert min(lat for _, lat in ring) < 39.1 < max(lat for _, lat in ring)


@given(
    west=st.floats(-170, 165), south=st.floats(-75, 70), width=st.floats(0, 4), height=st.floats(0, 4),
    seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
@settings(max_examples=200)
def test_ranges_over_a_box_hold_the_hex_of_every_point_in_it(
    west: float, south: float, width: float, height: float, seed: int
) -> None:
    ranges = ranges_over(west, south, west + width, south + height)
    assert ranges is not None
    assert len(ranges) < 300
    draw = np.random.default_rng(seed)
    lon = np.append(west + width * draw.random(300), [west, west + width, west, west + width])
    lat = np.append(south + height * draw.random(300), [south, south, south + height, south + height])
    found = hexes_of(lon, lat)
    firsts, lasts = (np.array(each) for each in zip(*ranges, strict=True))
    at = np.searchsorted(np.sort(firsts), found, "right") - 1
    assert (at >= 0).all()
    assert (found <= lasts[np.argsort(firsts)][at]).all()


def test_ranges_over_a_street_corner_hold_little_else() -> None:
    ranges = ranges_over(117.195, 39.118, 117.196, 39.119)
    assert ranges is not None
    far = hexes_of(np.array([117.21]), np.array([39.118]))[0]
    assert not any(first <= far <= last for first, last in ranges)


def test_a_box_at_the_edge_of_the_map_has_no_ranges() -> None:
    assert ranges_over(179.9, 10, 180, 11) is None
    assert ranges_over(-180, -90, 180, 90) is None
