"""The codes of an index's cells, in the order of their bytes. Imports ``errors`` only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridmap.errors import InvalidInput, LoadRefused

Codes = NDArray[np.bytes_]
Positions = NDArray[np.intp]

# So many cells are named, then only counted.
_SHOWN = 10


def codes_of(texts: Sequence[str]) -> Codes:
    """The codes as bytes; InvalidInput when they are not in the order of their bytes, or one comes twice."""
    codes = np.array([text.encode() for text in texts], dtype=np.bytes_)
    wrong = np.flatnonzero(codes[1:] <= codes[:-1])
    if len(wrong):
        raise InvalidInput("codes", texts[int(wrong[0]) + 1], "must be sorted by bytes, each once")
    return codes


def numbers(count: int) -> Codes:
    """Codes for cells that have none: their numbers from 1, with as many digits as the last needs."""
    digits = len(str(count))
    return np.array([f"{number:0{digits}d}".encode() for number in range(1, count + 1)], dtype=np.bytes_)


def positions_of(codes: Codes, wanted: Codes) -> Positions:
    """Where each of some codes stands, -1 for one that is not there."""
    if not len(codes) or not len(wanted):
        return np.full(len(wanted), -1, np.intp)
    places = np.searchsorted(codes, wanted)
    there = codes[np.minimum(places, len(codes) - 1)] == wanted
    return np.where(there, places, -1)


@dataclass(frozen=True, slots=True)
class Change:
    """What a redraw does to the rows that stand in the order of codes.

    - ``gone``: the positions, before, of cells that end or get another shape.
    - ``codes``: all the codes after; ``drawn``: the positions among them of new cells and new shapes.
    - ``drawn_codes``: the codes of these, sorted.
    """

    gone: Positions
    codes: Codes
    drawn: Positions
    drawn_codes: tuple[str, ...]

    @classmethod
    def of(cls, codes: Codes, ended: Collection[str], drawn: Collection[str]) -> Change:
        """The change from ``codes``; InvalidInput for an ended code that is not among them."""
        drawn_codes = tuple(sorted(drawn, key=str.encode))
        names = sorted({*ended, *drawn_codes}, key=str.encode)
        gone = positions_of(codes, np.array([name.encode() for name in names], np.bytes_))
        new = set(drawn_codes)
        for name, position in zip(names, gone, strict=True):
            if position < 0 and name not in new:
                raise InvalidInput("ended", name, "must be the code of a cell")
        gone = gone[gone >= 0]
        kept = np.delete(codes, gone)
        bytes_drawn = np.array([name.encode() for name in drawn_codes], np.bytes_)
        places = np.searchsorted(kept, bytes_drawn)
        after = np.insert(kept.astype(np.promote_types(kept.dtype, bytes_drawn.dtype)), places, bytes_drawn)
        return cls(gone, after, places + np.arange(len(places)), drawn_codes)

    def applied(self, row: NDArray[Any], drawn: NDArray[Any]) -> NDArray[Any]:
        """A row with one entry per cell before, as it is after; ``drawn`` has the entries of ``drawn_codes``."""
        kept = np.delete(row, self.gone)
        return np.insert(kept, self.drawn - np.arange(len(self.drawn)), drawn)


def refuse(what: str, positions: NDArray[np.integer], places: NDArray[np.float64], codes: Codes) -> LoadRefused:
    """The error for cells that are no coverage: the first named, each with one place (lon, lat), then counted.

    A cell that has more places comes before those that have fewer, for it is likelier to be the one that is wrong.
    """
    cells, first, places_each = np.unique(positions, return_index=True, return_counts=True)
    order = np.argsort(-places_each, kind="stable")[:_SHOWN]
    shown = "; ".join(
        f"{codes[cell].decode()} at {lon:.7f} {lat:.7f}"
        for cell, (lon, lat) in zip(cells[order], places[first[order]], strict=True)
    )
    more = f" and {len(cells) - _SHOWN} more" if len(cells) > _SHOWN else ""
    return LoadRefused(f"cells are not a coverage: {len(cells)} of them {what}: {shown}{more}")
