"""Which layers a city has, and from which zoom each is drawn."""

from __future__ import annotations

import pytest

from gridmap.errors import NotFound
from gridmap.features import collections_of
from gridmap.ingest.level_keys import checked_levels
from gridmap.model import City
from tiles.counts import COUNT_LAYERS
from tiles.layers import layer_of, layers_of, shown_lines


def city(*levels: str) -> City:
    return City("1", "city", levels, "", "EPSG:4548", "Asia/Shanghai", (), "")


@pytest.mark.parametrize(
    ("levels", "zooms"),
    [
        (("city", "district", "street", "community"), {"city": 4, "district": 6, "street": 8, "community": 9}),
        (("city", "borough", "msoa"), {"city": 4, "borough": 8, "msoa": 9}),
        (("town",), {"town": 4}),
        (("a", "b", "c", "d", "e", "f"), {"a": 4, "b": 5, "c": 5, "d": 6, "e": 8, "f": 9}),
    ],
)
def test_lower_levels_come_later(levels: tuple[str, ...], zooms: dict[str, int]) -> None:
    layers = layers_of(city(*levels))
    assert {level: layers[level].lowest_zoom for level in levels} == zooms
    assert layers.keys() - zooms.keys() == {"cells", "labels", "overlays", "lines"}
    assert layers["labels"].lowest_zoom == 5


def test_cells_are_drawn_from_10_to_16() -> None:
    cells = layers_of(city("city", "msoa"))["cells"]
    assert [z for z in range(31) if cells.draws(z)] == list(range(10, 17))
    assert set(cells.fields) == {"code", "name", "kind", "msoa", "city"}


def test_an_unknown_layer_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(NotFound, match="no geometry layer 'community'; there are city, msoa, cells"):
        layer_of(city("city", "msoa"), "community")


def test_larger_roads_come_first() -> None:
    assert shown_lines(7) == ([], [], False)
    assert shown_lines(9) == (["water"], ["motorway", "trunk", "arterial", "primary"], False)
    kinds, classes, others = shown_lines(13)
    assert (set(kinds), "local" in classes, others) == ({"water", "wall"}, True, True)


def test_no_level_may_be_called_like_a_layer_a_collection_or_a_property() -> None:
    """So a new layer, collection or property must be told to the ingest, too."""
    levels = {"city", "msoa"}
    described = layers_of(city(*levels))
    names = {*described, *COUNT_LAYERS, *collections_of(city(*levels))}
    properties = {name for layer in (*described.values(), *COUNT_LAYERS.values()) for name in layer.fields}
    single = {"category", "happened_at", "road_class"}  # of layers without levels among their properties
    taken = (names | properties) - levels - single
    assert len(taken) > 20
    for name in taken:
        with pytest.raises(ValueError, match=name):
            checked_levels(("city", name))
