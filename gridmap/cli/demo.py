"""Sets the demo city up, once, and says how to try it."""

from __future__ import annotations

import os
import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from data.tianjin.build import build
from gridmap.access import OPERATOR
from gridmap.actions.city import load_city
from gridmap.actions.keys import create_key
from gridmap.actions.releases import due_months, make_release
from gridmap.cli.environment import progress, say
from gridmap.errors import RuleBroken
from gridmap.ingest.description import read_description
from gridmap.model import ROLES, Actor
from gridmap.settings import Settings
from gridmap.store.city import find_city
from gridmap.store.database import Database
from gridmap.store.revisions import find_current

DEMO_CODE = "120000"

# A point in Heping, by its WGS 84 pair and by the pair that a Chinese map app gives for the same place.
_POINT = "lon=117.1950&lat=39.1180&crs=wgs84"
_POINT_GCJ02 = "lon=117.2013&lat=39.1190&crs=gcj02&accuracy_m=30&category=noise"


def set_up(database: Database, folder: Path, scale: str) -> None:
    """Generate and load the demo city if the database is empty; make the releases that are due, and its keys.

    RuleBroken when the database holds another city.
    """
    with database.begin(OPERATOR) as connection:
        city = find_city(connection)
        loaded = city is not None and find_current(connection) is not None
    if city is not None and city.code != DEMO_CODE:
        raise RuleBroken(f"the database holds {city.name}, not the demo city: choose another with --city")
    if not loaded:
        _generate_and_load(database, folder, scale)
    _release(database)
    write_keys(database, folder / "keys", DEMO_CODE)


def _generate_and_load(database: Database, folder: Path, scale: str) -> None:
    files = folder / "city"
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    with progress.status("generating the demo city") as status:

        def show(done: int, total: int, what: str) -> None:
            status.update(f"generating the demo city: {what} {done:,}/{total:,}")

        build(files, as_of=today, scale=scale, progress=show)
    say("generated the demo city")
    load_city(database, OPERATOR, read_description(files / "CITY.toml"), files, say)
    shutil.rmtree(files)


def _release(database: Database) -> None:
    """What the public sees of counts: the months that are over."""
    now = datetime.now(UTC)
    due = due_months(database, OPERATOR, now)
    with progress.status("making releases") as status:
        for month in due:
            make_release(database, OPERATOR, month, now, status.update)
    if due:
        say(f"released what the public sees of {due[0]} to {due[-1]}")


def write_keys(database: Database, path: Path, territory: str) -> None:
    """Make one key per role, once, and keep them in a file that only its owner reads: ``role key`` a line."""
    if path.exists():
        return
    lines = []
    for role in ROLES:
        if role == "public":
            continue
        actor = Actor(id=f"demo-{role}-{secrets.token_hex(4)}", role=role, territories=(territory,))
        lines.append(f"{role} {create_key(database, OPERATOR, actor, f'demo key for the role {role}')}\n")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(lines)


def invitation(settings: Settings, keys: Path) -> str:
    """What to open and three lines to try."""
    address = f"http://{settings.host}:{settings.port}"
    key = f"$(awk '/^dispatcher/{{print $2}}' {keys})"
    return "\n".join(
        (
            "",
            f"  the first page   {address}/",
            f"  the API          {address}/openapi.json",
            f"  keys, one a role {keys}",
            f"  to log in        {address}/login",
            "",
            f"  curl '{address}/v1/coverage?{_POINT}'",
            f"  curl '{address}/v1/coverage?{_POINT_GCJ02}'",
            f"  curl -H \"Authorization: Bearer {key}\" '{address}/v1/areas/120101/roster'",
            "",
            f"ready {address}",
        )
    )
