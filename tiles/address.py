"""Where a tile lies: z/x/y and Web Mercator (EPSG:3857), by arithmetic alone. Pure; numbers from ``bands``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from gridmap.coverage.bands import MERCATOR_HALF_M, TILE_UNITS

# Geometry is drawn this far beyond a tile's sides, so that lines along them are whole.
BUFFER_UNITS = 64

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Address:
    """A tile: zoom ``z``, column ``x`` from the west, row ``y`` from the north; both from 0 to 2^z - 1."""

    z: int
    x: int
    y: int

    @property
    def exists(self) -> bool:
        """Whether the zoom has such a column and row."""
        return 0 <= self.x < 1 << self.z and 0 <= self.y < 1 << self.z


def side_m(z: int) -> float:
    """A tile's side in Mercator metres.

    >>> side_m(1)
    20037508.342789244
    """
    return 2.0 * MERCATOR_HALF_M / (1 << z)


def corner(address: Address) -> tuple[float, float]:
    """West and north of a tile in Mercator metres.

    >>> corner(Address(1, 1, 1))
    (0.0, 0.0)
    """
    side = side_m(address.z)
    return -MERCATOR_HALF_M + address.x * side, MERCATOR_HALF_M - address.y * side


def box_of(address: Address, buffer_units: int = 0) -> Box:
    """West, south, east, north in Mercator metres, widened by so many of the tile's 4,096 units.

    >>> box_of(Address(0, 0, 0), 4096)[0] == -3 * MERCATOR_HALF_M
    True
    """
    west, north = corner(address)
    side = side_m(address.z)
    margin = side * buffer_units / TILE_UNITS
    return west - margin, north - side - margin, west + side + margin, north + margin


def degrees_of(box: Box) -> Box:
    """The same box in degrees.

    >>> degrees_of((0.0, 0.0, MERCATOR_HALF_M, 0.0))
    (0.0, 0.0, 180.0, 0.0)
    """
    west, south, east, north = (each / MERCATOR_HALF_M for each in box)
    return west * 180.0, _latitude(south), east * 180.0, _latitude(north)


def box_in_mercator(degrees: Box) -> Box:
    """The opposite of :func:`degrees_of`.

    >>> box_in_mercator((0.0, 0.0, 180.0, 0.0))[2] == MERCATOR_HALF_M
    True
    """
    west, south, east, north = degrees
    return _east(west), _north(south), _east(east), _north(north)


def _east(lon: float) -> float:
    return lon / 180.0 * MERCATOR_HALF_M


def _north(lat: float) -> float:
    return math.asinh(math.tan(math.radians(lat))) / math.pi * MERCATOR_HALF_M


def _latitude(share: float) -> float:
    return math.degrees(math.atan(math.sinh(share * math.pi)))


@dataclass(frozen=True, slots=True)
class Span:
    """Columns ``west`` to ``east`` and rows ``north`` to ``south`` of a zoom, all inclusive."""

    z: int
    west: int
    north: int
    east: int
    south: int

    def blocks(self, bits: int) -> Iterator[Span]:
        """The span cut along squares of 2^bits tiles, whose tiles are neighbours in the order of PMTiles' ids."""
        for row in range(self.north >> bits, (self.south >> bits) + 1):
            for column in range(self.west >> bits, (self.east >> bits) + 1):
                yield Span(
                    self.z,
                    max(self.west, column << bits),
                    max(self.north, row << bits),
                    min(self.east, ((column + 1) << bits) - 1),
                    min(self.south, ((row + 1) << bits) - 1),
                )

    def addresses(self) -> Iterator[Address]:
        """All tiles, row by row."""
        for y in range(self.north, self.south + 1):
            for x in range(self.west, self.east + 1):
                yield Address(self.z, x, y)


def span_of(box: Box, z: int, buffer_units: int = BUFFER_UNITS) -> Span:
    """The tiles of a zoom that a box in Mercator metres touches, with what they draw beyond their sides."""
    west, south, east, north = box
    side = side_m(z)
    margin = side * buffer_units / TILE_UNITS
    last = (1 << z) - 1

    def place(distance: float) -> int:
        return min(last, max(0, int(distance // side)))

    return Span(
        z,
        place(west - margin + MERCATOR_HALF_M),
        place(MERCATOR_HALF_M - north - margin),
        place(east + margin + MERCATOR_HALF_M),
        place(MERCATOR_HALF_M - south + margin),
    )
