"""``gridmap forget`` and ``gridmap retain``: what is removed of people, on request and when its time is over."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from gridmap.access import OPERATOR
from gridmap.actions.forgetting import forget_person, readmit_person
from gridmap.actions.retention import RetentionRules
from gridmap.actions.retention import retain as retain_city
from gridmap.cli.environment import check_migrated, open_database, progress, say
from gridmap.settings import read_settings

CityOption = Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")]
JsonOption = Annotated[bool, typer.Option("--json", help="print the result for machines")]


def forget(
    reference: Annotated[str, typer.Argument(metavar="REF", help="the person's reference in the register")],
    source: Annotated[str | None, typer.Option(help="of this source only; else of every one")] = None,
    may_return: Annotated[
        bool, typer.Option("--may-return", help="let a later load bring the reference again")
    ] = False,
    readmit: Annotated[
        bool, typer.Option("--readmit", help="remove nothing: let loads bring a forgotten reference again")
    ] = False,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a person's reference from every table, the audit's details too; say what was removed."""
    with open_database(read_settings(city=city), as_owner=True) as database:
        check_migrated(database)
        if readmit:
            was = readmit_person(database, OPERATOR, reference, source)
            print(json.dumps({"readmitted": was}) if as_json else "may come again" if was else "was not kept out")
            return
        report = forget_person(database, OPERATOR, reference, source, keep_out=not may_return)
    if as_json:
        print(json.dumps({"removed": report.removed, "kept_out": report.kept_out}))
        return
    for table, rows in report.removed.items():
        print(f"{table}: {rows:,}")
    print("nothing held it" if not report.removed else "forgotten", end="")
    print("; loads that name it are refused it" if report.kept_out else "")


def retain(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="count what would be removed, and remove nothing")
    ] = False,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove what is past its retention: persons by category, rejected rows, names and phones of old duty."""
    settings = read_settings(city=city)
    rules = RetentionRules.of(
        settings.person_retention_days, settings.duty_retention_months, settings.origin_days, settings.answer_days
    )
    looking = progress.status("looking for what is past its retention")
    with open_database(settings, as_owner=True) as database, looking as status:
        check_migrated(database)
        done = retain_city(database, OPERATOR, rules, datetime.now(UTC), status.update, dry_run=dry_run)
    if as_json:
        print(json.dumps({"dry_run": dry_run, "removed": done}))
        return
    for rule, rows in done.items():
        print(f"{rule}: {rows:,}")
    if dry_run:
        say("nothing was changed")
