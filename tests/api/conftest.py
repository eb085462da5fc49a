"""The HTTP service over real PostGIS: one client for all tests that only read, and one for each that writes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import shapely
from fastapi.testclient import TestClient

from api.app import create_app
from api.deps import Service
from gridmap.access import OPERATOR
from gridmap.cluster import APPLICATION
from gridmap.coverage.grid import Grid
from gridmap.crs import from_wgs84
from gridmap.current import Current
from gridmap.model import Actor
from gridmap.settings import Settings
from gridmap.shapes import Geometries
from gridmap.store.database import Database
from gridmap.store.keys import insert_key

Serve = Callable[..., AbstractContextManager[TestClient]]
KeyFor = Callable[..., dict[str, str]]
MakeCopy = Callable[[str], AbstractContextManager[Database]]


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """Runs the application over a database, as the application's role.

    The snapshot lies in ``folder`` or its own, kept tiles beside it.
    """

    @contextmanager
    def run(database: Database, folder: Path | None = None, **settings: object) -> Iterator[TestClient]:
        folder = folder or tmp_path_factory.mktemp("snapshot")
        kept = folder.with_name(f"{folder.name}-kept")
        is_bound = database.url.username == APPLICATION
        served = database if is_bound else Database(database.url.set(username=APPLICATION))
        service = Service(Settings(**settings), served, Current(served, folder), kept)  # type: ignore[arg-type]
        with TestClient(create_app(service)) as client:
            yield client

    return run


@pytest.fixture(scope="session")
def make_copy(heping: Database, copy_of: Callable[[Database, str], AbstractContextManager[Database]]) -> MakeCopy:
    """Makes copies of Heping that last: a running service would keep the original from being copied."""
    return lambda name: copy_of(heping, name)


@pytest.fixture(scope="session")
def heping_served(make_copy: MakeCopy) -> Iterator[Database]:
    """A copy of Heping for the client that only reads."""
    with make_copy("heping_served") as database:
        yield database


@pytest.fixture(scope="session")
def client(serve: Serve, heping_served: Database) -> Iterator[TestClient]:
    """A client of Heping's service for tests that only read."""
    with serve(heping_served) as running:
        yield running


@pytest.fixture
def writer(serve: Serve, heping_copy: Database) -> Iterator[TestClient]:
    """A client of a copy of Heping that the test may write to."""
    with serve(heping_copy) as running:
        yield running


def _service(client: TestClient) -> Service:
    service: Service = client.app.state.service  # type: ignore[attr-defined]
    return service


@pytest.fixture(scope="session")
def service_of() -> Callable[[TestClient], Service]:
    """The service behind a client."""
    return _service


@pytest.fixture(scope="session")
def key_for() -> KeyFor:
    """Makes a key in a client's database and gives the header that carries it."""
    number = iter(range(1_000_000))

    def make(
        client: TestClient, role: str, *territories: str, expires_at: datetime | None = None
    ) -> dict[str, str]:
        service = _service(client)
        holder = Actor(f"test-{role}-{next(number)}", role, territories)
        key = f"gm_{secrets.token_urlsafe(32)}"
        with service.database.begin(OPERATOR) as connection:  # by no action: a test may want what none would give
            insert_key(connection, holder.id, key, holder, "a test's key", expires_at)
        service.current.refresh()
        return {"Authorization": f"Bearer {key}"}

    return make


@pytest.fixture(scope="session")
def grid(client: TestClient) -> Grid:
    """The grid that the reading client answers from."""
    return _service(client).state.ready.grid


@pytest.fixture(scope="session")
def metric_cells(grid: Grid) -> Geometries:
    """The cells in metres; their edges, straight in degrees, are cut before they bend."""

    def convert(coordinates: np.ndarray) -> np.ndarray:
        return np.column_stack(from_wgs84("EPSG:4548", coordinates[:, 0], coordinates[:, 1]))

    cells: Geometries = shapely.transform(shapely.segmentize(grid.index.degrees, 0.001), convert)
    return cells


@pytest.fixture(scope="session")
def inner_points(grid: Grid) -> list[tuple[str, float, float]]:
    """(cell code, lon, lat) of a point well inside each of 30 cells."""
    chosen = range(0, len(grid.cells), len(grid.cells) // 30)
    points = shapely.get_coordinates(shapely.point_on_surface(grid.index.degrees[list(chosen)]))
    return [(grid.cells[i].code, float(x), float(y)) for i, (x, y) in zip(chosen, points, strict=True)]


@pytest.fixture(scope="session")
def now() -> datetime:
    """The time at which the tests began."""
    return datetime.now(UTC)
