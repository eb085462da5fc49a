"""``gridmap bench``: measurements to repeat."""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from gridmap.access import EVERYWHERE, OPERATOR
from gridmap.bench.access import bench_access
from gridmap.bench.heatmap import HeatmapBench, bench_asking, bench_counting, made_up_incidents
from gridmap.bench.loading import bench_loading
from gridmap.bench.placement import PlacementBench, bench_copies, bench_placement
from gridmap.bench.proposals import MEASURES, NAMES, ProposalsBench, bench_proposals
from gridmap.bench.redraw import bench_previews_asked, bench_redraw
from gridmap.cli.bench_identity import identity
from gridmap.cli.environment import check_migrated, cluster_of, database_name, open_database, say
from gridmap.cli.server import free_port
from gridmap.cli.still import answering
from gridmap.cluster import SUPERUSER
from gridmap.current import Current
from gridmap.errors import NotMeasured
from gridmap.model import Actor
from gridmap.settings import read_settings
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.snapshot import read_grid
from tiles.bench import bench_tiles

app = typer.Typer(help="Measure GridMap beside other ways to the same answer.", no_args_is_help=True)
app.command()(identity)


@app.command()
def placement(
    points: Annotated[int, typer.Option(help="how many points", min=1000)] = 2_000_000,
    seed: Annotated[int, typer.Option(help="of the points")] = 1,
    city: Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result for machines")] = False,
) -> None:
    """Which cell is a point in: the index, PostGIS, geopandas, shapely, DuckDB, SedonaDB, on one core."""
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        with database.begin(OPERATOR, long_work=True) as connection:
            grid = read_grid(connection, read_city(connection))
            report = bench_placement(connection, grid, points, seed, say)
    if as_json:
        print(json.dumps(dataclasses.asdict(report), ensure_ascii=False))
    else:
        _show(report)


@app.command()
def copies(
    number: Annotated[int, typer.Argument(help="how many copies of the city's grid", min=1, max=200)] = 27,
    points: Annotated[int, typer.Option(help="how many points", min=1000)] = 5_000_000,
    seed: Annotated[int, typer.Option(help="of the points")] = 1,
    city: Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result for machines")] = False,
) -> None:
    """The index over many copies of the city's cells: how long it takes to build, and how fast it then is."""
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        with database.begin(OPERATOR, long_work=True) as connection:
            grid = read_grid(connection, read_city(connection))
    report = dataclasses.asdict(bench_copies(grid, number, points, seed, say))
    print(json.dumps(report) if as_json else "\n".join(f"{name}: {value:,}" for name, value in report.items()))


@app.command()
def loading(
    rows: Annotated[int, typer.Option(help="how many incidents", min=1000)] = 1_000_000,
    seed: Annotated[int, typer.Option(help="of the incidents")] = 1,
    city: Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result for machines")] = False,
) -> None:
    """Rows a second from a Parquet file to placed and indexed rows, and again unchanged; nothing of it stays."""
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        report = dataclasses.asdict(bench_loading(database, OPERATOR, rows, seed, say))
    print(json.dumps(report) if as_json else "\n".join(f"{name}: {value:,}" for name, value in report.items()))


@app.command()
def heatmap(
    incidents: Annotated[int, typer.Option(help="how many made-up incidents", min=1000)] = 5_000_000,
    requests: Annotated[int, typer.Option(help="how often each question is asked", min=10)] = 200,
    seed: Annotated[int, typer.Option(help="of the incidents")] = 1,
    city: Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result for machines")] = False,
) -> None:
    """Heatmaps over incidents made up in memory at the city's places: counted, and asked through HTTP."""
    with open_database(read_settings(city=city)) as database, tempfile.TemporaryDirectory() as folder:
        check_migrated(database)
        current = Current(database, Path(folder))
        current.refresh()
        say("making incidents")
        facts = made_up_incidents(current.state.countable, incidents, seed)
        report = bench_counting(facts, requests, say)
        with answering(current.state.ready, facts, Actor("bench", "viewer", (EVERYWHERE,)), database) as ask:
            bench_asking(report, facts, ask, requests, say)
    if as_json:
        print(json.dumps(dataclasses.asdict(report), ensure_ascii=False))
    else:
        _show_heatmap(report)


def _show_heatmap(report: HeatmapBench) -> None:
    console = Console() if sys.stdout.isatty() else Console(width=120)  # a file has no width of its own
    title = f"{report.incidents:,} incidents ({report.made_up}), {report.cells:,} cells, {report.mebibytes} MiB"
    table = Table(title=title)
    for heading in ("question", "rows", "KiB", "counted p50", "p95", "HTTP p50", "p95", "slowest ms", "processor"):
        table.add_column(heading, justify="left" if heading == "question" else "right")
    for name, counted in report.counted.items():
        asked = report.through_http[name]
        numbers = (
            counted.p50_ms,
            counted.p95_ms,
            asked.p50_ms,
            asked.p95_ms,
            asked.slowest_ms,
            asked.processor_p50_ms,
        )
        size = f"{asked.octets / 1024:,.0f}"
        table.add_row(name, f"{counted.rows:,}", size, *(f"{number:.1f}" for number in numbers))
    console.print(table)


@app.command()
def tiles(
    count: Annotated[int, typer.Option(help="how many tiles of each group of zooms", min=10)] = 200,
    clients: Annotated[int, typer.Option(help="how many ask at once", min=1, max=64)] = 4,
    seed: Annotated[int, typer.Option(help="of the tiles")] = 1,
    city: Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result for machines")] = False,
) -> None:
    """Cold tiles beside plain ST_AsMVT, and hot ones beside a look-up in JSON, with and without nginx."""
    settings = read_settings(city=city)
    with open_database(settings) as database:
        check_migrated(database)
        ports = [free_port("127.0.0.1", start) for start in (18_800, 18_860, 18_920)]
        report = dataclasses.asdict(bench_tiles(database, ports, count, clients, seed, say))
    print(json.dumps(report) if as_json else "\n".join(f"{name}: {value}" for name, value in report.items()))


@app.command()
def access(
    rounds: Annotated[int, typer.Option(help="how often each question is asked either way", min=3)] = 50,
    city: Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result for machines")] = False,
) -> None:
    """What row-level security costs: rosters, pages and boxes as a district's staff, with policies and without."""
    settings = read_settings(city=city)
    if settings.database_url is not None:
        raise NotMeasured("what policies cost: only the private cluster lets GridMap in as a superuser")
    with open_database(settings) as database:
        check_migrated(database)
        unbound = Database(cluster_of(settings).url(database_name(settings), SUPERUSER))
        report = dataclasses.asdict(bench_access(database, unbound, rounds, say))
        unbound.dispose()
    if as_json:
        print(json.dumps(report))
        return
    print(f"staff of {report['district']}, {report['rounds']} rounds, medians")
    for name, cost in report["costs"].items():
        print(
            f"{name}: {cost['without_ms']} ms without policies, {cost['with_ms']} ms with, {cost['times']} times"
        )


@app.command()
def redraw(
    count: Annotated[int, typer.Option(help="how many splits and how many merges are previewed", min=10)] = 200,
    publishes: Annotated[int, typer.Option(help="how many drafts are published, each undone", min=1)] = 11,
    seed: Annotated[int, typer.Option(help="of the places")] = 1,
    city: Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result for machines")] = False,
) -> None:
    """Previews of a split and a merge, a draft's impact and certificate, and publishing it.

    Nothing is kept but one discarded draft, on which the previews through HTTP were asked for.
    """
    with open_database(read_settings(city=city)) as database, tempfile.TemporaryDirectory() as folder:
        check_migrated(database)
        measured = bench_redraw(database, OPERATOR, count, publishes, seed, say)
        current = Current(database, Path(folder))
        current.refresh()
        snapshot = current.state.ready
        with answering(snapshot, None, Actor("bench", "planner", (EVERYWHERE,)), database) as ask:
            bench_previews_asked(measured, snapshot.grid, ask, count, seed, say)
    report = dataclasses.asdict(measured)
    if as_json:
        print(json.dumps(report))
        return
    for name, value in report.items():
        if isinstance(value, dict):
            for what, timing in value.items():
                print(f"{what}: p50 {timing['p50_ms']} ms, p95 {timing['p95_ms']} ms, {timing['times']} times")
        else:
            print(f"{name}: {value:,}")


@app.command()
def proposals(
    communities: Annotated[int, typer.Option(help="how many communities are divided", min=1)] = 100,
    seed: Annotated[int, typer.Option(help="of the communities, and of the search")] = 1,
    city: Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result for machines")] = False,
) -> None:
    """Communities divided anew beside their cells now and a k-means-Voronoi of as many. Nothing is kept."""
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        report = bench_proposals(database, OPERATOR, communities, seed, say)
    if as_json:
        print(json.dumps(dataclasses.asdict(report), ensure_ascii=False))
    else:
        _show_proposals(report)


def _show_proposals(report: ProposalsBench) -> None:
    console = Console() if sys.stdout.isatty() else Console(width=140)  # a file has no width of its own
    title = "share in band, spread (CV), street share, compactness: now | k-means-Voronoi | first proposal"
    table = Table(title=title)
    for heading in ("community", "cells", "blocks", *NAMES, "s"):
        table.add_column(heading, justify="left" if heading == "community" else "right")
    for row in report.rows:
        figures = [" ".join(f"{abs(each):.2f}" for each in row.figures[name].measures()[:4]) for name in NAMES]
        table.add_row(row.community, str(row.cells), str(row.blocks), *figures, f"{row.seconds:.1f}")
    console.print(table)
    for name, medians in report.medians.items():
        console.print(f"median, {name}: {', '.join(f'{what} {medians[what]:.3f}' for what in MEASURES)}")
    for name, shares in report.at_least_as_good.items():
        told = ", ".join(f"{what} {share:.0%}" for what, share in shares.items())
        console.print(f"the first proposal is at least as good as {name}: {told}")
    kept = sum(not row.proposed for row in report.rows)
    console.print(f"{kept} of {len(report.rows)} without a proposal, which count with their cells as they are")
    console.print(
        f"seconds for all proposals of a community: median {report.median_s:.1f}, most {report.slowest_s:.1f}"
    )
    for code, why in report.refused.items():
        console.print(f"left out: {code} ({why})")


def _show(report: PlacementBench) -> None:
    console = Console() if sys.stdout.isatty() else Console(width=120)  # a file has no width of its own
    table = Table(title=f"{report.cells:,} cells, {report.vertices:,} vertices, random order, one core")
    headings = ("method", "points", "points/s", "slowest", "fastest", "gridmap is … times as fast", "differences")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "method" else "right")
    own = report.methods["gridmap"].points_per_s
    for name, one in sorted(report.methods.items(), key=lambda item: -item[1].points_per_s):
        numbers = (one.points, one.points_per_s, one.slowest, one.fastest)
        times = f"{own / one.points_per_s:.1f}"
        table.add_row(name, *(f"{number:,.0f}" for number in numbers), times, str(one.differences))
    console.print(table)
    for name, why in report.left_out.items():
        console.print(f"left out: {name} ({why})")
    console.print(f"all cores: {report.all_cores_points_per_s:,.0f} points/s")
    console.print(f"single look-up: p50 {report.single_us['p50']} µs, p99 {report.single_us['p99']} µs")
    console.print(f"build: {report.build_s} s; index: {report.index_mib} MiB")
    console.print(f"redraw: p50 {report.redraw_ms['p50']} ms, p99 {report.redraw_ms['p99']} ms")
    console.print(f"machine: {report.machine}; versions: {report.versions}")
