"""Areas that change: a tile outside the boxes of the redraw is as the revision before drew it, names included."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

from gridmap.access import OPERATOR
from gridmap.actions.publish import publish
from gridmap.coverage.grid import Grid
from gridmap.model import City
from gridmap.redraw.change import GridChange
from gridmap.store.database import Database
from tests.gridmap.actions.area_changes import CHANGES
from tests.gridmap.actions.test_publish import grid_of
from tiles.address import BUFFER_UNITS, Box, box_of, span_of
from tiles.layers import layers_of
from tiles.render import render

Change = Callable[[Grid, np.random.Generator, str], GridChange]
LAYERS = ("cells", "community", "street", "district", "labels")


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_tiles_outside_the_boxes_stay(heping_copy: Database, city: City, whole: Box, change: Change) -> None:
    grid = grid_of(heping_copy)
    begins = grid.revision.valid_from + timedelta(days=1)
    redraw = change(grid, np.random.default_rng(8), "1")
    publish(heping_copy, OPERATOR, 1, redraw, begins, "", lambda _: None, grid)
    redraws = grid_of(heping_copy).redraws
    differing = kept = 0
    with heping_copy.begin(OPERATOR, long_work=True) as connection:
        for name, z in [(name, z) for name in LAYERS for z in (12, 15)]:
            layer, addresses = layers_of(city)[name], list(span_of(whole, z).addresses())
            if not layer.draws(z):
                continue
            was, now = (render(connection, city, layer, revision, addresses) for revision in (1, 2))
            for address in addresses:
                drawn_at = redraws.drawn_at(2, box_of(address, BUFFER_UNITS))
                if was.get(address) != now.get(address):
                    assert drawn_at == 2, (name, address)
                    differing += 1
                kept += drawn_at == 1
    assert differing > 0
    assert kept > 0 or change.__name__ == "a_new_district"
