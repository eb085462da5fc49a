"""Hexes: parents by bits are h3's own, and text and numbers are one."""

from __future__ import annotations

import h3
import numpy as np
import pytest

from gridmap.hexes import RESOLUTION, hex_of, hexes_of, parents, ring_of, to_text

RANDOM = np.random.default_rng(7)
LON, LAT = RANDOM.uniform(-180, 180, 300), RANDOM.uniform(-90, 90, 300)


def test_hexes_of_many_are_those_of_each() -> None:
    assert hexes_of(LON, LAT).tolist() == [hex_of(lon, lat) for lon, lat in zip(LON, LAT, strict=True)]


@pytest.mark.parametrize("resolution", range(RESOLUTION + 1))
def test_parents_by_bits_are_those_of_h3(resolution: int) -> None:
    fine = hexes_of(LON, LAT)
    wanted = [h3.cell_to_parent(h3.int_to_str(int(each)), resolution) for each in fine]
    assert [to_text(int(each)) for each in parents(fine, resolution)] == wanted


@pytest.mark.parametrize("resolution", [0, 8, RESOLUTION, 15])
def test_text_is_what_h3_says_of_the_point(resolution: int) -> None:
    assert to_text(hex_of(117.2, 39.1, resolution)) == h3.latlng_to_cell(39.1, 117.2, resolution)


def test_a_ring_is_closed_and_goes_around_its_point() -> None:
    ring = ring_of(hex_of(117.2, 39.1))
    assert ring[0] == ring[-1]
    assert len(ring) == 7
    assert min(lon for lon, _ in ring) < 117.2 < max(lon for lon, _ in ring)
    assert min(lat for _, lat in ring) < 39.1 < max(lat for _, lat in ring)
