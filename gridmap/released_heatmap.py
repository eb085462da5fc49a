"""Heatmaps of what releases show, in the form of live ones, on the grid they count on. Imports ``released``."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from gridmap.heatmap.answer import Heatmap, Published
from gridmap.heatmap.places import Places
from gridmap.heatmap.question import HEX, Window
from gridmap.heatmap.question import Question as HeatmapQuestion
from gridmap.model import City
from gridmap.released import Trees, data_version, question_of, read_released
from gridmap.releases.periods import Month
from gridmap.releases.suppression import HIDDEN
from gridmap.store.database import Connection
from gridmap.store.snapshot import read_grid_at

_EPOCH = datetime.fromtimestamp(0, UTC)


class PlacesAt:
    """Cells and areas of the revisions that releases were made on, the last few that were asked for. For one city.

    A revision's grid takes about a second to read and some hundred megabytes; the current one's is known already.
    """

    def __init__(self, most: int = 2) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._known: OrderedDict[int, Places] = OrderedDict()

    def of(self, connection: Connection, city: City, revision: int, current: Places | None) -> Places:
        """Those of a revision: ``current`` if it is that one, else read once, however many ask."""
        if current is not None and current.grid.revision.number == revision:
            return current
        with self._lock:
            if revision not in self._known:
                self._known[revision] = Places(read_grid_at(connection, city, revision), city)
            self._known.move_to_end(revision)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
            return self._known[revision]


def read_heatmap(
    connection: Connection,
    city: City,
    asked: HeatmapQuestion,
    period: Month | None,
    trees: Trees,
    known: PlacesAt,
    current: Places | None,
) -> tuple[Heatmap, Places]:
    """The rows that releases show of a heatmap's question, and the grid that they were counted on.

    Hidden rows are not there; those with 0 are where ``zeros`` asks for them. NotAllowed, with what may be asked,
    when no release answers it; NotFound for an unknown category or period.
    """
    question = question_of(connection, city, asked, period)
    found = read_released(connection, city, question, trees)
    places = known.of(connection, city, found.releases[-1].revision, current)
    listed = found.rows.counts >= (0 if asked.zeros else 1)
    names = None if asked.by == HEX else _names(places, question.by)
    if names is not None:  # an area without cells has no shape, and 0 of everything
        listed &= np.array([code in names for code in found.rows.codes.tolist()], bool)
    codes = found.rows.codes[listed].tolist()
    first, last = found.releases[0], found.releases[-1]
    window = Window(_microseconds(first.begins), _microseconds(last.ends))
    periods = tuple(release.period for release in found.releases)
    heatmap = Heatmap(
        question=asked,
        revision=last.revision,
        data_version=data_version(found.releases),
        key_array=pa.array(codes, pa.string()),
        name_array=None if names is None else pa.array([names[code] for code in codes], pa.string()),
        counts=found.rows.counts[listed].astype(np.int64),
        outside=_shown(found.rows.outside),
        published=Published(periods, window, found.least, _shown(found.rows.total), found.rows.suppressed),
    )
    return heatmap, places


def _names(places: Places, by: str) -> Mapping[str, str]:
    layer = places.layer(by)
    return dict(zip(layer.codes, layer.names, strict=True))


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _shown(count: int) -> int | None:
    return None if count == HIDDEN else count
