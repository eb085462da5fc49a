"""The pages: the first one, and the map that other pages embed. Everything on them comes from this server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.deps import ServiceDep
from api.errors import problem_responses
from api.identity import IDENTITY, Identity
from api.secure_headers import page_policy
from gridmap.errors import Unavailable

router = APIRouter(tags=["pages"], responses=problem_responses(503))

# What ``make`` builds from the sources in ``web/``, and a wheel carries.
BUILT = Path(__file__).parents[1] / "web" / "dist"

_PAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {}}}}


@router.get("/", response_class=HTMLResponse, responses=_PAGE)
async def index() -> HTMLResponse:
    """The first page."""
    return _page("index.html", "same-origin", page_policy())


@router.get("/embed", response_class=HTMLResponse, responses=_PAGE)
async def embed(request: Request, service: ServiceDep) -> HTMLResponse:
    """A map for an iframe of any page: `area`, `layer`, `style`, `language`, `theme`, `revision`, `at`, `key`.

    The parameters are read by the page itself; the README says what each may be. With a key only pages of its
    origins may frame it.
    """
    snapshot = service.state.snapshot
    base = None if snapshot is None else snapshot.city.base_map
    given: Identity | None = request.scope.get(IDENTITY)
    around = "*" if given is None or given.key is None else " ".join(("'self'", *given.key.origins))
    policy = page_policy(connect="" if base is None else base.origin, ancestors=around)
    return _page("embed.html", "no-referrer", policy)


def _page(name: str, referrer: str, policy: str) -> HTMLResponse:
    path = BUILT / name
    if not path.is_file():
        raise Unavailable("the pages are not built; run make setup")
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": referrer, "Cache-Control": "no-cache"}
    return HTMLResponse(path.read_bytes(), headers=headers)
