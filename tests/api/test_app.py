"""The application as a whole: what it describes, where it lives, and what every answer carries."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gridmap.store.database import Database

# The routes of DESIGN's contract that this version has.
ROUTES = {
    "/": {"get"},
    "/dispatcher": {"get"},
    "/dashboard": {"get"},
    "/planner": {"get"},
    "/admin": {"get"},
    "/healthz": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
    "/embed": {"get"},
    "/styles/{name}.json": {"get"},
    "/v1/events": {"get"},
    "/v1/keys": {"get", "post"},
    "/v1/keys/{key_id}/revoke": {"post"},
    "/v1/me": {"get"},
    "/v1/roles": {"get"},
    "/v1/city": {"get"},
    "/v1/categories": {"get"},
    "/v1/coverage": {"get", "post"},
    "/v1/areas": {"get"},
    "/v1/areas/{code}": {"get"},
    "/v1/areas/{code}/roster": {"get"},
    "/v1/staffing/{code}": {"get"},
    "/v1/cells": {"get"},
    "/v1/cells/{code}": {"get"},
    "/v1/cells/{code}/roster": {"get"},
    "/v1/elements": {"get", "post"},
    "/v1/incidents": {"get", "post"},
    "/v1/loads": {"get"},
    "/v1/loads/{load_id}": {"get"},
    "/v1/loads/{load_id}/rejected": {"get"},
    "/v1/on-the-map": {"get"},
    "/v1/overlays": {"get"},
    "/v1/posts": {"get", "post"},
    "/v1/shifts": {"get", "post"},
    "/v1/shifts/{shift_id}": {"delete"},
    "/v1/shift-exceptions": {"get", "post"},
    "/v1/shift-exceptions/{exception_id}": {"delete"},
    "/ogc/": {"get"},
    "/ogc/conformance": {"get"},
    "/ogc/collections": {"get"},
    "/v1/revisions": {"get"},
    "/v1/revisions/current": {"get"},
    "/v1/revisions/{revision}": {"get"},
    "/v1/revisions/{revision}/restore": {"post"},
    "/v1/revisions/{revision}/diff/{other}": {"get"},
    "/v1/revisions/{revision}/lineage": {"get"},
    "/v1/notices": {"get"},
    "/v1/incidents/{incident}/handover": {"post"},
    "/tiles/{layer}.json": {"get"},
    "/tiles/{revision}/{layer}.json": {"get"},
    "/tiles/{layer}/{z}/{x}/{y}.mvt": {"get"},
    "/tiles/{revision}/{layer}/{z}/{x}/{y}.mvt": {"get"},
}
# What stands in their paths.
NAMED = {
    "code": "120101",
    "shift_id": 1,
    "exception_id": 1,
    "revision": 1,
    "load_id": 1,
    "layer": "cells",
    "z": 14,
    "x": 1,
    "y": 1,
}
NAMED |= {"name": "light", "other": 1, "incident": 1, "key_id": "desk-1"}


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    described: dict[str, Any] = client.get("/openapi.json").json()
    return described


def test_the_contracts_routes_are_there(document: dict[str, Any]) -> None:
    described = {path: set(methods) for path, methods in document["paths"].items()}
    assert ROUTES.items() <= described.items()


def test_every_error_is_described_as_a_problem(document: dict[str, Any]) -> None:
    errors = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["description"], f"{method} {path} says what it does"
            for status, response in operation["responses"].items():
                if status >= "400" and (path, status) != ("/readyz", "503"):
                    content = response["content"]
                    assert list(content) == ["application/problem+json"], (method, path, status)
                    assert content["application/problem+json"]["schema"] == {
                        "$ref": "#/components/schemas/Problem"
                    }
                    errors += 1
    assert errors > 50
    assert {"Problem", "Fault"} <= document["components"]["schemas"].keys()
    assert "HTTPValidationError" not in json.dumps(document)


def test_the_description_says_what_is_real(document: dict[str, Any], client: TestClient) -> None:
    assert "`notice`" in document["info"]["description"]
    assert document["info"]["license"]["identifier"] == "Apache-2.0"
    city = client.get("/v1/city").json()
    assert "虚构" in city["notice"]["zh"]
    assert "Made up" in city["notice"]["en"]


@pytest.mark.parametrize(
    "path", ["/docs", "/redoc", "/nowhere", "/v1", "/v1/cells/1/2/3", "/%00", "/v1/%ED%A0%80"]
)
def test_unknown_paths_are_problems(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == 404


@pytest.mark.parametrize("path", sorted(ROUTES))
def test_other_methods_are_refused_with_those_that_are_allowed(client: TestClient, path: str) -> None:
    for method in {"get", "post", "delete", "put", "patch"} - ROUTES[path]:
        response = client.request(method.upper(), path.format(**NAMED))
        assert response.status_code == 405, (method, path)
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["allow"]


def test_answers_tell_browsers_not_to_guess(client: TestClient) -> None:
    for path in ("/healthz", "/", "/v1/city", "/nowhere", "/v1/coverage"):
        assert client.get(path).headers["x-content-type-options"] == "nosniff"


def test_a_defect_is_a_problem_without_its_details(client: TestClient) -> None:
    route = "/a-route-with-a-defect"

    async def broken() -> None:
        raise ZeroDivisionError("at 117.2 39.1")

    app: Any = client.app
    app.add_api_route(route, broken, include_in_schema=False)
    try:
        response = TestClient(app, raise_server_exceptions=False).get(route)
    finally:
        app.router.routes.pop()
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "117.2" not in response.text
    assert "ZeroDivision" not in response.text


@pytest.mark.parametrize("public_url", ["https://city.example/gridmap", "https://city.example/a/b"])
def test_links_keep_the_path_under_which_a_proxy_serves(
    serve: Callable[..., Any], heping_served: Database, public_url: str
) -> None:
    path = public_url.removeprefix("https://city.example")
    with serve(Database(heping_served.url), public_url=public_url) as proxied:
        # With the prefix and, where the proxy takes it off, without.
        for prefix in (path, ""):
            page = proxied.get(f"{prefix}/v1/areas", params={"level": "street", "limit": 2})
            assert page.status_code == 200, page.text
            following = page.json()["next"]
            assert following.startswith(f"{path}/v1/areas?"), following
        rest = proxied.get(following).json()
        assert len(rest["areas"]) == 2
        assert proxied.get("/openapi.json").json()["servers"] == [{"url": path}]


def test_no_two_schemas_have_one_name(document: dict[str, Any]) -> None:
    """FastAPI would name both after their modules, and whoever generates a client would see that."""
    assert [name for name in document["components"]["schemas"] if "__" in name] == []
