"""The routes' own ways: wrong parameters are 400 here, as OGC API asks, and answers are JSON or HTML."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from api.errors import invalid_input, invalid_request, problem_responses
from api.ogc.pages import POLICY
from gridmap.errors import InvalidInput

JSON, GEOJSON, HTML = "application/json", "application/geo+json", "text/html"
SCHEMA_JSON = "application/schema+json"
OPENAPI_JSON = "application/vnd.oai.openapi+json;version=3.0"

FormQuery = Annotated[Literal["json", "html"] | None, Query(description="json or html; else Accept decides")]

PROBLEMS = problem_responses(400, 401, 403, 404, 503)


class OgcRoute(APIRoute):
    """A route whose wrong parameters are answered with 400, and on which unknown parameters are wrong."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with its errors turned."""
        handle = super().get_route_handler()

        async def handle_as_ogc(request: Request) -> Response:
            try:
                return await handle(request)
            except InvalidInput as error:
                return invalid_input(error, 400)
            except RequestValidationError as error:
                return invalid_request(error, 400)

        return handle_as_ogc


def known_parameters(request: Request) -> set[str]:
    """The query parameters that a request's route declares."""
    route = request.scope["route"]
    return {field.alias for field in route.dependant.query_params}


def refuse_unknown(request: Request) -> None:
    """InvalidInput for a query parameter that the route does not declare."""
    known = known_parameters(request)
    for name in request.query_params:
        if name not in known:
            raise InvalidInput(
                name, request.query_params[name], f"is no parameter here; there are {listed(known)}"
            )


def listed(names: set[str]) -> str:
    """Names in order."""
    return ", ".join(sorted(names))


def wants_html(request: Request, form: str | None) -> bool:
    """Whether ``f`` or else ``Accept`` asks for a page; what a client likes as much as JSON is JSON."""
    if form is not None:
        return form == "html"
    likes = {HTML: 0.0, "json": 0.0}
    for part in request.headers.get("accept", "").split(","):
        name, _, parameters = part.strip().partition(";")
        kind = "json" if "json" in name or name == "*/*" else name
        likes[kind] = max(likes.get(kind, 0.0), _quality(parameters))
    return likes[HTML] > likes["json"]


def _quality(parameters: str) -> float:
    for each in parameters.split(";"):
        name, _, value = each.strip().partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def answer(content: dict[str, Any] | bytes, media_type: str = JSON, **headers: str) -> Response:
    """A document as a response; what it says may differ by what the client accepts and may see."""
    body = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    head = {"Vary": "Accept, Authorization", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if media_type.startswith(HTML):
        head["Content-Security-Policy"] = POLICY
    return Response(body, headers=head, media_type=media_type)


def documented(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """The documentation of a route that answers with an object in these types, or with a page."""
    content: dict[str, Any] = {name: {"schema": {"type": "object"}} for name in media_types}
    content[HTML] = {"schema": {"type": "string"}}
    return {200: {"description": "A document, or a page.", "content": content}}
