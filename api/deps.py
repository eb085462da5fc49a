"""What handlers are given: the running service, the actor behind a key, and parameters read in one way."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi import Path as InPath
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BeforeValidator

from api.identity import Identity, identify
from gridmap import crs as crs_module
from gridmap.actions.workbench import Workbench
from gridmap.coverage.grid import Grid
from gridmap.coverage.snapshot import Snapshot
from gridmap.current import Current, State
from gridmap.errors import GridMapError, InvalidInput
from gridmap.kept_files import KeptFiles
from gridmap.model import PUBLIC, Actor, City
from gridmap.provider import Provider
from gridmap.recount import Recounts
from gridmap.released import Trees
from gridmap.released_heatmap import PlacesAt
from gridmap.released_places import CountsBy
from gridmap.settings import Settings
from gridmap.staffing import KeptStaffing
from gridmap.store.database import Database
from gridmap.tokens import Rules, Tokens
from gridmap.trail import Trail, trail_folder
from gridmap.uses import Uses
from tiles.counts import KeptCounts, Plots
from tiles.serving import TileServer

# PostgreSQL's integer; a larger revision cannot exist.
LARGEST_REVISION = 2**31 - 1
LARGEST_ACCURACY_M = 5_000.0
# All files that are kept for downloads, together.
_MOST_KEPT_BYTES = 2 << 30
_YEARS = (1900, 2999)

_bearer = HTTPBearer(
    auto_error=False,
    description="A key that GridMap gave out (`make demo` writes one per role) or a token of the city's provider.",
)


@dataclass(frozen=True)
class Service:
    """What one worker holds: settings, the database's pool, the state that follows it, and what is made of it.

    In ``folder``, the city's own, tiles are kept and bakes are looked for; without it tiles stay in memory only.
    """

    settings: Settings
    database: Database
    current: Current
    folder: Path | None = None
    trees: Trees = field(default_factory=Trees)
    recounts: Recounts = field(default_factory=Recounts)
    bench: Workbench = field(default_factory=Workbench)
    places_at: PlacesAt = field(default_factory=PlacesAt)
    released_by: CountsBy = field(default_factory=CountsBy)
    plots: Plots = field(default_factory=Plots)
    kept_counts: KeptCounts = field(default_factory=KeptCounts)
    uses: Uses = field(default_factory=Uses)
    staffing: KeptStaffing = field(default_factory=KeptStaffing)

    @property
    def state(self) -> State:
        """The state now; a handler takes it once."""
        return self.current.state

    @property
    def grid(self) -> Grid | None:
        """The grid that this worker has ready, so that actions need not read it."""
        snapshot = self.state.snapshot
        return None if snapshot is None else snapshot.grid

    @cached_property
    def idle(self) -> timedelta:
        """How long a session goes on when nothing is asked."""
        return timedelta(minutes=self.settings.session_idle_minutes)

    @cached_property
    def tokens(self) -> Tokens | None:
        """What checks the tokens of the provider; None where none is set."""
        given = self.settings
        if not given.oidc_issuer:
            return None
        rules = Rules(
            given.oidc_issuer,
            given.oidc_audience,
            given.oidc_algorithms,
            given.oidc_role_claim,
            given.oidc_territories_claim,
            given.oidc_roles,
            given.oidc_leeway_s,
        )
        return Tokens(rules, Provider(given.oidc_issuer, given.oidc_stale_hours * 3600.0))

    @cached_property
    def oidc_secret(self) -> str:
        """The secret of the pages' client at the provider; empty without one. InvalidInput without its file."""
        given = self.settings
        if given.oidc_client_secret_file is None:
            return given.oidc_client_secret.get_secret_value()
        try:
            return given.oidc_client_secret_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            name = str(given.oidc_client_secret_file)
            raise InvalidInput("GRIDMAP_OIDC_CLIENT_SECRET_FILE", name, "must be a file to read") from error

    @cached_property
    def downloads(self) -> KeptFiles:
        """The files that were made for downloads, beside the snapshot."""
        folder = self.current.folder
        return KeptFiles(folder.with_name(f"{folder.name}-downloads"), _MOST_KEPT_BYTES)

    @cached_property
    def trail(self) -> Trail:
        """The trace of what is done here: its spool and anchors lie beside the snapshot."""
        return Trail(self.database, trail_folder(self.current.folder, self.database.url.database))


# What waits for nothing is async, too: FastAPI hands what is not to a thread, which costs more than it does.
async def service_of(request: Request) -> Service:
    """The service of this worker."""
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(service_of)]


async def tiles_of(request: Request) -> TileServer:
    """The tiles of this worker."""
    tiles: TileServer = request.app.state.tiles
    return tiles


TilesDep = Annotated[TileServer, Depends(tiles_of)]


async def identity_of(
    request: Request,
    service: ServiceDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Identity:
    """Who asks, and how that is known; NotIdentified for a key or token that does not hold."""
    return await identify(service, request, None if credentials is None else credentials.credentials)


IdentityDep = Annotated[Identity, Depends(identity_of)]


async def actor_of(identity: IdentityDep) -> Actor:
    """Who asks: a key's holder, the public without one."""
    return identity.actor


async def asker_of(request: Request, service: Service) -> Actor | None:
    """Who asks what nobody is refused, so that the answer is kept; None for the public and what does not hold."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    try:
        identity = await identify(service, request, text.strip() if scheme.lower() == "bearer" else None)
    except GridMapError:
        return None
    return None if identity.actor.role == PUBLIC.role else identity.actor


ActorDep = Annotated[Actor, Depends(actor_of)]

# A code is short printable text: no control characters, no slash.
CODE_PATTERN = r"^[^\x00-\x1f\x7f/\s]{1,64}$"
CodePath = Annotated[str, InPath(pattern=CODE_PATTERN, description="a code of the registry")]
CodeQuery = Annotated[str | None, Query(pattern=CODE_PATTERN)]
CategoryQuery = Annotated[
    str | None, Query(pattern=CODE_PATTERN, description="category of incident, such as noise")
]
RevisionQuery = Annotated[
    int | None, Query(ge=1, le=LARGEST_REVISION, description="the grid of this revision, with today's data")
]


def unspoilt(value: object) -> object:
    """A plus sign that was not percent-encoded arrives as a space: put it back."""
    if isinstance(value, str):
        return re.sub(r"(T[0-9:.]+) ([0-9]{2}:?[0-9]{2})$", r"\1+\2", value)
    return value


def _no_number(value: object) -> object:
    """A bare number would be read as seconds since 1970: nobody who writes 149, or 20261101, means that."""
    if isinstance(value, int | float) or (
        isinstance(value, str) and re.fullmatch(r"\s*[-+]?[0-9.eE_]+\s*", value)
    ):
        raise ValueError("must be a time such as 2026-11-01T00:00:00+08:00, no number")
    return unspoilt(value)


Moment = Annotated[datetime, BeforeValidator(_no_number)]
AtQuery = Annotated[Moment | None, Query(description="grid, posts and shifts as they were valid then")]
KnownAtQuery = Annotated[Moment | None, Query(description="… as they were known then")]


def city_time(field: str, moment: datetime, city: City) -> datetime:
    """The instant in UTC; a time without offset is city time. InvalidInput outside the years that can be meant.

    PostgreSQL knows no offset of 16 hours or more, so what goes there is in UTC.
    """
    if not _YEARS[0] <= moment.year <= _YEARS[1]:
        raise InvalidInput(field, moment.isoformat(), f"the year must lie in {_YEARS[0]} to {_YEARS[1]}")
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=city.zone)).astimezone(UTC)


def to_point(x: float, y: float, crs: str, snapshot: Snapshot) -> tuple[float, float]:
    """lon, lat in WGS 84 of a pair in ``crs``; InvalidInput when it is no place, or looks swapped."""
    name = crs_module.check_name(crs)
    if not (math.isfinite(x) and math.isfinite(y)):
        raise InvalidInput("lon, lat", (x, y), "must be finite numbers")
    if crs_module.is_degrees(name) and not (abs(x) <= 180 and abs(y) <= 90):
        hint = "; they look swapped" if abs(y) <= 180 and abs(x) <= 90 else ""
        raise InvalidInput("lon, lat", (x, y), f"must lie in -180…180 and -90…90 in {name}{hint}")
    lon, lat = (float(value[0]) for value in crs_module.to_wgs84(name, [x], [y]))
    if not (abs(lon) <= 180 and abs(lat) <= 90):
        raise InvalidInput("lon, lat", (x, y), f"are no place on earth in {name}")
    if not _in_box(lon, lat, snapshot):
        turned_lon, turned_lat = (float(value[0]) for value in crs_module.to_wgs84(name, [y], [x]))
        if _in_box(turned_lon, turned_lat, snapshot):
            raise InvalidInput("lon, lat", (x, y), "look swapped: turned round they lie in the city")
    return lon, lat


def to_box(text: str) -> tuple[float, float, float, float]:
    """west, south, east, north in degrees; InvalidInput when it is no box."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise InvalidInput("bbox", text, "must be west,south,east,north") from None
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise InvalidInput("bbox", text, "must be west,south,east,north in degrees, west <= east, south <= north")
    return west, south, east, north


def _in_box(lon: float, lat: float, snapshot: Snapshot) -> bool:
    west, south, east, north = snapshot.grid.index.bounds
    return west <= lon <= east and south <= lat <= north
