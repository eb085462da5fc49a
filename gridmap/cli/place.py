"""``gridmap place``: files of points to files of placed points."""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gridmap.access import OPERATOR
from gridmap.bulk import formats
from gridmap.bulk.checking import Check
from gridmap.bulk.counting import write_counts
from gridmap.bulk.pipeline import Piece, Reading, Tally, Watch, open_all, place_into
from gridmap.bulk.sources import Source
from gridmap.cli.environment import check_migrated, open_database, progress, say, state_folder
from gridmap.coverage.grid import Grid
from gridmap.coverage.placing import CellCounts
from gridmap.current import Current
from gridmap.errors import InvalidInput
from gridmap.history import grid_of
from gridmap.model import City
from gridmap.settings import read_settings
from gridmap.store.database import Database

_SAY_EVERY_S = 15.0


@dataclass(frozen=True)
class Placed:
    """What a run did. ``seconds`` are of the clock, ``processor_seconds`` by stage, all threads together."""

    revision: int
    rows: int
    inside: int
    edge: int
    outside: int
    rejected: int
    misshapen: int
    ambiguous: int
    without_candidates: int
    seconds: float
    processor_seconds: dict[str, float]
    share_not_placing: float
    peak_memory_mib: int
    outputs: list[str]
    check: dict[str, object] | None


def place(
    files: Annotated[list[Path], typer.Argument(help="files of points, any format, several into one")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="file to write, its suffix says the format; or a folder")
    ],
    crs: Annotated[
        str | None, typer.Option(help="wgs84, cgcs2000, gcj02, bd09 or EPSG:<code>, unless the file says it")
    ] = None,
    lon: Annotated[str | None, typer.Option("--lon", "--x", help="column of longitude or easting")] = None,
    lat: Annotated[str | None, typer.Option("--lat", "--y", help="column of latitude or northing")] = None,
    accuracy: Annotated[str | None, typer.Option(help="column: how far off each point may be, in metres")] = None,
    encoding: Annotated[
        str | None, typer.Option(help="of CSV files; else UTF-8 or GB18030, by their look")
    ] = None,
    layer: Annotated[str | None, typer.Option(help="layer or sheet of the file, if not its first")] = None,
    prefix: Annotated[str, typer.Option(help="letters before the names of the columns that are added")] = "",
    revision: Annotated[int | None, typer.Option(help="the grid of this revision", min=1)] = None,
    at: Annotated[datetime | None, typer.Option(help="the grid that was valid then, city time")] = None,
    counts: Annotated[Path | None, typer.Option(help="also write counts per cell to this file")] = None,
    near_m: Annotated[
        float, typer.Option(help="counts: so near to an edge a point is not sure of its cell")
    ] = 1.0,
    check: Annotated[bool, typer.Option("--check", help="place all rows by PostGIS too and compare")] = False,
    threads: Annotated[int, typer.Option(help="threads that place; 0 for one per core", min=0, max=256)] = 0,
    cluster: Annotated[str | None, typer.Option(help="a Dask scheduler, such as tcp://host:8786")] = None,
    city: Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result for machines")] = False,
) -> None:
    """Place the points of files: cell, areas, hex, how, distances and candidates beside the columns they have."""
    cores = len(os.sched_getaffinity(0))
    reading = Reading(crs, lon, lat, accuracy, encoding, layer, prefix, threads or cores)
    settings = read_settings(city=city)
    with open_database(settings) as database:
        town, grid = _grid(database, state_folder(settings) / "snapshot", revision, at)
        checking = Check(database, grid) if check else None
        counting = CellCounts.empty(len(grid.cells), near_m) if counts is not None else None
        watch: list[Watch] = [] if checking is None else [checking.see]
        if counting is not None:
            watch.append(lambda piece: counting.add(piece.placed))
        began = time.monotonic()
        if cluster is not None:
            tally, outputs = _on_cluster(cluster, grid, town, files, output, reading, watch)
        else:
            tally, outputs = _here(grid, town, files, output, reading, watch)
        if counts is not None and counting is not None:
            write_counts(counts, grid, town, counting)
            outputs.append(counts)
        report = _report(grid, tally, time.monotonic() - began, outputs, checking)
    _show(report, as_json)
    if checking is not None and checking.wrong:
        raise typer.Exit(1)


def _grid(database: Database, snapshot: Path, revision: int | None, at: datetime | None) -> tuple[City, Grid]:
    """The city and the grid asked for: from the coverage snapshot, brought up to the database, or for other
    revisions from the database."""
    current = Current(database, snapshot)
    current.start()
    current.stop()
    state = current.state.ready
    if current.state.gone_since is not None:
        say(f"the database does not answer: placing by the snapshot of {state.taken_at.isoformat()}")
    if revision is None and at is None:
        return state.city, state.grid
    check_migrated(database)
    moment = None if at is None else at.replace(tzinfo=at.tzinfo or state.city.zone)
    with database.begin(OPERATOR, one_state=True) as connection:
        return state.city, grid_of(connection, state.city, moment, revision, state.grid)


def _here(
    grid: Grid, city: City, files: Sequence[Path], output: Path, reading: Reading, watch: Sequence[Watch]
) -> tuple[Tally, list[Path]]:
    """One output, or one for each input when the output is a folder."""
    tally, outputs = Tally(), []
    for inputs, target in _pairs(files, output):
        formats.check_output(inputs, target)
        sources = open_all(inputs, reading)
        with _rows_shown(sources) as show:
            tally.merge(place_into(grid, city, sources, target, reading, [*watch, show]))
        outputs.append(target)
    return tally, outputs


def _pairs(files: Sequence[Path], output: Path) -> list[tuple[list[Path], Path]]:
    if not output.is_dir() and output.suffix:
        formats.format_of(output)
        return [(list(files), output)]
    output.mkdir(exist_ok=True)
    targets = [output / path.name for path in files]
    twice = sorted({target.name for target in targets if targets.count(target) > 1})
    if twice:
        raise InvalidInput("files", ", ".join(twice), "must differ in name to go to one folder")
    return [([path], target) for path, target in zip(files, targets, strict=True)]


def _on_cluster(
    address: str,
    grid: Grid,
    city: City,
    files: Sequence[Path],
    output: Path,
    reading: Reading,
    watch: Sequence[Watch],
) -> tuple[Tally, list[Path]]:
    if watch:
        raise InvalidInput(
            "--cluster", address, "goes without --check and --counts: check a part of the rows here"
        )
    try:
        from gridmap.bulk import spread  # noqa: PLC0415 - an extra, for those whose points outgrow one machine
    except ModuleNotFoundError as error:
        raise InvalidInput(
            "--cluster", address, "needs dask.distributed: pip install 'gridmap[cluster]'"
        ) from error
    return spread.place_on_cluster(address, grid, city, files, output, reading, say), [output]


@contextmanager
def _rows_shown(sources: Sequence[Source]) -> Iterator[Watch]:
    """Progress by rows: a bar on a terminal, else a line now and then."""
    known = [source.rows for source in sources]
    total = None if None in known else sum(rows for rows in known if rows is not None)
    if progress.is_terminal:
        columns = (TextColumn("placing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=progress, transient=True) as bar:
            task = bar.add_task("rows", total=total)
            yield lambda piece: bar.advance(task, len(piece.placed))
        return
    done, said = 0, time.monotonic()

    def show(piece: Piece) -> None:
        nonlocal done, said
        done += len(piece.placed)
        if time.monotonic() - said > _SAY_EVERY_S:
            said = time.monotonic()
            say(f"{done:,} rows placed" if total is None else f"{done:,} of {total:,} rows placed")

    yield show


def _report(grid: Grid, tally: Tally, seconds: float, outputs: list[Path], check: Check | None) -> Placed:
    spent = sum(tally.seconds.values())
    shown = None
    if check is not None:
        disputes = [{**dataclasses.asdict(one), "who_errs": one.who_errs} for one in check.disputes]
        shown = {
            "compared": check.compared,
            "differing": check.differing,
            "wrong": check.wrong,
            "unsettled": check.unsettled,
            "disputes": disputes,
        }
    counts = {name: value for name, value in dataclasses.asdict(tally).items() if name != "seconds"}
    return Placed(
        revision=grid.revision.number,
        **counts,
        seconds=round(seconds, 3),
        processor_seconds={stage: round(value, 3) for stage, value in tally.seconds.items()},
        share_not_placing=round(1.0 - tally.seconds["placing"] / spent, 4) if spent else 0.0,
        peak_memory_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        outputs=[str(path) for path in outputs],
        check=shown,
    )


def _show(report: Placed, as_json: bool) -> None:
    plain = dataclasses.asdict(report)
    if as_json:
        print(json.dumps(plain, ensure_ascii=False))
        return
    check = plain.pop("check")
    for name, value in plain.items():
        print(f"{name}: {value:,}" if isinstance(value, int) else f"{name}: {value}")
    if check is None:
        return
    disputes = check.pop("disputes")
    print("check:", ", ".join(f"{name} {value:,}" for name, value in check.items()))
    for one in disputes:
        print(
            f"  {one['file']} row {one['row']}: gridmap {one['gridmap']}, postgis {one['postgis']}, "
            f"exact {one['exact']}: {one['who_errs']} errs"
        )
