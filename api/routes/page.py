"""The first page: a map to click on, and the answer. Everything on it comes from this server."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

router = APIRouter(tags=["pages"])

WEB = Path(__file__).parents[1] / "web"

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'self'",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


@router.get("/", response_class=FileResponse, responses={200: {"content": {"text/html": {}}}})
async def index() -> FileResponse:
    """The first page."""
    return FileResponse(WEB / "index.html", headers=_HEADERS)
