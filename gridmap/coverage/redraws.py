"""Where each revision shows another map than the one before: what a tile needs to know to stay valid. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gridmap.errors import NotFound

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Redraw:
    """A revision, a mark that no other revision of any database has, and its boxes: west, south, east, north.

    Boxes are in Web Mercator metres. Outside them the map is that of the revision before.
    """

    revision: int
    mark: str
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Redraws:
    """All revisions up to one, in order."""

    redraws: tuple[Redraw, ...] = ()

    @cached_property
    def marks(self) -> dict[int, str]:
        """Revision -> its mark."""
        return {redraw.revision: redraw.mark for redraw in self.redraws}

    def mark_of(self, revision: int) -> str:
        """The mark of a revision; NotFound when there is no such revision."""
        mark = self.marks.get(revision)
        if mark is None:
            raise NotFound(f"no revision {revision}")
        return mark

    def drawn_at(self, revision: int, box: Box) -> int:
        """The newest revision up to ``revision`` that redrew something in the box; else the first of all.

        NotFound when there is no such revision.
        """
        self.mark_of(revision)
        west, south, east, north = box
        boxes, revisions = self._boxes
        touched = (boxes[:, 0] <= east) & (boxes[:, 2] >= west) & (boxes[:, 1] <= north) & (boxes[:, 3] >= south)
        found = revisions[touched & (revisions <= revision)]
        return int(found.max()) if len(found) else self.redraws[0].revision

    @cached_property
    def _boxes(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        flat = [(redraw.revision, box) for redraw in self.redraws for box in redraw.boxes]
        return _columns([box for _, box in flat]), np.array([revision for revision, _ in flat], np.int64)


def _columns(boxes: Sequence[Box]) -> NDArray[np.float64]:
    return np.array(boxes, np.float64).reshape(-1, 4)
