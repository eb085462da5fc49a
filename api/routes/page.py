"""The pages: the way in, the desks, and the map that other pages embed. All on them comes from this server."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from api.built import BUILT
from api.deps import Service, ServiceDep
from api.errors import problem_responses
from api.identity import IDENTITY, Identity
from api.secure_headers import page_policy, script_policy
from gridmap.errors import Unavailable

router = APIRouter(tags=["pages"], responses=problem_responses(503))

_PAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {}}}}


@router.get("/", response_class=HTMLResponse, responses=_PAGE)
async def index() -> HTMLResponse:
    """The way in: what the city is, and its desks."""
    return _page("index.html", "same-origin", page_policy())


@router.get("/dispatcher", response_class=HTMLResponse, responses=_PAGE)
async def dispatcher(service: ServiceDep) -> HTMLResponse:
    """The dispatcher's desk: who covers a place, and whom to call next.

    Place, time and category stand behind the # of its address, so that no server and no proxy logs them.
    """
    return _page("dispatcher.html", "same-origin", page_policy(connect=_base_map_origin(service)))


@router.get("/dashboard", response_class=HTMLResponse, responses=_PAGE)
async def dashboard(service: ServiceDep) -> HTMLResponse:
    """The cockpit of any area, from the city down to one cell: its numbers, its map, and the way to its parts.

    What is shown stands behind the # of its address: area, what is counted, filters, layer.
    """
    return _page("dashboard.html", "same-origin", page_policy(connect=_base_map_origin(service)))


@router.get("/planner", response_class=HTMLResponse, responses=_PAGE)
async def planner(service: ServiceDep) -> HTMLResponse:
    """The planner's desk: drafts of new boundaries, what they would do, and the grid's history.

    Draft, revisions and place stand behind the # of its address.
    """
    return _page("planner.html", "same-origin", page_policy(connect=_base_map_origin(service)))


@router.get("/admin", response_class=HTMLResponse, responses=_PAGE)
async def admin() -> HTMLResponse:
    """The admin's desk: keys, roles, loads and their rejected rows, rosters, the trace; each as far as a role may.

    Tab, filters and what is opened stand behind the # of its address.
    """
    return _page("admin.html", "same-origin", page_policy())


@router.get("/offline.js", include_in_schema=False)
async def offline() -> Response:
    """What lets the desks be opened again while the server is gone: a service worker, for this path and below."""
    if not (BUILT / "offline.js").is_file():
        raise Unavailable("the pages are not built; run make setup")
    headers = {"Content-Security-Policy": script_policy(), "Cache-Control": "no-cache"}
    return Response((BUILT / "offline.js").read_bytes(), media_type="text/javascript", headers=headers)


@router.get("/embed", response_class=HTMLResponse, responses=_PAGE)
async def embed(request: Request, service: ServiceDep) -> HTMLResponse:
    """A map for an iframe of any page: `area`, `layer`, `style`, `language`, `theme`, `revision`, `at`, `key`.

    The parameters are read by the page itself; the README says what each may be. With a key only pages of its
    origins may frame it.
    """
    given: Identity | None = request.scope.get(IDENTITY)
    around = "*" if given is None or given.key is None else " ".join(("'self'", *given.key.origins))
    policy = page_policy(connect=_base_map_origin(service), ancestors=around)
    return _page("embed.html", "no-referrer", policy)


def _base_map_origin(service: Service) -> str:
    """The one other host that a map may load from; empty without a base map."""
    snapshot = service.state.snapshot
    base = None if snapshot is None else snapshot.city.base_map
    return "" if base is None else base.origin


def _page(name: str, referrer: str, policy: str) -> HTMLResponse:
    path = BUILT / name
    if not path.is_file():
        raise Unavailable("the pages are not built; run make setup")
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": referrer, "Cache-Control": "no-cache"}
    return HTMLResponse(path.read_bytes(), headers=headers)
