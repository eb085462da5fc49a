"""What the commands of ``gridmap draft`` share: their options, and what they work with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Annotated

import typer

from gridmap.access import OPERATOR
from gridmap.actions.workbench import Workbench
from gridmap.cli.environment import check_migrated, open_database
from gridmap.model import Actor, City
from gridmap.settings import read_settings
from gridmap.store.city import read_city
from gridmap.store.database import Database

DraftArgument = Annotated[int, typer.Argument(help="the draft's number", min=1)]
CityOption = Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")]
JsonOption = Annotated[bool, typer.Option("--json", help="print the result for machines")]
AsOption = Annotated[
    str, typer.Option("--as", help="under which name it is recorded; whoever runs this may do everything")
]
CrsOption = Annotated[str, typer.Option(help="crs of the shapes that are printed")]
ExpectsOption = Annotated[
    int | None, typer.Option(help="the version that you saw; at another one nothing is done", min=0)
]


@dataclass(frozen=True)
class Work:
    """What a command works with."""

    database: Database
    actor: Actor
    city: City
    bench: Workbench


@contextmanager
def working(city: str | None, name: str) -> Iterator[Work]:
    """The city's database, and who acts under a name: whoever may run commands may do everything."""
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        actor = replace(OPERATOR, id=name)
        with database.begin(actor) as connection:
            described = read_city(connection)
        yield Work(database, actor, described, Workbench())
