"""``gridmap draft propose``: ways to divide a community or street anew, and to take one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from api import proposals as shape
from api.schemas.proposals import FiguresOut, ProposalsOut
from gridmap.access import OPERATOR
from gridmap.actions.proposals import WEIGH_BY, Wanted, propose, take_proposal
from gridmap.cli.drafting import AsOption, CityOption, DraftArgument, JsonOption, working
from gridmap.cli.environment import say
from gridmap.redraw.proposing.picture import draw


def propose_(
    draft: DraftArgument,
    area: Annotated[str, typer.Argument(help="a community, or an area above it")],
    parts: Annotated[
        int | None, typer.Option(help="how many cells; else as many as the band asks for", min=1)
    ] = None,
    band: Annotated[
        tuple[float, float] | None, typer.Option(help="least and most of a cell; else the city's for basic cells")
    ] = None,
    weigh_by: Annotated[str, typer.Option(help=f"one of {', '.join(WEIGH_BY)}")] = WEIGH_BY[0],
    lock: Annotated[list[str] | None, typer.Option(help="a cell that stays as it is; may be given again")] = None,
    count: Annotated[int, typer.Option(help="how many proposals at most", min=1, max=8)] = 4,
    seed: Annotated[int, typer.Option(help="another one gives other proposals", min=0)] = 1,
    picture: Annotated[Path | None, typer.Option(help="write small maps of them to this .png")] = None,
    use: Annotated[int | None, typer.Option(help="record the edits of this proposal in the draft", min=1)] = None,
    as_: AsOption = OPERATOR.id,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ways to divide an area into balanced cells along streets; --use takes one, else nothing is recorded."""
    wanted = Wanted(area, parts, band, weigh_by, tuple(lock or ()), count, seed)
    with working(city, as_) as work:
        found = propose(work.database, work.actor, work.bench, draft, wanted, progress=say)
        if picture is not None:
            picture.write_bytes(draw(found.plan, found.found, found.terrain))
        done = [] if use is None else take_proposal(work.database, work.actor, work.bench, found, use)
    answer = shape.proposed(found, "wgs84")
    if as_json:
        print(answer.model_dump_json())
    else:
        _show(answer)
    if done:
        print(f"draft {draft} is at version {done[-1].draft.version}: proposal {use} is in it", file=sys.stderr)


def _show(answer: ProposalsOut) -> None:
    console = Console() if sys.stdout.isatty() else Console(width=120)  # a file has no width of its own
    table = Table(title=f"{answer.area} in draft {answer.draft}, version {answer.version}")
    for heading in (
        "",
        "best at",
        "cells",
        "in band",
        "CV",
        "along streets",
        "compactness",
        "stays",
        "city's Jaccard",
    ):
        table.add_column(heading, justify="left" if heading == "best at" else "right")
    table.add_row("", "as it is", *_row(answer.now), _number(answer.principles.jaccard, 4))
    for one in answer.proposals:
        table.add_row(str(one.number), one.why, *_row(one.figures), _number(one.principles.jaccard, 4))
    console.print(table)
    for note in answer.notes:
        print(note)


def _row(figures: FiguresOut) -> list[str]:
    values = (figures.share_in_band, figures.spread, figures.street_share, figures.compactness, figures.stays)
    return [str(figures.cells), *(_number(value, 2) for value in values)]


def _number(value: float | None, digits: int) -> str:
    return "not measured" if value is None else f"{value:.{digits}f}"
