"""Whether the service is alive, able to answer, and how it does."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from api.deps import Service, service_of
from api.schemas.health import Health, Ready
from api.shape import degraded

router = APIRouter(tags=["health"])

_revision = Gauge("gridmap_revision", "The revision that this worker answers from; 0 without one.")
_degraded = Gauge("gridmap_degraded", "1 while the database is gone and the snapshot answers.")


@router.get("/healthz", response_model=Health)
async def healthz() -> Health:
    """Alive."""
    return Health()


@router.get("/readyz", response_model=Ready, responses={503: {"model": Ready}})
async def readyz(service: Annotated[Service, Depends(service_of)], response: Response) -> Ready:
    """Able to answer who covers a place; 200 also while the database is gone and a snapshot answers."""
    state = service.state
    snapshot = state.snapshot
    response.headers["Cache-Control"] = "no-store"
    if snapshot is None:
        response.status_code = 503
        return Ready(status="not ready", revision=None, data_as_of=None, degraded=None)
    return Ready(
        status="ready",
        revision=snapshot.grid.revision.number,
        data_as_of=snapshot.taken_at,
        degraded=degraded(state),
    )


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(service: Annotated[Service, Depends(service_of)]) -> Response:
    """Prometheus metrics."""
    state = service.state
    _revision.set(0 if state.snapshot is None else state.snapshot.grid.revision.number)
    _degraded.set(0 if state.gone_since is None else 1)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
