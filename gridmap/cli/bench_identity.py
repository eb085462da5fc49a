"""``gridmap bench identity``: what it costs to know who asks."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer

from api.bench import bench_identity
from api.deps import Service
from gridmap.cli.environment import check_migrated, open_database, say, state_folder
from gridmap.current import Current
from gridmap.settings import read_settings
from tiles.address import box_in_mercator, span_of


def identity(
    count: Annotated[int, typer.Option(help="requests a round, of nine", min=10)] = 500,
    city: Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result for machines")] = False,
) -> None:
    """Look-ups and requests a second without a key, with one, with a token, and with a log-in."""
    settings = read_settings(city=city)
    with open_database(settings) as database:
        check_migrated(database)
        current = Current(database, state_folder(settings) / "snapshot")
        say("reading the city")
        current.start()
        current.stop()
        cell = current.state.ready.grid.index.degrees[0].representative_point()
        box = box_in_mercator((cell.x, cell.y, cell.x, cell.y))
        tile = next(span_of(box, 14, 0).addresses())
        report = bench_identity(Service(settings, database, current), cell.x, cell.y, tile, count)
    if as_json:
        print(json.dumps(dataclasses.asdict(report)))
        return
    for name, rate in report.lookups_per_s.items():
        print(f"who asks, {name}: {rate:,} look-ups/s")
    for route, rates in report.requests_per_s.items():
        print(f"{route}: {rates['before']:,} requests/s when nobody looks who asks")
        for name, lost in report.lost_percent[route].items():
            print(f"  {name}: {rates[name]:,} requests/s, {lost} % lost")
