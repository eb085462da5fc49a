"""How places are staffed now: posts, those where nobody is who must be, cells without a post of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

from fastapi import APIRouter

from api import shape
from api.deps import CodePath, ServiceDep
from api.errors import problem_responses
from api.schemas.cockpit import GapOut, StaffedOut, StaffingOut
from gridmap.model import CELL_LEVEL
from gridmap.staffing import Staffing

router = APIRouter(prefix="/v1", tags=["rosters"], responses=problem_responses(404, 422, 503))

_MOST_UNFILLED = 100


@router.get("/staffing/{code}")
def get_staffing(service: ServiceDep, code: CodePath) -> StaffingOut:
    """Of a cell or an area, and of each area or cell that it consists of: as the wall says it, this minute.

    `gaps` counts posts at which somebody must be on shift and nobody is; `unfilled` names the first 100 of them.
    From memory, also while the database is gone.
    """
    state = service.state
    snapshot = state.ready
    staffing = service.staffing.of(snapshot, datetime.now(UTC))
    grid = staffing.grid
    place = _staffed(staffing, code)
    above = grid.areas[code].parent if code in grid.areas else grid.cell(code).community
    return StaffingOut(
        **place.model_dump(),
        revision=grid.revision.number,
        as_of=staffing.at.astimezone(snapshot.city.zone),
        degraded=shape.degraded(state),
        areas=[] if above is None else shape.areas(grid.chain(above)),
        rows=[_staffed(staffing, each) for each in staffing.children(code)],
        unfilled=[
            GapOut(post=post.code, kind=post.kind, title=post.title, level=post.level, territory=post.territory)
            for post in islice(staffing.gaps(code), _MOST_UNFILLED)
        ],
    )


def _staffed(staffing: Staffing, code: str) -> StaffedOut:
    found = staffing.of(code)
    area = staffing.grid.areas.get(code)
    name, level = (staffing.grid.cell(code).name, CELL_LEVEL) if area is None else (area.name, area.level)
    return StaffedOut(
        code=code,
        name=name,
        level=level,
        cells=found.cells,
        cells_without_post=found.cells_without_post,
        posts=found.posts,
        gaps=found.gaps,
    )
