"""``gridmap revision``: the revisions, what differs between them, what became of a cell, and going back."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gridmap.access import OPERATOR
from gridmap.actions.restore import restore as go_back
from gridmap.cli.environment import check_migrated, open_database, say
from gridmap.errors import InvalidInput
from gridmap.history import counted, difference_of, successors
from gridmap.redraw.picture import draw
from gridmap.redraw.table import AREA_COLUMNS, CELL_COLUMNS, area_rows, row, to_csv, to_xlsx
from gridmap.settings import read_settings
from gridmap.store.city import read_city
from gridmap.store.registry import read_cell
from gridmap.store.revisions import list_revisions, read_actors, read_current

app = typer.Typer(help="List revisions, compare them, and go back to one.", no_args_is_help=True)

CityOption = Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")]
JsonOption = Annotated[bool, typer.Option("--json", help="print the result for machines")]

_PICTURE_PIXELS = 1500
_SUFFIXES = (".csv", ".xlsx", ".png")


@app.command("list")
def list_all(city: CityOption = None, as_json: JsonOption = False) -> None:
    """List the revisions, the newest first: from when on they are valid, who published them, and why."""
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        with database.begin(OPERATOR) as connection:
            found, actors = list_revisions(connection), read_actors(connection)
    if as_json:
        rows = [{**dataclasses.asdict(each), "actor": actors[each.number]} for each in found]
        print(json.dumps(rows, default=str, ensure_ascii=False))
    else:
        for each in found:
            print(f"{each.number}: from {each.valid_from.isoformat()}, by {actors[each.number]}: {each.note}")


@app.command()
def diff(
    first: Annotated[int, typer.Argument(help="a revision")],
    second: Annotated[int, typer.Argument(help="the one to compare it with")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="a .csv, .xlsx or .png to write")] = None,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what differs between two revisions: ground that went from cell to cell, and areas."""
    if output is not None and output.suffix not in _SUFFIXES:
        raise InvalidInput("--output", str(output), f"must end in one of {', '.join(_SUFFIXES)}")
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        with database.begin(OPERATOR, long_work=True) as connection:
            settings = read_city(connection)
            found = difference_of(connection, settings, None, first, second)
            counts = counted(connection, settings, found, found.parts, OPERATOR)
    rows = [row(part, each) for part, each in zip(found.parts, counts, strict=True)]
    areas = area_rows(found)
    if output is not None:
        content = {
            ".csv": lambda: to_csv(rows, CELL_COLUMNS),
            ".xlsx": lambda: to_xlsx({"cells": (CELL_COLUMNS, rows), "areas": (AREA_COLUMNS, areas)}),
            ".png": lambda: draw(found, found.parts, settings, _PICTURE_PIXELS),
        }[output.suffix]()
        output.write_bytes(content)
    if as_json:
        print(json.dumps({"from": first, "to": second, "cells": rows, "areas": areas}, ensure_ascii=False))
        return
    for each in rows:
        print(f"{each['from']} -> {each['to']}: {each['area_share']:.1%} of its area ({each['changes']})")
    for each in areas:
        print(f"{each['level']} {each['code']}: {each['change']}")
    print(f"{len(rows)} parts of cells and {len(areas)} areas differ between revisions {first} and {second}")


@app.command()
def lineage(
    code: Annotated[str, typer.Argument(help="a cell's code, also one that has ended")],
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what became of a cell by today, with its shares of area and of elements but persons."""
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        with database.begin(OPERATOR) as connection:
            current = read_current(connection).number
            found = read_cell(connection, current, code)
            last = current if found.last is None else found.last
            heirs = successors(connection, [found.cell.id], last, current)[found.cell.id]
    if as_json:
        result = {
            "code": code,
            "last_revision": found.last,
            "successors": [dataclasses.asdict(each) for each in heirs],
        }
        print(json.dumps(result))
        return
    print(f"{code}: {'current' if found.last is None else f'ended with revision {found.last}'}")
    for each in heirs:
        elements = "no elements" if each.element_share is None else f"{each.element_share:.1%} of its elements"
        print(f"  {each.code}: {each.area_share:.1%} of its area, {elements}")


@app.command()
def restore(
    number: Annotated[int, typer.Argument(help="the revision to go back to")],
    note: Annotated[str | None, typer.Option(help="why; is kept with the new revision")] = None,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish the grid of an earlier revision again, as the next one, from now on."""
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        why = note or f"revision {number} restored"
        done = go_back(database, OPERATOR, number, datetime.now(UTC), why, say)
    if as_json:
        result = {**dataclasses.asdict(done), "revision": done.revision.number}
        print(json.dumps(result, default=str))
    else:
        unstaffed = f"; without a post: {', '.join(done.unstaffed)}" if done.unstaffed else ""
        print(f"revision {done.revision.number}: {done.ended} cells ended, {done.drawn} drawn{unstaffed}")
