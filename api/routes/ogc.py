"""OGC API: the landing page, what is conformed to, and the collections; answered from memory."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from api.deps import ActorDep, ServiceDep
from api.ogc import documents, openapi, tilesets
from api.ogc.access import collection_for, visible_collections
from api.ogc.links import Place
from api.ogc.pages import document_page
from api.ogc.routing import (
    HTML,
    JSON,
    OPENAPI_JSON,
    PROBLEMS,
    SCHEMA_JSON,
    FormQuery,
    OgcRoute,
    answer,
    documented,
    refuse_unknown,
    wants_html,
)
from gridmap.model import City

router = APIRouter(
    prefix="/ogc",
    tags=["ogc"],
    route_class=OgcRoute,
    responses=PROBLEMS,
    dependencies=[Depends(refuse_unknown)],
)

CollectionPath = Annotated[str, Path(max_length=80, description="cells, a level of area, overlays …")]


@router.get("", include_in_schema=False)
@router.get("/", responses=documented(JSON), response_class=Response)
async def get_landing(request: Request, service: ServiceDep, f: FormQuery = None) -> Response:
    """The landing page."""
    snapshot, place = service.state.ready, Place(request, service)
    document = documents.landing(place, snapshot, tilesets.are_served(request.app))
    return _answer(request, f, snapshot.city, "OGC API", document)


@router.get("/conformance", responses=documented(JSON), response_class=Response)
async def get_conformance(request: Request, service: ServiceDep, f: FormQuery = None) -> Response:
    """The conformance classes that tests show."""
    document = documents.conformance(tilesets.are_served(request.app))
    return _answer(request, f, service.state.ready.city, "Conformance", document)


@router.get("/api", responses=documented(OPENAPI_JSON), response_class=Response)
async def get_description(request: Request, service: ServiceDep, actor: ActorDep, f: FormQuery = None) -> Response:
    """The description of the OGC routes in OpenAPI 3.0."""
    city = service.state.ready.city
    document = openapi.description(Place(request, service).ogc, city, visible_collections(city, actor))
    return _answer(request, f, city, "API", document, OPENAPI_JSON)


@router.get("/collections", responses=documented(JSON), response_class=Response)
async def get_collections(request: Request, service: ServiceDep, actor: ActorDep, f: FormQuery = None) -> Response:
    """The collections that the actor may see: elements and incidents are for staff."""
    snapshot, place = service.state.ready, Place(request, service)
    found = visible_collections(snapshot.city, actor)
    document = documents.collections(place, snapshot, found, tilesets.are_served(request.app))
    return _answer(request, f, snapshot.city, "Collections", document)


@router.get("/collections/{collection_id}", responses=documented(JSON), response_class=Response)
async def get_collection(
    request: Request, service: ServiceDep, actor: ActorDep, collection_id: CollectionPath, f: FormQuery = None
) -> Response:
    """One collection."""
    snapshot, place = service.state.ready, Place(request, service)
    found = collection_for(snapshot.city, actor, collection_id)
    own = place.self_links(False)
    document = documents.collection(place, snapshot, found, tilesets.are_served(request.app), own)
    return _answer(request, f, snapshot.city, found.title, document)


@router.get("/collections/{collection_id}/queryables", responses=documented(SCHEMA_JSON), response_class=Response)
async def get_queryables(
    request: Request, service: ServiceDep, actor: ActorDep, collection_id: CollectionPath, f: FormQuery = None
) -> Response:
    """The properties that filters may name, as a JSON schema."""
    city = service.state.ready.city
    found = collection_for(city, actor, collection_id)
    document = documents.queryables(Place(request, service), found)
    return _answer(request, f, city, f"Queryables of {found.title}", document, SCHEMA_JSON)


@router.get("/tileMatrixSets", responses=documented(JSON), response_class=Response)
async def get_matrix_sets(request: Request, service: ServiceDep, f: FormQuery = None) -> Response:
    """The tile matrix sets: WebMercatorQuad."""
    document = tilesets.matrix_sets(Place(request, service))
    return _answer(request, f, service.state.ready.city, "Tile matrix sets", document)


@router.get("/tileMatrixSets/{matrix_set}", responses=documented(JSON), response_class=Response)
async def get_matrix_set(
    request: Request,
    service: ServiceDep,
    matrix_set: Annotated[str, Path(max_length=64)],
    f: FormQuery = None,
) -> Response:
    """One tile matrix set."""
    return _answer(request, f, service.state.ready.city, matrix_set, tilesets.matrix_set(matrix_set))


@router.get("/collections/{collection_id}/tiles", responses=documented(JSON), response_class=Response)
async def get_tilesets(
    request: Request, service: ServiceDep, actor: ActorDep, collection_id: CollectionPath, f: FormQuery = None
) -> Response:
    """The tilesets of a collection."""
    snapshot = service.state.ready
    found = collection_for(snapshot.city, actor, collection_id)
    tilesets.require_tiles(request.app, found)
    document = tilesets.tilesets(Place(request, service), found, snapshot.grid.revision.number)
    return _answer(request, f, snapshot.city, f"Tiles of {found.title}", document)


@router.get("/collections/{collection_id}/tiles/{matrix_set}", responses=documented(JSON), response_class=Response)
async def get_tileset(
    request: Request,
    service: ServiceDep,
    actor: ActorDep,
    collection_id: CollectionPath,
    matrix_set: Annotated[str, Path(max_length=64)],
    f: FormQuery = None,
) -> Response:
    """One tileset: where its tiles and their TileJSON are."""
    snapshot = service.state.ready
    found = collection_for(snapshot.city, actor, collection_id)
    tilesets.require_tiles(request.app, found)
    tilesets.matrix_set(matrix_set)
    document = tilesets.tileset(Place(request, service), found, snapshot.grid.revision.number)
    return _answer(request, f, snapshot.city, f"Tiles of {found.title}", document)


def _answer(
    request: Request, form: str | None, city: City, title: str, document: dict[str, object], media_type: str = JSON
) -> Response:
    if wants_html(request, form):
        return answer(document_page(city, title, document), f"{HTML}; charset=utf-8")
    return answer(document, media_type)
