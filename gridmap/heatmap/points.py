"""Single incidents in a box, for the staff of their territory. Imports ``answer`` and below."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from gridmap.crs import Floats
from gridmap.errors import InvalidInput
from gridmap.heatmap.answer import wanted_hours, wanted_kinds
from gridmap.heatmap.columns import STEPS_PER_DEGREE, Columns, Facts
from gridmap.heatmap.counting import Longs
from gridmap.heatmap.question import Box, Question

# More points in a box than these are no map of points.
MOST_POINTS = 20_000
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Points:
    """n incidents by id: category, when it happened in city time, code of the cell, lon and lat in WGS 84."""

    ids: list[int]
    categories: list[str]
    moments: list[str]
    cells: list[str]
    lon: Floats
    lat: Floats


def points_in(facts: Facts, question: Question, box: Box) -> Points:
    """The incidents of a question in a box (west, south, east, north in degrees, edges count), inside the city.

    InvalidInput when there are more than 20,000.
    """
    part = facts.parts["incident"]
    picked = [(part.base, _rows(facts, question, part.base, box, part.gone.ids))]
    picked.append((part.recent, _rows(facts, question, part.recent, box, np.empty(0, np.int64))))
    number = sum(len(rows) for _, rows in picked)
    if number > MOST_POINTS:
        rule = f"has {number:,} incidents in one tile, more than {MOST_POINTS:,}: ask for less time"
        raise InvalidInput("from, to, category", question.categories, rule)
    ids, kinds, times, cells, east, north = (
        np.concatenate([getattr(columns, name)[rows] for columns, rows in picked])
        for name in ("ids", "kinds", "times", "cells", "east", "north")
    )
    order = np.argsort(ids, kind="stable")
    categories = [category for _, category in facts.kinds["incident"]]
    grid, position_of, zone = facts.places.grid, facts.places.position_of, facts.places.city.zone
    return Points(
        ids[order].tolist(),
        [categories[kind] for kind in kinds[order].tolist()],
        [(_EPOCH + timedelta(microseconds=at)).astimezone(zone).isoformat() for at in times[order].tolist()],
        [grid.cells[at].code for at in position_of[cells[order]].tolist()],
        east[order] / STEPS_PER_DEGREE,
        north[order] / STEPS_PER_DEGREE,
    )


def _rows(facts: Facts, question: Question, columns: Columns, box: Box, gone: Longs) -> Longs:
    """The rows of some columns that are asked for and lie in the box and in a cell."""
    window = question.window
    begins = 0 if window.begins is None else int(np.searchsorted(columns.times, window.begins))
    ends = len(columns) if window.ends is None else int(np.searchsorted(columns.times, window.ends))
    west, south, east, north = (np.rint(np.array(box) * STEPS_PER_DEGREE)).astype(np.int64).tolist()
    span = slice(begins, max(begins, ends))
    inside = (columns.east[span] >= west) & (columns.east[span] <= east) & (columns.cells[span] != 0)
    inside &= (columns.north[span] >= south) & (columns.north[span] <= north)
    rows = np.flatnonzero(inside) + begins
    kinds, hours = wanted_kinds(facts, question), wanted_hours(question)
    if len(kinds):
        rows = rows[np.isin(columns.kinds[rows], kinds)]
    if len(hours):
        rows = rows[hours[columns.hours[rows]] != 0]
    if question.area is not None:
        within = np.append(facts.places.within(question.area), False)
        rows = rows[within[facts.places.position_of[columns.cells[rows]]]]
    if len(gone):
        rows = rows[~np.isin(columns.ids[rows], gone)]
    return rows
