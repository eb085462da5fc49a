"""The address under which clients reach the service, by which styles name their tiles."""

from __future__ import annotations

from fastapi import Request

from gridmap.settings import Settings


def base_address(request: Request, settings: Settings) -> str:
    """``GRIDMAP_PUBLIC_URL``, else scheme and host of the request; without a slash at its end."""
    if settings.public_url:
        return settings.public_url
    return f"{request.url.scheme}://{request.url.netloc}"
