"""One table from error class to HTTP status; every error leaves as ``application/problem+json``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from gridmap import errors

logger = logging.getLogger(__name__)

# The nearest class of an error's family decides.
STATUS: dict[type[errors.GridMapError], int] = {
    errors.InvalidInput: 422,
    errors.NotFound: 404,
    errors.NotMeasured: 404,
    errors.LoadRefused: 422,
    errors.RuleBroken: 409,
    errors.NotIdentified: 401,
    errors.NotAllowed: 403,
    errors.Unavailable: 503,
}

TITLES = {
    400: "Bad request",
    401: "Not identified",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "A rule is broken",
    413: "Too large",
    414: "Address too long",
    415: "Not a format that is read",
    422: "Invalid input",
    429: "Too many requests",
    431: "Headers too large",
    500: "Internal error",
    503: "Not available now",
}

_SHOWN = 120


class Fault(BaseModel):
    """One wrong value: where it stands, what it was, and the rule."""

    where: str
    value: str
    rule: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    faults: list[Fault] = []


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of these error statuses, for a route's ``responses``."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": TITLES[status], "content": {"application/problem+json": {"schema": schema}}}
        for status in statuses
    }


def problem(
    status: int, detail: str, faults: list[Fault] | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """A problem as a response, with ``headers`` besides."""
    body = Problem(title=TITLES.get(status, "Error"), status=status, detail=detail, faults=faults or [])
    said = {"Cache-Control": "no-store"}
    if status == 401:
        said["WWW-Authenticate"] = "Bearer"
    if status == 503:
        said["Retry-After"] = "1"
    said |= headers or {}
    return JSONResponse(body.model_dump(), status, said, media_type="application/problem+json")


def register(app: FastAPI) -> None:
    """Put the table into an application."""
    for error_class, status in STATUS.items():
        app.add_exception_handler(error_class, _domain_handler(status))
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _defect)


def invalid_input(error: errors.InvalidInput, status: int = 422) -> JSONResponse:
    """A value of the wrong shape as a problem."""
    return problem(status, str(error), [Fault(where=error.field, value=error.shown, rule=error.rule)])


def _domain_handler(status: int) -> Callable[[Request, Exception], JSONResponse]:
    def handle(request: Request, error: Exception) -> JSONResponse:
        if isinstance(error, errors.InvalidInput):
            return invalid_input(error)
        conflicts = error.conflicts if isinstance(error, errors.Stale) else ()
        faults = [
            Fault(where=code, value=f"{lon:.7f} {lat:.7f}", rule=f"changed by both {whose}")
            for code, (lon, lat), whose in conflicts
        ]
        return problem(status, str(error), faults)

    return handle


def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return invalid_request(error)


def invalid_request(error: RequestValidationError, status: int = 422) -> JSONResponse:
    """Parameters or a body of the wrong shape as a problem."""
    faults = [
        Fault(
            where=".".join(str(part) for part in one["loc"][1:]) or str(one["loc"][0]),
            value=_shown(one.get("input")),
            rule=one["msg"],
        )
        for one in error.errors()
    ]
    detail = "; ".join(f"{fault.where}: {fault.rule}, got {fault.value}" for fault in faults[:5])
    return problem(status, detail, faults)


def _shown(value: object) -> str:
    text = repr(value).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, str(error.detail), headers=error.headers)


def _defect(request: Request, error: Exception) -> JSONResponse:
    logger.error("a defect in %s", request.scope.get("path"), exc_info=error)
    return problem(500, "something went wrong inside GridMap; the log has the details")
