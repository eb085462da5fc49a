"""Every route, attacked with data made from its own description by whoever has a key, in each role.

A file of its own, so that two workers share the attack; what it knows stands in ``test_schemathesis.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from api.ogc.tilesets import are_served
from gridmap.access import OPERATOR
from gridmap.actions.keys import create_key
from gridmap.model import PUBLIC, ROLES
from tests.api.test_schemathesis import (
    PLANNER,
    TILESETS,
    Headers,
    attack,
    attack_until_answered,
    attacked,  # noqa: F401 - a fixture
    every_route,
)


@pytest.fixture(scope="module")
def keys(attacked: TestClient, key_for: Callable[..., Headers]) -> dict[str, Headers]:  # noqa: F811
    """A key of each role for the whole city; the planner's is of who draws the drafts that are asked for."""
    database = attacked.app.state.service.database  # type: ignore[attr-defined]
    planner = create_key(database, OPERATOR, PLANNER, "who draws")
    roles = [role for role in ROLES if role not in (PUBLIC.role, PLANNER.role)]
    made = {role: key_for(attacked, role, "120000") for role in roles}
    return {**made, PLANNER.role: {"Authorization": f"Bearer {planner}"}}


# Who may, where nothing else says so.
_ROLES = {
    "/v1/audit": "auditor",
    "/v1/coverage/{answer_id}": "dispatcher",
    "/v1/keys": "system_admin",
    "/v1/keys/{key_id}/revoke": "system_admin",
}


def _role_for(method: str, path: str) -> str:
    """A role that may do what a route does."""
    if re.search(r"/(approve|return)$", path):
        return "approver"
    if path in _ROLES:
        return _ROLES[path]
    publishes = re.search(r"/(publish|schedule|recall|restore|principles)$", path)
    notice = path.endswith(("/notice", "/waivers"))
    if path == "/v1/break-glass":
        return "auditor" if method == "get" else "dispatcher"
    if publishes or notice or path.startswith(("/v1/posts", "/v1/shifts", "/v1/shift-exceptions")):
        return "publisher"
    return PLANNER.role if path.startswith("/v1/drafts") else "caseworker"


@every_route
def test_whoever_may_is_answered_as_described(
    attacked: TestClient,  # noqa: F811
    keys: dict[str, Headers],
    method: str,
    path: str,
) -> None:
    statuses = attack_until_answered(attacked, method, path, keys[_role_for(method, path)])
    if path not in TILESETS or are_served(attacked.app):
        assert min(statuses) < 300, "no request was good enough to show what a right answer looks like"


@pytest.mark.soak
@every_route
def test_whoever_may_is_answered_as_described_at_length(
    attacked: TestClient,  # noqa: F811
    keys: dict[str, Headers],
    method: str,
    path: str,
) -> None:
    statuses = attack(attacked, method, path, keys[_role_for(method, path)], examples=300)
    assert min(statuses) < 300 or (path in TILESETS and not are_served(attacked.app))


@pytest.mark.soak
@pytest.mark.parametrize("role", [role for role in ROLES if role != PUBLIC.role])
@every_route
def test_a_role_is_answered_as_described_at_length(
    attacked: TestClient,  # noqa: F811
    keys: dict[str, Headers],
    role: str,
    method: str,
    path: str,
) -> None:
    assert max(attack(attacked, method, path, [keys[role]], examples=50)) < 500
