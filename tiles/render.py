"""Tiles from the database: which query makes which layer. Imports ``layers``, ``address`` and the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gridmap.coverage.bands import TILE_UNITS, band_of, box_before
from gridmap.model import City
from gridmap.store import tiles as store
from gridmap.store.database import Connection
from tiles.address import BUFFER_UNITS, Address, Box, box_of, corner, side_m
from tiles.layers import CELL_LABELS_FROM, ROAD_CLASSES, Layer, area_labels_from, shown_lines


def drawn_from(address: Address, crs: str) -> Box:
    """The box over WGS 84, in Mercator metres, in which all lies that a tile in ``crs`` shows."""
    return box_before(crs, box_of(address, BUFFER_UNITS))


def render(
    connection: Connection,
    city: City,
    layer: Layer,
    revision: int,
    addresses: Sequence[Address],
    crs: str = "wgs84",
) -> Mapping[Address, bytes]:
    """The tiles of a layer at a revision, all of one zoom that the layer draws; empty tiles are left out.

    ``crs``: wgs84, gcj02 or bd09. In the last two it takes two statements, which must see one state.
    """
    if not addresses:
        return {}
    z = addresses[0].z
    frame = frame_of(revision, z, addresses, crs)
    found = _queried(connection, city, layer, frame, z)
    return {Address(z, x, y): content for (x, y), content in found.items()}


def _queried(connection: Connection, city: City, layer: Layer, frame: store.Frame, z: int) -> store.Tiles:
    if layer.kind == "cells":
        return store.cell_tiles(connection, frame, layer.name, city.levels[::-1])
    if layer.kind == "areas":
        return store.area_tiles(connection, frame, layer.name, layer.level or "")
    if layer.kind == "labels":
        levels = [level for level, zoom in area_labels_from(city) if zoom <= z]
        return store.label_tiles(connection, frame, layer.name, levels, z >= CELL_LABELS_FROM)
    if layer.kind == "overlays":
        return store.overlay_tiles(connection, frame, layer.name)
    kinds, classes, others = shown_lines(z)
    return store.line_tiles(connection, frame, layer.name, kinds, classes, list(ROAD_CLASSES), others)


def frame_of(revision: int, z: int, addresses: Sequence[Address], crs: str) -> store.Frame:
    """Tiles of one zoom, as the store is asked for them."""
    corners = [corner(each) for each in addresses]
    side = side_m(z)
    return store.Frame(
        revision,
        band_of(z).number,
        [each.x for each in addresses],
        [each.y for each in addresses],
        [west for west, _ in corners],
        [north for _, north in corners],
        side,
        side * BUFFER_UNITS / TILE_UNITS,
        crs,
        None if crs == "wgs84" else _around([drawn_from(each, crs) for each in addresses]),
    )


def _around(boxes: Sequence[Box]) -> Box:
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)
