"""The commands, one function each."""

from __future__ import annotations

import dataclasses
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from gridmap.access import OPERATOR
from gridmap.actions.bands import rebuild_bands
from gridmap.actions.base_map import set_base_map
from gridmap.actions.city import init_city, load_city
from gridmap.actions.hexes import export_hexes, rebuild_hexes
from gridmap.actions.on_the_map import current_grid, report_on_the_map
from gridmap.actions.points import load_points
from gridmap.actions.roster import load_roster, posts_of
from gridmap.actions.verify import verify_city
from gridmap.cli import audit, bench, draft, key, papers, release, revision, server
from gridmap.cli import demo as demo_city
from gridmap.cli.bake import bake
from gridmap.cli.environment import (
    bring_up_to_date,
    check_migrated,
    check_role,
    cluster_of,
    database_name,
    open_database,
    progress,
    say,
    state_folder,
)
from gridmap.cli.forgetting import forget, retain
from gridmap.cli.mend import mend
from gridmap.cli.place import place
from gridmap.cli.principles import principles
from gridmap.cli.rejected import write_rejected
from gridmap.cli.roles import roles
from gridmap.cluster import APPLICATION
from gridmap.errors import ClusterError, GridMapError, InvalidInput
from gridmap.ingest.description import describes_city, read_description, read_mapping
from gridmap.ingest.roster_template import write_template
from gridmap.programs import install_printing
from gridmap.settings import read_settings

app = typer.Typer(
    name="gridmap",
    help="GridMap keeps a city's service grid and answers who covers a place.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

app.command()(place)
app.command()(bake)
app.command()(mend)
app.command()(principles)
app.command()(roles)
app.command()(forget)
app.command()(retain)
app.command()(audit.explain)
app.add_typer(audit.app, name="audit")
app.add_typer(bench.app, name="bench")
app.add_typer(draft.app, name="draft")
app.add_typer(key.app, name="key")
app.add_typer(release.app, name="release")
app.command()(papers.poster)
revision.app.command("dossier")(papers.revision_dossier)
draft.app.command("dossier")(papers.draft_dossier)
app.add_typer(revision.app, name="revision")

CityOption = Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")]
JsonOption = Annotated[bool, typer.Option("--json", help="print the result for machines")]


def main() -> None:
    """Run the command; an error that GridMap raises on purpose is one line and exit code 1."""
    try:
        app()
    except GridMapError as error:
        progress.print(f"gridmap: {error}", style="red", soft_wrap=True, markup=False)
        sys.exit(1)


@app.command()
def up(city: CityOption = None) -> None:
    """Start the private PostGIS cluster, making it first if need be, and print the database's address."""
    settings = read_settings(city=city)
    if settings.database_url is not None:
        raise ClusterError("GRIDMAP_DATABASE_URL is set: GridMap runs no cluster of its own then")
    with open_database(settings, as_owner=True) as database:
        bring_up_to_date(database, settings)
    print(cluster_of(settings).url(database_name(settings), APPLICATION))


@app.command()
def down() -> None:
    """Stop the private PostGIS cluster; its data stay."""
    print("stopped" if cluster_of(read_settings()).down() else "was not running")


@app.command()
def url(city: CityOption = None) -> None:
    """Print the database's address."""
    settings = read_settings(city=city)
    print(settings.database_url or cluster_of(settings).url(database_name(settings), APPLICATION))


@app.command()
def migrate(city: CityOption = None) -> None:
    """Bring the database to the newest migration, and derive what a city that was loaded before it lacks."""
    settings = read_settings(city=city)
    with open_database(settings, as_owner=True) as database:
        print(bring_up_to_date(database, settings))


@app.command()
def init(description: Path, city: CityOption = None) -> None:
    """Start an empty city from its CITY.toml: settings only, no data, no keys."""
    settings = read_settings(city=city)
    with open_database(settings, as_owner=True) as database:
        bring_up_to_date(database, settings)
        started = init_city(database, OPERATOR, read_description(description))
    print(f"{started.name} ({started.code}) is started; fill it with: gridmap load {description}")


@app.command("base-map")
def base_map(
    description: Annotated[
        Path | None, typer.Argument(help="a CITY.toml; without one the map is taken away")
    ] = None,
    city: CityOption = None,
) -> None:
    """Put the [base_map] of a CITY.toml under the city's styles, also while it is served."""
    section = None if description is None else read_description(description).base_map
    if description is not None and section is None:
        raise InvalidInput("base_map", str(description), "has no [base_map]")
    with open_database(read_settings(city=city), as_owner=True) as database:
        check_migrated(database)
        chosen = set_base_map(database, OPERATOR, None if section is None else section.as_base_map()).base_map
    print("no base map" if chosen is None else f"base map {chosen.url} ({chosen.approval_number})")


@app.command()
def load(
    file: Annotated[
        Path, typer.Argument(help="CITY.toml, a mapping of files of points, or a roster in .xlsx or .csv")
    ],
    files: Annotated[Path | None, typer.Option(help="folder of the files, if not the description's own")] = None,
    days: Annotated[
        int, typer.Option(help="roster: days ahead to look for voids and overlaps", min=1, max=92)
    ] = 14,
    record: Annotated[bool, typer.Option("--record", help="roster: record it; without, only preview it")] = False,
    trust_crs: Annotated[
        bool, typer.Option("--trust-crs", help="files of points: go on when they look like another crs")
    ] = False,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load a whole city from its CITY.toml, or files of points into it, all or nothing.

    Or preview a roster, and with --record record it. Files of points may be loaded again: what is the same stays.
    """
    if file.suffix not in {".toml", ".xlsx", ".csv"}:
        raise InvalidInput("file", str(file), "must be a CITY.toml, or a roster in .xlsx or .csv")
    settings = read_settings(city=city)
    with open_database(settings, as_owner=file.suffix == ".toml") as database:
        if file.suffix == ".toml":
            bring_up_to_date(database, settings)
            folder = files or file.parent
            if describes_city(file):
                _print(load_city(database, OPERATOR, read_description(file), folder, say), as_json)
            else:
                sections = read_mapping(file).sections
                _print(load_points(database, OPERATOR, sections, folder, say, trust_crs=trust_crs), as_json)
            return
        check_migrated(database)
        now = datetime.now(UTC)
        report = load_roster(database, OPERATOR, file, now, now + timedelta(days=days), record=record)
    _print(report, as_json)
    if not record:
        say(f"nothing is recorded yet: gridmap load {file} --record --city {settings.city}")


@app.command()
def rejected(
    load: Annotated[int | None, typer.Argument(help="its number; else the newest with rejected rows")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="CSV file to write them to")] = None,
    city: CityOption = None,
) -> None:
    """List what a load rejected, with line and reason; mend it at its source and load that again."""
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        write_rejected(database, OPERATOR, load, out)


@app.command()
def template(file: Path, territory: str, city: CityOption = None) -> None:
    """Write an empty roster for the posts of one cell, area or overlay, to be filled in and loaded."""
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        posts = posts_of(database, OPERATOR, territory)
    write_template(file, posts)
    print(f"{file}: {len(posts)} posts; fill it in, then: gridmap load {file}")


@app.command()
def verify(city: CityOption = None, as_json: JsonOption = False) -> None:
    """Recompute what must hold of the current revision: coverage, nesting, unions, placements, sums."""
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        report = verify_city(database, OPERATOR, say)
    _print(report, as_json)
    if report.faults:
        raise typer.Exit(1)


@app.command("on-the-map")
def on_the_map(
    most: Annotated[int, typer.Option(help="failures listed of each kind", min=0)] = 20,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Into cells and onto the map 入格上图: the share of addresses, elements and incidents that have a cell."""
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        _print(report_on_the_map(database, OPERATOR, current_grid(database, OPERATOR), most), as_json)


@app.command()
def hexes(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="write the cover to this .parquet")] = None,
    revision: Annotated[int | None, typer.Option(help="of which revision; else the current one")] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="compute the current one anew and store it")] = False,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a revision's hex cover to a Parquet file: H3 hexes wholly in one cell, and straddling ones."""
    if output is None and not rebuild:
        raise InvalidInput("hexes", "neither", "needs --output FILE.parquet or --rebuild")
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        if rebuild:
            _print(rebuild_hexes(database, OPERATOR, say), as_json and output is None)
        if output is not None:
            _print(export_hexes(database, OPERATOR, output, revision, say), as_json)


@app.command()
def bands(city: CityOption = None, as_json: JsonOption = False) -> None:
    """Simplify the current revision's boundaries for all zooms anew, as tiles show them; store what differs."""
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        _print(rebuild_bands(database, OPERATOR, say), as_json)


@app.command()
def serve(city: CityOption = None, host: str | None = None, port: int | None = None) -> None:
    """Serve the city's database over HTTP, in the foreground."""
    settings = read_settings(city=city, host=host, port=port)
    with open_database(settings) as database:
        check_role(database)
        check_migrated(database)
        server.run(settings, database, f"ready http://{settings.host}:{settings.port}")


@app.command()
def demo(
    scale: Annotated[str, typer.Option(help="demo, or full with all 13.87 million made-up residents")] = "demo",
    city: CityOption = None,
    port: int | None = None,
) -> None:
    """Set up the demo city if it is not there yet, and serve it in the foreground."""
    settings = read_settings(city=city, port=port)
    with open_database(settings, as_owner=True, stop_after=True) as owned:
        bring_up_to_date(owned, settings)
        _prepare_printing()
        folder = state_folder(settings)
        demo_city.set_up(owned, folder, scale)
        owned.dispose()
        settings = settings.model_copy(update={"port": server.free_port(settings.host, settings.port)})
        with open_database(settings) as database:
            check_role(database)
            server.run(settings, database, demo_city.invitation(settings, folder / "keys"))


def _prepare_printing() -> None:
    """Papers and posters are part of the demo; where they cannot be printed all else goes on, and this is said."""
    try:
        install_printing(say)
    except ClusterError as error:
        say(str(error))


def _print(result: Any, as_json: bool) -> None:  # noqa: ANN401 - any dataclass
    plain = dataclasses.asdict(result)
    if as_json:
        print(json.dumps(plain, ensure_ascii=False, default=str))
    else:
        print("\n".join(_lines(plain)))


def _lines(value: Any, name: str = "", indent: str = "") -> list[str]:  # noqa: ANN401 - plain data of any shape
    if isinstance(value, dict):
        head = [f"{indent}{name}:"] if name else []
        deeper = f"{indent}  " if name else indent
        return [*head, *(line for key, each in value.items() for line in _lines(each, str(key), deeper))]
    if isinstance(value, list | tuple):
        return [line for number, each in enumerate(value, 1) for line in _lines(each, f"{name} {number}", indent)]
    shown = "not measured" if value is None else f"{value:,}" if isinstance(value, int) else value
    return [f"{indent}{name}: {shown}"]
