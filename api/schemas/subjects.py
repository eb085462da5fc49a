"""Elements and incidents: rows to write, what became of each, and lists."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StringConstraints

from api.schemas.loads import Counts
from api.schemas.texts import CodeText, Strict
from gridmap.actions.rows import SavedRows

MOST_ROWS = 10_000

_Text = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$")]
_Key = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Source = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f/\s]{1,64}$")]
_CrsText = Annotated[
    str, Field(max_length=20, description="wgs84, cgcs2000, gcj02, bd09 or EPSG:<code>; no default")
]


class _RowIn(Strict):
    """What every row has: the source's own id, and the point in the body's crs. The id is free of place."""

    id: _Key
    lon: StrictFloat
    lat: StrictFloat
    accuracy_m: StrictFloat | None = None
    category: CodeText


class ElementIn(_RowIn):
    """An element. A person is a reference, a category of the closed list and a building: no name."""

    class_: Annotated[str, Field(alias="class", max_length=20)]
    name: _Text | None = None
    building: _Text | None = None


class IncidentIn(_RowIn):
    """An incident; times without offset are city time, ``reporter`` is a ticket reference of the hotline."""

    happened_at: _Text
    reported_at: _Text | None = None
    closed_at: _Text | None = None
    reporter: _Text | None = None


class ElementsIn(Strict):
    """Elements of one source, in one crs."""

    crs: _CrsText
    source: _Source
    elements: Annotated[list[ElementIn], Field(min_length=1, max_length=MOST_ROWS)]


class IncidentsIn(Strict):
    """Incidents of one source, in one crs."""

    crs: _CrsText
    source: _Source
    incidents: Annotated[list[IncidentIn], Field(min_length=1, max_length=MOST_ROWS)]


class RowOut(BaseModel):
    """What became of one row: where it is, what was done, and why not."""

    status: Literal["placed", "outside", "rejected"]
    change: Literal["inserted", "updated", "unchanged"] | None
    cell: str | None
    reason: str | None


class RowsOut(BaseModel):
    """What became of each row, in the order of the body; ``load`` is the record that is kept of it."""

    load: int
    revision: int
    counts: Counts
    rows: list[RowOut]


class _Listed(BaseModel):
    id: int
    source: str
    external_id: str
    category: str
    lon: float
    lat: float
    how: str
    cell: str | None


class ElementOut(_Listed):
    """An element and the cell it is in, null outside the city."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    class_: str = Field(alias="class")
    name: str | None
    building: str | None


class IncidentOut(_Listed):
    """An incident and the cell it is in, null outside the city; ``handler``: the post that has to hand it over."""

    happened_at: datetime
    reported_at: datetime
    closed_at: datetime | None
    reporter: str | None
    handler: str | None


class ElementsOut(BaseModel):
    """Elements by id; ``next`` is the id to go on after."""

    revision: int
    elements: list[ElementOut]
    next: int | None


class IncidentsOut(BaseModel):
    """Incidents by id; ``next`` is the id to go on after."""

    revision: int
    incidents: list[IncidentOut]
    next: int | None


def rows_out(saved: SavedRows) -> RowsOut:
    """What became of the rows, as an answer."""
    return RowsOut(
        load=saved.load_id,
        revision=saved.revision,
        counts=Counts(**vars(saved.counts)),
        rows=[
            RowOut.model_validate(
                {"status": row.status, "change": row.change, "cell": row.cell, "reason": row.reason}
            )
            for row in saved.rows
        ],
    )
