"""``gridmap principles``: the city's five principles as numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import shapely
import typer

from gridmap.access import EVERYWHERE
from gridmap.actions.principles import Measured, measure, read_every_offender
from gridmap.cli.environment import check_migrated, open_database
from gridmap.model import Actor
from gridmap.settings import read_settings

# Whoever may run commands on the machine may read the database; as a planner the household figures are shown.
_PLANNER = Actor(id="operator", role="planner", territories=(EVERYWHERE,))


def principles(
    revision: Annotated[int | None, typer.Option(help="of which revision; else the current one")] = None,
    offenders: Annotated[Path | None, typer.Option(help="write where they do not hold to this .geojson")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="measure anew: households are of the day of measuring")
    ] = False,
    city: Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result for machines")] = False,
) -> None:
    """The five principles 属地为主、街巷定界、规模适度、无缝覆盖、相对固定 of a revision, as numbers."""
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        found = measure(database, _PLANNER, revision, again=again)
        if offenders is not None:
            features = [
                {
                    "type": "Feature",
                    "geometry": json.loads(str(shapely.to_geojson(one.shape))),
                    "properties": {"principle": key, "cell": one.cell, "what": one.what, "value": one.value},
                }
                for key, one in read_every_offender(database, _PLANNER, found)
            ]
            collection = {"type": "FeatureCollection", "features": features}
            offenders.write_text(json.dumps(collection, ensure_ascii=False), encoding="utf-8")
    if as_json:
        print(json.dumps(_plain(found), ensure_ascii=False, default=str))
        return
    print(f"revision {found.revision}, measured {found.measured_at:%Y-%m-%d %H:%M}")
    for each in found.findings:
        standing = {True: "holds", False: "does not hold", None: "no bar"}[each.passes]
        if each.not_measured is not None:
            standing = f"not measured: {each.not_measured}"
        print(f"{each.title}: {standing}; {found.offenders[each.key]:,} places")
        for name, value in each.figures.items():
            shown = "not measured" if value is None else f"{value:,.4f}" if isinstance(value, float) else value
            print(f"  {name}: {shown}")


def _plain(found: Measured) -> dict[str, Any]:
    return {
        "revision": found.revision,
        "measured_at": found.measured_at.isoformat(),
        "principles": [
            {
                "key": each.key,
                "title": each.title,
                "passes": each.passes,
                "blocks": each.blocks,
                "not_measured": each.not_measured,
                "figures": dict(each.figures),
                "offenders": found.offenders[each.key],
            }
            for each in found.findings
        ],
    }
