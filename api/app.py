"""Makes the application: routes, errors, metrics and the life of the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api import errors as error_table
from api.built import BuiltFiles
from api.deps import Service
from api.errors import Problem, problem_responses
from api.events import Events, told_of_signals
from api.guard import Guard
from api.key_in_address import KeyInAddress
from api.measured import Measured
from api.routes import (
    areas,
    audit,
    cells,
    count_tiles,
    coverage,
    downloads,
    drafts,
    drafts_impact,
    drafts_proposals,
    drafts_publish,
    drafts_review,
    duty,
    elements,
    explanations,
    health,
    heatmap,
    incidents,
    keys,
    loads,
    login,
    me,
    needs,
    notices,
    ogc,
    ogc_items,
    on_the_map,
    page,
    papers,
    placing,
    principles,
    profile,
    releases,
    revisions,
    roles,
    rosters,
    staffing,
    styles,
    tiles,
)
from api.routes import events as event_routes
from api.tiles import KeptTiles
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
        service.trail.start()
        scheduled = Scheduled(service.database, service.bench, lambda: service.state.snapshot)
        scheduled.start()
        service.uses.start(service.database, service.idle)
        watching = asyncio.create_task(events.watch())
        with told_of_signals(events.close):
            yield
        events.close()
        await watching
        scheduled.stop()
        service.uses.stop()
        service.current.stop()
        service.trail.stop()
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
    )
    app.state.service = service
    app.state.events = events
    app.state.tiles = tile_server
    error_table.register(app)
    for module in (  # what is asked most first: routes are tried in this order
        health,
        coverage,
        heatmap,
        explanations,
        placing,
        areas,
        cells,
        revisions,
        notices,
        principles,
        rosters,
        staffing,
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
        drafts_proposals,
        drafts_publish,
        loads,
        needs,
        keys,
        me,
        roles,
        login,
        audit,
        profile,
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
    app.add_middleware(Measured)
    # Added last, so that they stand before all others.
    app.add_middleware(KeptTiles, service=service, tiles=tile_server)
    app.add_middleware(KeyInAddress, service=service)
    _guard(app, service)
    _document_problem(app)
    return app


def _guard(app: FastAPI, service: Service) -> None:
    """Put the guard before everything, also before what answers for a defect: middleware would stand behind it."""
    make = app.build_middleware_stack
    app.build_middleware_stack = lambda: Guard(make(), service)  # type: ignore[method-assign]


def _of_any_route(operation: dict[str, object]) -> tuple[int, ...]:
    """The statuses that the guard answers with, whatever the route."""
    return (408, 413, 414, 429, 431) if "requestBody" in operation else (414, 429, 431)


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
                for operation in operations.values():
                    if path.startswith("/ogc/"):  # where a wrong parameter is 400
                        operation["responses"].pop("422", None)
                    operation["responses"] |= problem_responses(*_of_any_route(operation))
        return document

    app.openapi = openapi  # type: ignore[method-assign]
