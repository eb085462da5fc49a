"""The first page: what this service is, what is real in it, and where to go from here."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

router = APIRouter(tags=["pages"])


@router.get("/", response_class=HTMLResponse)
async def index() -> str:
    """The first page."""
    return "GridMap"
