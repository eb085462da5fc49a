"""Literal numbers: tiles of the world and of Tianjin, computed by other means."""

from __future__ import annotations

import pytest
from pmtiles.tile import zxy_to_tileid

from tiles.address import Address, Span, box_of, corner, side_m, span_of

HALF = 20037508.342789244


def test_the_world_is_one_tile() -> None:
    assert box_of(Address(0, 0, 0)) == (-HALF, -HALF, HALF, HALF)


def test_a_tile_of_tianjin() -> None:
    # its corner is lon 117.18017578125, lat 39.13006024213511: R * radians(lon), R * ln(tan(pi/4 + lat/2))
    address = Address(14, 13525, 6254)
    assert corner(address) == pytest.approx((13044437.499035, 4740318.746133), abs=1e-5)
    west, south, east, north = box_of(address)
    # 117.1950, 39.1180 lies in it
    assert west < 13046087.723517694 < east
    assert south < 4738588.182247528 < north
    assert east - west == pytest.approx(2445.98490512565, abs=1e-7)


def test_the_buffer_is_a_share_of_the_side() -> None:
    west, south, east, north = box_of(Address(3, 4, 4), 64)
    side = side_m(3)
    assert (west, north) == (-side / 64, side / 64)
    assert (east, south) == (side + side / 64, -side - side / 64)


@pytest.mark.parametrize(
    ("address", "exists"),
    [
        (Address(0, 0, 0), True),
        (Address(0, 1, 0), False),
        (Address(4, 15, 15), True),
        (Address(4, 16, 0), False),
        (Address(4, -1, 0), False),
    ],
)
def test_which_tiles_exist(address: Address, exists: bool) -> None:
    assert address.exists is exists


def test_the_tiles_of_a_box() -> None:
    side = side_m(2)
    assert span_of((1.0, -side + 1, side - 1, -1.0), 2, 0) == Span(2, 2, 2, 2, 2)
    # within 64 of 4,096 units of the side, the neighbours draw it too
    assert span_of((1.0, -side + 1, side - 1, -1.0), 2) == Span(2, 1, 1, 3, 3)
    assert span_of((-HALF, -HALF, HALF, HALF), 2) == Span(2, 0, 0, 3, 3)


def test_blocks_cover_a_span_once_and_are_runs_of_pmtiles_ids() -> None:
    span = Span(5, 3, 6, 13, 9)
    seen = [address for block in span.blocks(2) for address in block.addresses()]
    assert len(seen) == len(set(seen)) == 11 * 4
    assert set(seen) == set(span.addresses())
    whole = Span(5, 8, 4, 11, 7)
    ids = sorted(zxy_to_tileid(each.z, each.x, each.y) for each in whole.addresses())
    assert ids == list(range(ids[0], ids[0] + 16))
