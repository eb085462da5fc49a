"""``gridmap bake``: the geometry layers of a revision as PMTiles."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Annotated

import typer

from gridmap.cli.environment import check_migrated, open_database, say, state_folder
from gridmap.errors import InvalidInput
from gridmap.settings import read_settings
from tiles.bake import bake as bake_layers


def bake(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="folder to write to; else where the server looks for it")
    ] = None,
    layers: Annotated[str, typer.Option(help="names of layers, parted by commas; else all")] = "",
    zooms: Annotated[str, typer.Option(help="from zoom to zoom", metavar="FROM-TO")] = "6-16",
    revision: Annotated[int | None, typer.Option(help="which revision; else the current one")] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="draw every tile; take nothing from an earlier bake")
    ] = False,
    crs: Annotated[str, typer.Option(help="wgs84, or what the base map is in: gcj02, bd09")] = "wgs84",
    processes: Annotated[int | None, typer.Option(help="how many; else one for each core", min=1, max=256)] = None,
    city: Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result for machines")] = False,
) -> None:
    """Write the geometry layers of a revision as PMTiles, which the server and any static host can serve."""
    match = re.fullmatch(r"([0-9]{1,2})-([0-9]{1,2})", zooms)
    if match is None:
        raise InvalidInput("zooms", zooms, "must look like 6-16")
    settings = read_settings(city=city)
    with open_database(settings) as database:
        check_migrated(database)
        folder = output or state_folder(settings) / "bake"
        names = [name.strip() for name in layers.split(",") if name.strip()]
        span = (int(match[1]), int(match[2]))
        report = bake_layers(
            database, folder, names, span, say, revision=revision, anew=anew, processes=processes, crs=crs
        )
    if as_json:
        print(json.dumps(dataclasses.asdict(report)))
        return
    for name, layer in report.layers.items():
        print(f"{name}: {layer.tiles:,} tiles, {layer.drawn:,} drawn, {layer.octets:,} octets, {layer.seconds} s")
    print(f"revision {report.revision} in {report.folder}: {report.seconds} s")
