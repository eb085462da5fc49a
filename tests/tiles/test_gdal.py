"""GDAL's own readers, of single tiles and of PMTiles: they find every feature that is there, with its id."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import pyogrio
import pytest
import shapely

from gridmap.access import OPERATOR
from gridmap.model import City
from gridmap.store.database import Database
from tests.tiles.decoding import Feature, decode
from tests.tiles.test_bake import quiet, tiles_in
from tiles.address import Address, Box, span_of
from tiles.bake import bake
from tiles.baked import path_of
from tiles.layers import layers_of
from tiles.render import render

# In the first two the cells are densest: rounded to units they touch themselves and their neighbours.
ZOOMS = (10, 11, 13, 15)
LAYERS = ("cells", "community", "street", "district", "city", "labels", "overlays", "lines")


def read(source: str | Path, layer: str, **options: Any) -> Counter[tuple[int, str]]:
    """How often a feature of an id and code is there; a line has a kind instead of a code."""
    frame = pyogrio.read_dataframe(source, layer=layer, **options)
    assert not frame.geometry.is_empty.any()
    name = "kind" if layer == "lines" else "code"
    return Counter(zip(frame.mvt_id.astype(int), frame[name], strict=True))


def expected(layer: str, features: list[Feature]) -> Counter[tuple[int, str]]:
    name = "kind" if layer == "lines" else "code"
    return Counter((each.id, each.properties[name]) for each in features)


def touches_itself(feature: Feature) -> bool:
    """Whether rounding left a ring that GEOS does not take as one."""
    return any(not shapely.LinearRing([*part, part[0]]).is_simple for part in feature.parts if len(part) > 2)


@pytest.mark.parametrize("crs", ["wgs84", "gcj02"])
@pytest.mark.parametrize("layer", LAYERS)
def test_gdal_reads_every_feature_of_a_tile(
    heping: Database, city: City, whole: Box, tmp_path: Path, layer: str, crs: str
) -> None:
    described, touching, seen = layers_of(city)[layer], 0, 0
    for z in (z for z in ZOOMS if described.draws(z)):
        with heping.begin(OPERATOR, one_state=True) as connection:
            found = render(connection, city, described, 1, list(span_of(whole, z).addresses()), crs)
        for address, content in found.items():
            features = decode(content)[layer]
            path = tmp_path / f"{z}" / f"{address.x}" / f"{address.y}.mvt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            assert read(f"MVT:{path}", layer, CLIP="NO") == expected(layer, features), address
            touching += sum(touches_itself(each) for each in features if each.type == 3)
            seen += len(features)
    assert seen
    assert layer != "cells" or touching, "no polygon touches itself: the zooms are not dense enough"


@pytest.mark.parametrize("layer", ["cells", "community", "labels", "lines"])
def test_gdal_reads_every_feature_of_a_bake(heping: Database, city: City, tmp_path: Path, layer: str) -> None:
    bake(heping, tmp_path, [layer], (10, 13), quiet, processes=2)
    path = path_of(tmp_path, 1, layers_of(city)[layer])
    tiles: dict[int, Counter[tuple[int, str]]] = {}
    for address, content in tiles_in(path).items():
        assert isinstance(address, Address)
        features = decode(gzip.decompress(content))[layer]
        tiles.setdefault(address.z, Counter()).update(expected(layer, features))
    assert max(tiles) == 13
    for z, wanted in tiles.items():
        assert read(path, layer, ZOOM_LEVEL=str(z), CLIP="NO") == wanted, z
