"""The planes of H3's hexes are h3's own, and the margin covers all that is not exact, with a centimetre left."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pyproj import Geod

from gridmap import hexes
from gridmap.coverage import hex_plane
from gridmap.coverage.hex_plane import MARGIN_M, faces, lattice_of, sorted_once, touched, vectors_of

EARTH_M = 6_371_000.0
# What is promised beyond everything that is not exact.
LEFT_M = 0.01
BEND_M = 0.001
ROUNDING_M = 1e-6

Rng = np.random.Generator


def everywhere(rng: Rng, count: int) -> tuple[np.ndarray, np.ndarray]:
    vectors = rng.normal(size=(count, 3))
    vectors /= np.linalg.norm(vectors, axis=1)[:, np.newaxis]
    return np.degrees(np.arctan2(vectors[:, 1], vectors[:, 0])), np.degrees(np.arcsin(vectors[:, 2]))


def flat(lon: np.ndarray, lat: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Where points lie in the planes of given faces, (n, 2)."""
    vectors = vectors_of(lon, lat)
    away = (vectors * rows[:, :3]).sum(axis=1)
    return np.column_stack([(vectors * rows[:, at : at + 3]).sum(axis=1) / away for at in (3, 6)])


def nearest(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    return faces()[(vectors_of(lon, lat) @ faces()[:, :3].T).argmax(axis=1)]


def beyond(lon: np.ndarray, lat: np.ndarray, resolution: int) -> np.ndarray:
    """By how many metres points lie outside the regular hexagon of the hex that h3 gives them; below 0: inside."""
    found, number = np.unique(hexes.hexes_of(lon, lat, resolution), return_inverse=True)
    centre_lon, centre_lat = hexes.centres_of(found)
    rows = nearest(lon, lat)
    step, cosine, sine, _ = lattice_of(resolution + 1)[resolution]
    apart = flat(lon, lat, rows) - flat(centre_lon[number], centre_lat[number], rows)
    x = (apart[:, 0] * cosine + apart[:, 1] * sine) / step
    y = (apart[:, 1] * cosine - apart[:, 0] * sine) / step
    row = math.sqrt(3) / 2
    across = np.max(np.abs([x, x / 2 + row * y, -x / 2 + row * y]), axis=0)
    return (across - 0.5) * step * EARTH_M


def test_there_are_twenty_faces_and_their_axes_are_square() -> None:
    assert faces().shape == (20, 9)
    axes = faces().reshape(20, 3, 3)
    assert np.allclose(axes @ axes.transpose(0, 2, 1), np.eye(3))


@pytest.mark.parametrize("resolution", [4, 5, 8, 9, 10, 11])
def test_a_points_hex_is_the_regular_hexagon_around_it(resolution: int, rng: Rng) -> None:
    """Points all over the globe, and on sides of hexes: h3's own rounding is far smaller than the margin."""
    lon, lat = everywhere(rng, 20_000)
    dots = np.sort(vectors_of(lon, lat) @ faces()[:, :3].T, axis=1)
    # across the border of two faces the other part is another plane's
    clear = dots[:, -1] - dots[:, -2] > 2 * lattice_of(resolution + 1)[resolution][0]
    assert clear.sum() > 10_000
    assert beyond(lon[clear], lat[clear], resolution).max(initial=-1.0) <= ROUNDING_M
    rings = [hexes.ring_of(int(each)) for each in hexes.hexes_of(lon[clear][:2000], lat[clear][:2000], resolution)]
    corners = np.array([ring[:2] for ring in rings if len(ring) == 7])
    share = rng.random((len(corners), 1))
    sides = corners[:, 0] * (1 - share) + corners[:, 1] * share
    sides = sides[(np.abs(corners[:, 0, 0] - corners[:, 1, 0]) < 1) & (np.abs(sides[:, 1]) < 75)]
    if resolution > 9:  # there a chord in lon and lat is the side
        over = beyond(sides[:, 0].copy(), sides[:, 1].copy(), resolution)
        assert over.max() <= ROUNDING_M
        assert over.min() > -BEND_M * 2


def test_a_piece_of_an_edge_bends_less_than_is_allowed_for(rng: Rng) -> None:
    """Straight in lon and lat against the great circle: up to 85 degrees north, pieces of up to kilometres."""
    lon, lat = rng.uniform(-180, 179, 3_000), rng.uniform(-85, 85, 3_000)
    size = 10 ** rng.uniform(-5, 0, (3_000, 1))
    ends = np.column_stack([lon, lat, lon, lat + 0.0])
    ends[:, 2:] += rng.uniform(-1, 1, (3_000, 2)) * size
    ends[:, 3] = ends[:, 3].clip(-85, 85)
    worst = 0.0
    for edge in range(len(ends)):
        pieces = hex_plane._pieces(ends, edge)
        piece = rng.integers(0, pieces)
        share = (piece + np.linspace(0, 1, 21)) / pieces
        way = vectors_of(
            ends[edge, 0] * (1 - share) + ends[edge, 2] * share,
            ends[edge, 1] * (1 - share) + ends[edge, 3] * share,
        )
        normal = np.cross(way[0], way[-1] - way[0])
        worst = max(worst, float(np.abs((way - way[0]) @ normal / np.linalg.norm(normal)).max()))
    assert 1e-11 < worst <= BEND_M / EARTH_M


def test_the_margin_on_the_ground_is_what_it_says(rng: Rng) -> None:
    """No step of ``MARGIN_M`` on the ellipsoid is longer in any plane than the margin there; a half is shorter."""
    lon, lat = everywhere(rng, 20_000)
    away, there_lat, _ = Geod(ellps="WGS84").fwd(
        lon, lat, rng.uniform(0, 360, len(lon)), np.full(len(lon), 1000.0)
    )
    rows = nearest(lon, lat)
    apart = np.linalg.norm(flat(np.asarray(away), np.asarray(there_lat), rows) - flat(lon, lat, rows), axis=1)
    for step, _, _, margin in lattice_of(hexes.RESOLUTION + 1):
        assert apart.max() * (MARGIN_M / 1000) <= margin * step * 1.001
    assert MARGIN_M - BEND_M - ROUNDING_M > LEFT_M


def test_touched_hexes_are_those_of_points_beside_the_edges(rng: Rng) -> None:
    """Points a centimetre and less beside edges have no other hexes than the touched ones, at any resolution."""
    lon, lat = everywhere(rng, 60)
    lon, lat = lon.clip(-179, 179), lat.clip(-80, 80)
    size = 10 ** rng.uniform(-5, -1.5, (60, 1))
    ends = np.column_stack([lon, lat, lon, lat])
    ends[:, 2:] += rng.uniform(-1, 1, (60, 2)) * size
    cells = np.column_stack([np.arange(60), np.arange(60) + 100]).astype(np.int32)
    found = touched(ends, cells, hexes.RESOLUTION, hexes.RESOLUTION)
    share = rng.random((60, 2_000, 1))
    points = (ends[:, np.newaxis, :2] * (1 - share) + ends[:, np.newaxis, 2:] * share).reshape(-1, 2)
    owner = np.repeat(np.arange(60), 2_000)
    angle, reach = rng.uniform(0, 2 * np.pi, len(points)), rng.uniform(0, LEFT_M, len(points)) / EARTH_M
    points[:, 1] += np.degrees(np.sin(angle) * reach)
    points[:, 0] += np.degrees(np.cos(angle) * reach / np.cos(np.radians(points[:, 1])))
    for resolution, each in enumerate(found):
        assert np.isin(hexes.hexes_of(points[:, 0], points[:, 1], resolution), each.hexes).all()
        assert (len(each.pairs) > 0) == (resolution == hexes.RESOLUTION)
    places, sides = found[-1].pairs >> 32, found[-1].pairs & 0xFFFFFFFF
    pairs = set(zip(found[-1].hexes[places].tolist(), sides.tolist(), strict=True))
    fine = hexes.hexes_of(points[:, 0], points[:, 1])
    for side in (0, 100):
        assert set(zip(fine.tolist(), (owner + side).tolist(), strict=True)) <= pairs


def test_sorted_once_is_what_numpy_calls_unique(rng: Rng) -> None:
    for values in (rng.integers(0, 50, 200), np.empty(0, np.int64)):
        assert sorted_once(values).tolist() == np.unique(values).tolist()
