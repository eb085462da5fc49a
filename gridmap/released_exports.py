"""A release as a file: cells or the areas of a level, with shapes, and a column of counts for each subject.

Imports ``exports``, ``released_places`` and ``spreadsheets``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gridmap.exports import FORMATS, Export, frame_of, write_frame
from gridmap.released_places import LevelCounts
from gridmap.spreadsheets import harmless
from gridmap.store.features import FeatureRow

CSV = "csv"
RELEASE_FORMATS = {CSV: "text/csv; charset=utf-8", **FORMATS}


@dataclass(frozen=True)
class ReleaseExport:
    """A file that can be made of a release: the cells or areas of its grid, and what it counts in them."""

    export: Export
    counted: LevelCounts

    @property
    def name(self) -> str:
        """A name that stands for the content, which never changes."""
        release, export = self.counted.release, self.export
        made = f"{release.made_at:%Y%m%dT%H%M%S%f}"
        crs = export.crs.replace(":", "")
        return f"released-{release.period}-{made}-{export.collection.id}-{crs}.{export.format}"

    def metadata(self) -> dict[str, str]:
        """What the file says of itself; counts that are hidden are null."""
        least = {f"gridmap_least_{subject}": str(number) for subject, number in self.counted.least.items()}
        return {**self.export.metadata(), "gridmap_period": self.counted.release.period, **least}

    def write(self, rows: Sequence[FeatureRow], path: Path) -> None:
        """Write the file; a CSV has no shapes."""
        frame = frame_of(self.export, rows)
        of_rows = [self.counted.counts[code] for code in frame["code"]]
        frame.insert(len(frame.columns) - 1, "period", self.counted.release.period)
        for subject in self.counted.least:
            counts = pd.array([shown[subject] for shown in of_rows], dtype="Int64")
            frame.insert(len(frame.columns) - 1, subject, counts)
        if self.export.format == CSV:
            frame.drop(columns="geometry").map(harmless).to_csv(path, index=False)
        else:
            write_frame(frame, self.export, self.metadata(), path)
