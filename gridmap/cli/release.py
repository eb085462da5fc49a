"""``gridmap release``: what the public may see of counts, made once for each closed month."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from gridmap.access import OPERATOR
from gridmap.actions.releases import ReleaseReport, due_months, make_release
from gridmap.cli.environment import check_migrated, open_database, say
from gridmap.errors import InvalidInput
from gridmap.releases.periods import Month
from gridmap.settings import read_settings
from gridmap.store.releases import list_releases

app = typer.Typer(help="Make and list releases: counts for the public.", no_args_is_help=True)

CityOption = Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")]
JsonOption = Annotated[bool, typer.Option("--json", help="print the result for machines")]


@app.command()
def make(
    period: Annotated[str | None, typer.Option(help="a closed month, such as 2026-10; else the last one")] = None,
    all_due: Annotated[
        bool, typer.Option("--all-due", help="every closed month without a release; none is no error")
    ] = False,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count a closed month, suppress what must not be shown, and freeze the rest. It can be done only once."""
    if period is not None and all_due:
        raise InvalidInput("--period", period, "goes without --all-due")
    now = datetime.now(UTC)
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        if period is not None:
            months = [Month.parse(period, "--period")]
        else:
            months = due_months(database, OPERATOR, now)
            months = months if all_due else months[-1:]
        reports = [make_release(database, OPERATOR, month, now, say) for month in months]
    if as_json:
        print(json.dumps([dataclasses.asdict(report) for report in reports]))
    else:
        print("\n".join(map(_line, reports)) or "nothing is due")


@app.command("list")
def list_made(city: CityOption = None, as_json: JsonOption = False) -> None:
    """List the releases, the newest month first."""
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        with database.begin(OPERATOR) as connection:
            releases = list_releases(connection)
    if as_json:
        print(json.dumps([dataclasses.asdict(release) for release in releases], default=str))
    else:
        for release in releases:
            print(f"{release.period}: made {release.made_at.isoformat()} at revision {release.revision}")


def _line(report: ReleaseReport) -> str:
    elements = ", elements counted" if report.elements else ""
    return (
        f"{report.period}: revision {report.revision}, {report.tables} tables, {report.hidden_tables} of them "
        f"hidden as a whole, {report.rows:,} rows{elements}"
    )
