"""All revisions with the boxes in which they changed the map. Imports ``bands`` and ``revisions``."""

from __future__ import annotations

from sqlalchemy import Connection

from gridmap.coverage.redraws import Redraw, Redraws
from gridmap.store.bands import read_boxes
from gridmap.store.revisions import list_revisions


def read_redraws(connection: Connection) -> Redraws:
    """Every revision up to the current one; its mark is its number and the microsecond of its publishing."""
    boxes = read_boxes(connection)
    return Redraws(
        tuple(
            Redraw(
                revision.number,
                f"{revision.number}-{round(revision.published_at.timestamp() * 1e6):x}",
                tuple(boxes.get(revision.number, ())),
            )
            for revision in reversed(list_revisions(connection))
        )
    )
