"""Makes the application: routes, errors, metrics and the life of the service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response

from api import errors as error_table
from api.built import BuiltFiles
from api.deps import Service
from api.errors import Problem
from api.events import Events, told_of_signals
from api.metrics import seconds
from api.routes import (
    areas,
    cells,
    count_tiles,
    coverage,
    downloads,
    drafts,
    drafts_impact,
    drafts_publish,
    drafts_review,
    duty,
    elements,
    health,
    heatmap,
    incidents,
    loads,
    notices,
    ogc,
    ogc_items,
    on_the_map,
    page,
    papers,
    placing,
    principles,
    releases,
    revisions,
    rosters,
    styles,
    tiles,
)
from api.routes import events as event_routes
from api.tiles import CORS, KeptTiles
from gridmap import __version__
from gridmap.scheduled import Scheduled
from tiles.serving import TileServer


def create_app(service: Service) -> FastAPI:
    """The application over a service; nothing is opened before it starts.

    Whoever runs it in another thread than the main one calls ``app.state.events.close()`` to stop it.
    """
    settings = service.settings
    events = Events(service.current, settings.event_clients)
    tile_server = TileServer(service.database, service.folder, settings.tile_memory_mb, settings.tile_disk_mb)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        service.current.start()
        scheduled = Scheduled(service.database, service.bench, lambda: service.state.snapshot)
        scheduled.start()
        watching = asyncio.create_task(events.watch())
        with told_of_signals(events.close):
            yield
        events.close()
        await watching
        scheduled.stop()
        service.current.stop()
        tile_server.close()
        service.database.dispose()

    app = FastAPI(
        title="GridMap",
        version=__version__,
        summary="Who covers this place: a city's service grid.",
        description=(
            "Cells nested in a city's areas, who is on duty there at any time and whom to call next. "
            "What in the data is real and what is made up stands in `GET /v1/city` under `notice`."
        ),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=life,
        # The pages that FastAPI would make load their scripts from another host.
        docs_url=None,
        redoc_url=None,
        root_path=_path_of(service.settings.public_url),
    )
    app.state.service = service
    app.state.events = events
    app.state.tiles = tile_server
    error_table.register(app)
    for module in (
        health,
        coverage,
        placing,
        areas,
        cells,
        revisions,
        notices,
        principles,
        rosters,
        releases,
        papers,
        on_the_map,
        downloads,
        duty,
        elements,
        incidents,
        drafts,
        drafts_review,
        drafts_impact,
        drafts_publish,
        loads,
        heatmap,
        ogc,
        ogc_items,
        count_tiles,  # before what takes any layer's name
        tiles,
        event_routes,
        styles,
        page,
    ):
        app.include_router(module.router)
    app.mount("/web", BuiltFiles(), name="web")
    app.middleware("http")(_measure)
    # Added last, so that it stands before all others.
    app.add_middleware(KeptTiles, service=service, tiles=tile_server)
    _document_problem(app)
    return app


def _path_of(public_url: str) -> str:
    """The path under which a proxy serves the service, such as ``/gridmap``; empty at the root."""
    _, _, rest = public_url.partition("://")
    _, slash, path = rest.partition("/")
    return slash + path


async def _measure(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
    began = time.perf_counter()
    response = await call(request)
    route = request.scope.get("route")
    name = getattr(route, "path", "none")
    seconds.labels(name, str(response.status_code)).observe(time.perf_counter() - began)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    # What is public may be read by any page. A key makes a request one that browsers ask about first, and the
    # answer to that allows nothing: no key is sent by the scripts of another origin.
    if request.method in ("GET", "HEAD"):
        for header, value in CORS.items():
            response.headers.setdefault(header, value)
    return response


def _document_problem(app: FastAPI) -> None:
    """Errors are problem details, not FastAPI's own shape: say so in the description of every route."""
    make = app.openapi

    def openapi() -> dict[str, object]:
        document = make()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        if "Problem" not in schemas:
            schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= schema.pop("$defs", {})
            schemas["Problem"] = schema
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for path, operations in document["paths"].items():
                if path.startswith("/ogc/"):  # where a wrong parameter is 400
                    for operation in operations.values():
                        operation["responses"].pop("422", None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
