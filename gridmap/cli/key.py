"""``gridmap key``: keys given out, listed and revoked by whoever may run commands on the machine."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from gridmap.access import OPERATOR
from gridmap.actions.keys import give_key, list_keys, read_key, revoke_key
from gridmap.cli.environment import check_migrated, open_database, say
from gridmap.model import Actor
from gridmap.settings import read_settings

app = typer.Typer(help="Give out, list and revoke keys.", no_args_is_help=True)

KeyArgument = Annotated[str, typer.Argument(help="the key's id, as `gridmap key list` says it; not its text")]
CityOption = Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")]
JsonOption = Annotated[bool, typer.Option("--json", help="print the result for machines")]


@app.command()
def create(
    holder: Annotated[str, typer.Argument(help="whom it stands for: a desk or an account, never a person's name")],
    role: Annotated[
        str, typer.Argument(help="its role; `public` makes a publishable key, for maps on other pages")
    ],
    label: Annotated[str, typer.Option(help="what it is for")],
    territory: Annotated[
        list[str] | None, typer.Option(help="code of an area or cell, or '*' for all; again for more")
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="narrow it to read, write, publish or keys; again for more")
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(help="of pages that may use a publishable key, such as https://maps.example"),
    ] = None,
    days: Annotated[int | None, typer.Option(help="how long it lasts; else until it is revoked", min=1)] = None,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give out a key and show its text, this once."""
    ends = None if days is None else datetime.now(UTC) + timedelta(days=days)
    actor = Actor(holder, role, tuple(territory or ()), tuple(scope or ()))
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        record, text = give_key(database, OPERATOR, actor, label, ends, origin or ())
    if as_json:
        _print_json({**record.fields(), "key": text})
    else:
        say(f"the key {record.id}; its text is shown this once:")
        print(text)


@app.command("list")
def list_given(city: CityOption = None, as_json: JsonOption = False) -> None:
    """List every key that was given out, the newest first."""
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        keys = list_keys(database, OPERATOR)
    if as_json:
        _print_json([key.fields() for key in keys])
    for key in () if as_json else keys:
        places = ",".join(key.holder.territories or key.origins)
        print(f"{key.id}  {key.state}  {key.holder.role}  {places}  {key.label}")


@app.command()
def show(key: KeyArgument, city: CityOption = None, as_json: JsonOption = False) -> None:
    """All that is known of a key; its text is kept nowhere."""
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        _print(read_key(database, OPERATOR, key).fields(), as_json=as_json)


@app.command()
def revoke(key: KeyArgument, city: CityOption = None, as_json: JsonOption = False) -> None:
    """End a key, and the log-ins that were begun with it; all workers know within a second."""
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        _print(revoke_key(database, OPERATOR, key).fields(), as_json=as_json)


def _print(fields: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        _print_json(fields)
        return
    for name, value in fields.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        print(f"{name}: {'' if shown is None else shown}")


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, default=str))
