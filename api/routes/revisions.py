"""Revisions: listed, compared, gone back to; and what became of cells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from api.deps import (
    ActorDep,
    CodeQuery,
    RevisionQuery,
    ServiceDep,
    to_box,
)
from api.differences import MEDIA, USUAL_PARTS, Asked, answer
from api.errors import problem_responses
from api.schemas.registry import FeatureCollection
from api.schemas.revisions import (
    DifferenceOut,
    HeirOut,
    LineageOut,
    LineageRow,
    PublishedOut,
    RestoreIn,
    RevisionOut,
    RevisionsOut,
)
from gridmap.access import Action, may
from gridmap.actions.restore import restore
from gridmap.crs import check_name
from gridmap.errors import InvalidInput, NotFound
from gridmap.history import Successor, area_successors, counted, difference_of, successors
from gridmap.live import confirm
from gridmap.model import PUBLIC, WORKER, Actor, Revision
from gridmap.store import registry
from gridmap.store.database import Connection
from gridmap.store.lineage import read_changed
from gridmap.store.revisions import list_revisions, read_actors, read_current, read_revision

router = APIRouter(prefix="/v1/revisions", tags=["revisions"], responses=problem_responses(401, 404, 422, 503))

_MOST_ROWS = 1000
_SMALLEST, _USUAL, _LARGEST = 600, 1500, 3000

RevisionPath = Annotated[int, Path(description="a revision's number")]
After = Annotated[
    str, Query(max_length=64, pattern=r"^[^\x00-\x1f\x7f/\s]*$", description="begin after this code")
]


@router.get("", response_model=RevisionsOut)
def get_revisions(service: ServiceDep, actor: ActorDep, response: Response) -> RevisionsOut:
    """All revisions, newest first; staff see who published each."""
    _private(response, actor)
    with service.database.begin(actor) as connection:
        found = list_revisions(connection)
        return RevisionsOut(revisions=_revisions(connection, actor, found))


@router.get("/current", response_model=RevisionOut)
def get_current_revision(service: ServiceDep, actor: ActorDep, response: Response) -> RevisionOut:
    """The current revision."""
    _private(response, actor)
    with service.database.begin(actor) as connection:
        return _revisions(connection, actor, [read_current(connection)])[0]


@router.get("/{revision}", response_model=RevisionOut)
def get_revision(service: ServiceDep, actor: ActorDep, response: Response, revision: RevisionPath) -> RevisionOut:
    """One revision."""
    _private(response, actor)
    with service.database.begin(actor) as connection:
        return _revisions(connection, actor, [read_revision(connection, revision)])[0]


def _private(response: Response, actor: Actor) -> None:
    """What staff see besides is kept by nobody for others."""
    response.headers["Vary"] = "Authorization"
    if may(actor, Action.READ_AUTHORS):
        response.headers["Cache-Control"] = "private, no-cache"


def _revisions(connection: Connection, actor: Actor, revisions: list[Revision]) -> list[RevisionOut]:
    actors = read_actors(connection) if may(actor, Action.READ_AUTHORS) else {}
    rows = []
    for each in revisions:
        kinds = registry.count_kinds(connection, each.number)
        rows.append(
            RevisionOut(
                revision=each.number,
                valid_from=each.valid_from,
                published_at=each.published_at,
                note=each.note,
                actor=actors.get(each.number),
                cells=sum(kinds.values()),
                kinds=kinds,
            )
        )
    return rows


@router.post("/{revision}/restore", response_model=PublishedOut, responses=problem_responses(400, 403, 409))
def post_restore(
    service: ServiceDep, actor: ActorDep, revision: RevisionPath, body: RestoreIn | None = None
) -> PublishedOut:
    """Publish the grid of an earlier revision again, as the next one, from now on. For publishers."""
    note = f"revision {revision} restored" if body is None or not body.note else body.note
    snapshot = service.state.snapshot
    grid = None if snapshot is None else snapshot.grid
    done = restore(service.database, actor, revision, datetime.now(UTC), note, _quiet, grid)
    service.current.refresh()
    return PublishedOut(
        revision=done.revision.number,
        valid_from=done.revision.valid_from,
        ended=done.ended,
        drawn=done.drawn,
        moved=dict(done.moved),
        posts=dict(done.posts),
        unstaffed=list(done.unstaffed),
    )


def _quiet(_: str) -> None:
    """Nobody watches the progress of a request."""


_DESCRIBED = {
    200: {
        "description": "Successful Response",
        "content": {media.partition(";")[0]: {} for name, media in MEDIA.items() if name != "json"},
    }
}


@router.get("/{revision}/diff/{other}", response_model=DifferenceOut | FeatureCollection, responses=_DESCRIBED)  # type: ignore[arg-type]
def get_difference(
    request: Request,
    service: ServiceDep,
    actor: ActorDep,
    revision: RevisionPath,
    other: Annotated[int, Path(description="the revision to compare with")],
    f: Annotated[
        Literal["json", "geojson", "csv", "xlsx", "png", "html"], Query(description="the form of the answer")
    ] = "json",
    crs: Annotated[
        str, Query(max_length=20, description="of shapes: wgs84, cgcs2000, gcj02, bd09, EPSG:<code>")
    ] = "wgs84",
    bbox: Annotated[
        str | None, Query(max_length=200, description="cells that touch west,south,east,north in WGS 84 degrees")
    ] = None,
    after: After = "",
    limit: Annotated[int, Query(ge=1, le=_MOST_ROWS, description="about so many parts")] = USUAL_PARTS,
    width: Annotated[int, Query(ge=_SMALLEST, le=_LARGEST, description="of a picture, in pixels")] = _USUAL,
) -> Response:
    """What differs between two revisions: by cell the ground that went from one to another, and the areas.

    Elements, people and incidents are counted for the staff of both ends only; everybody else gets shares of
    elements without persons.
    """
    name = check_name(crs)
    box = None if bbox is None else to_box(bbox)
    snapshot = service.state.ready
    with service.database.begin(WORKER) as connection:  # shares are for everybody
        found = difference_of(connection, snapshot.city, snapshot.grid, revision, other)
        asked = Asked(found, box, after, limit, paged=f in ("json", "geojson"))
        counts = counted(connection, snapshot.city, found, asked.parts, actor)
    told = [part for part, count in zip(asked.parts, counts, strict=True) if count.elements is not None]
    if told:
        confirm(service.database, actor, {cell.id for part in told for cell in (part.old, part.new)})
    return answer(request, asked, counts, snapshot.city, f, name, width)


@router.get("/{revision}/lineage", response_model=LineageOut)
def get_lineage(
    service: ServiceDep,
    revision: RevisionPath,
    cell: CodeQuery = None,
    area: CodeQuery = None,
    to: RevisionQuery = None,
    after: After = "",
    limit: Annotated[int, Query(ge=1, le=_MOST_ROWS)] = _MOST_ROWS,
) -> LineageOut:
    """What became of a cell or an area of a revision, or of all that changed since, by ``to`` or today.

    Shares of several steps are multiplied; elements leave persons out.
    """
    with service.database.begin(PUBLIC) as connection:
        first = read_revision(connection, revision).number
        last = read_current(connection).number if to is None else read_revision(connection, to).number
        if last < first:
            raise InvalidInput("to", last, f"must not be before revision {first}")
        cells, following = _cells(connection, first, last, cell, area, (after, limit))
        heirs = successors(connection, list(cells), first, last)
        areas = [] if area is None else area_successors(connection, area, first, last)
    return LineageOut(
        revision=first,
        to=last,
        cells=[LineageRow(code=code, became=_heirs(heirs[cell_id])) for cell_id, code in cells.items()],
        areas=[] if area is None else [LineageRow(code=area, became=_heirs(areas))],
        next=following,
    )


def _cells(
    connection: Connection, first: int, last: int, cell: str | None, area: str | None, page: tuple[str, int]
) -> tuple[dict[int, str], str | None]:
    """The ids and codes of the cells that are asked for, and the code after which the list goes on."""
    if cell is not None:
        found = registry.read_cell(connection, first, cell)
        if found.last is not None:
            raise NotFound(f"no cell {cell!r} in revision {first}")
        return {found.cell.id: cell}, None
    if area is not None:
        return {}, None
    after, limit = page
    changed = read_changed(connection, first, last, after, limit + 1)
    kept = dict(list(changed.items())[:limit])
    return kept, list(kept.values())[-1] if len(changed) > limit else None


def _heirs(found: Sequence[Successor]) -> list[HeirOut]:
    return [
        HeirOut(code=each.code, area_share=each.area_share, element_share=each.element_share) for each in found
    ]
