"""``gridmap draft``: review of drafts, from handing one in to the public notice."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import typer

from gridmap.access import OPERATOR
from gridmap.actions import draft_review
from gridmap.cli.drafting import AsOption, CityOption, DraftArgument, working
from gridmap.crs import check_name, to_wgs84
from gridmap.errors import InvalidInput

CellOption = Annotated[str | None, typer.Option(help="pin the remark to a cell")]
PointOption = Annotated[tuple[float, float] | None, typer.Option(help="pin the remark to a point: lon lat")]
CrsOption = Annotated[str | None, typer.Option(help="crs of the point: wgs84, cgcs2000, gcj02, bd09, EPSG:<code>")]


def _remark(
    text: str, cell: str | None, point: tuple[float, float] | None, crs: str | None
) -> draft_review.Remark:
    if point is None:
        return draft_review.Remark(text, None, cell)
    if crs is None:
        raise InvalidInput("--crs", None, "is needed for a point: there is no default")
    lon, lat = to_wgs84(check_name(crs), np.array([point[0]]), np.array([point[1]]))
    return draft_review.Remark(text, (float(lon[0]), float(lat[0])), cell)


def waive(
    draft: DraftArgument,
    check: Annotated[str, typer.Argument(help="size_band, street_share or staffed")],
    name: Annotated[str, typer.Option(help="who answers for it")],
    reason: Annotated[str, typer.Option(help="why")],
    as_: AsOption = OPERATOR.id,
    city: CityOption = None,
) -> None:
    """Let a draft as it is pass without a check."""
    with working(city, as_) as work:
        draft_review.waive_check(work.database, work.actor, draft, check, name, reason)
    print(f"draft {draft}: {check} is waived by {name}")


def comment(
    draft: DraftArgument,
    text: str,
    cell: CellOption = None,
    point: PointOption = None,
    crs: CrsOption = None,
    as_: AsOption = OPERATOR.id,
    city: CityOption = None,
) -> None:
    """Make a remark on a draft."""
    with working(city, as_) as work:
        number = draft_review.comment_draft(work.database, work.actor, draft, _remark(text, cell, point, crs))
    print(f"draft {draft}: comment {number}")


def submit(draft: DraftArgument, as_: AsOption = OPERATOR.id, city: CityOption = None) -> None:
    """Hand a draft in for review."""
    with working(city, as_) as work:
        draft_review.submit_draft(work.database, work.actor, work.bench, draft)
    print(f"draft {draft} is submitted")


def return_(
    draft: DraftArgument,
    text: Annotated[str | None, typer.Option("--comment", help="why")] = None,
    cell: CellOption = None,
    point: PointOption = None,
    crs: CrsOption = None,
    as_: AsOption = OPERATOR.id,
    city: CityOption = None,
) -> None:
    """Give a draft back to be drawn on."""
    with working(city, as_) as work:
        remarks = [] if text is None else [_remark(text, cell, point, crs)]
        draft_review.return_draft(work.database, work.actor, draft, remarks)
    print(f"draft {draft} is returned")


def approve(
    draft: DraftArgument,
    area: Annotated[str | None, typer.Option(help="for which area; else the city")] = None,
    as_: AsOption = OPERATOR.id,
    city: CityOption = None,
) -> None:
    """Say yes to a draft."""
    with working(city, as_) as work:
        done = draft_review.approve_draft(work.database, work.actor, work.bench, draft, area)
    print(f"draft {draft} is {done.state}")


def notice(
    draft: DraftArgument,
    close: Annotated[bool, typer.Option("--close", help="take it down")] = False,
    as_: AsOption = OPERATOR.id,
    city: CityOption = None,
) -> None:
    """Put a draft to public notice and print the path of its link; an earlier link ends."""
    with working(city, as_) as work:
        if close:
            draft_review.close_notice(work.database, work.actor, draft)
            print(f"draft {draft} is no longer shown")
            return
        print(f"/v1/drafts/notice/{draft_review.open_notice(work.database, work.actor, draft)}")
