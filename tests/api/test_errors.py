"""The table from error class to status, and what a problem says."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fastapi import FastAPI, Query
from fastapi.testclient import TestClient

from api.errors import STATUS, TITLES, problem_responses, register
from gridmap import errors

# Raised by commands only; over HTTP they would be a defect.
COMMANDS_ONLY = {errors.GridMapError, errors.ClusterError}
FAMILIES = {
    errors.InvalidInput("lon", 412.0, "must lie between -180 and 180"): 422,
    errors.NotFound("no cell"): 404,
    errors.NotMeasured("no households"): 404,
    errors.LoadRefused("the points look like gcj02"): 422,
    errors.RuleBroken("taken"): 409,
    errors.Stale("made from revision 3"): 409,
    errors.NotIdentified("no key"): 401,
    errors.NotAllowed("not yours"): 403,
    errors.Unavailable("busy"): 503,
    errors.DatabaseGone("PostGIS does not answer"): 503,
}


@pytest.fixture(scope="module")
def broken() -> Iterator[TestClient]:
    """An application whose routes raise each error in turn."""
    app = FastAPI()
    register(app)
    raised = {type(error).__name__: error for error in FAMILIES}

    @app.get("/raise/{name}")
    def raise_it(name: str) -> None:
        raise raised[name]

    @app.get("/number")
    def number(value: int = Query(le=9)) -> int:
        return value

    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_every_error_has_a_status() -> None:
    tree = {getattr(errors, name) for name in errors.__all__}
    mapped = {one for one in tree if any(parent in STATUS for parent in one.__mro__)}
    assert tree - mapped == COMMANDS_ONLY
    assert {type(error) for error in FAMILIES} == mapped
    assert set(STATUS.values()) <= TITLES.keys()


@pytest.mark.parametrize(("error", "status"), FAMILIES.items(), ids=lambda value: type(value).__name__)
def test_the_nearest_class_of_the_family_decides(
    broken: TestClient, error: errors.GridMapError, status: int
) -> None:
    response = broken.get(f"/raise/{type(error).__name__}")
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    problem = response.json()
    assert problem["status"] == status
    assert problem["title"] == TITLES[status]
    assert problem["detail"] == str(error)
    assert ("www-authenticate" in response.headers) is (status == 401)
    assert ("retry-after" in response.headers) is (status == 503)


def test_invalid_input_names_field_value_and_rule(broken: TestClient) -> None:
    (fault,) = broken.get("/raise/InvalidInput").json()["faults"]
    assert fault == {"where": "lon", "value": "412.0", "rule": "must lie between -180 and 180"}


@pytest.mark.parametrize(("sent", "shown"), [("10", "'10'"), ("x" * 500, None), ("%00", r"'\x00'"), ("", "''")])
def test_a_refused_parameter_is_named_with_its_value(broken: TestClient, sent: str, shown: str | None) -> None:
    response = broken.get(f"/number?value={sent}")
    assert response.status_code == 422
    (fault,) = response.json()["faults"]
    assert fault["where"] == "value"
    assert fault["rule"] in response.json()["detail"]
    assert shown is None or fault["value"] == shown
    assert len(fault["value"]) <= 123


def test_a_missing_parameter_is_named(broken: TestClient) -> None:
    assert broken.get("/number").json()["faults"][0]["where"] == "value"


def test_a_defect_leaves_without_its_text(broken: TestClient) -> None:
    response = broken.get("/raise/nothing-of-this-name")
    assert response.status_code == 500
    assert "nothing-of-this-name" not in json.dumps(response.json())


def test_documented_problems_have_titles() -> None:
    described = problem_responses(404, 422)
    assert [described[404]["description"], described[422]["description"]] == ["Not found", "Invalid input"]
    with pytest.raises(KeyError):
        problem_responses(418)
