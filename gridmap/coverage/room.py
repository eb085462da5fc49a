"""Spare room behind a raster's arrays, which the rasters made from it by redraws share. Imports no neighbour."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray


class Room:
    """Boxes and words of records, taken from the front, never given back. Memory counts only once written."""

    def __init__(self, boxes: int = 0, words: int = 0) -> None:
        self.boxes: NDArray[np.int32] = np.empty(boxes, np.int32)
        self.records: NDArray[np.float64] = np.empty(words, np.float64)
        self._taken = (0, 0)
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes taken so far."""
        boxes, words = self._taken
        return boxes * self.boxes.itemsize + words * self.records.itemsize

    def take(self, boxes: int, words: int) -> tuple[int, int] | None:
        """The first box and word of a part that is nobody else's from now on; None without room for it."""
        with self._lock:
            first_box, first_word = self._taken
            if first_box + boxes > len(self.boxes) or first_word + words > len(self.records):
                return None
            self._taken = (first_box + boxes, first_word + words)
            return first_box, first_word
