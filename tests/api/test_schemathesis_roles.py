"""Every route, attacked with data made from its own description by whoever has a key, in each role.

A file of its own, so that two workers share the attack; what it knows stands in ``test_schemathesis.py``.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from api.ogc.tilesets import are_served
from gridmap.model import PUBLIC, ROLES
from tests.api.test_schemathesis import (
    RELEASED,
    STAFF_ONLY,
    TILESETS,
    Headers,
    attack,
    attacked,  # noqa: F401 - a fixture
    every_route,
)

# The requests of this role are attacked at more length.
_ADMIN = "system_admin"


@pytest.fixture(scope="module")
def keys(attacked: TestClient, key_for: Callable[..., Headers]) -> dict[str, Headers]:  # noqa: F811
    """A key of each role: whoever may see cases sees the district's, the others the whole city."""
    roles = [role for role in ROLES if role != PUBLIC.role]
    return {role: key_for(attacked, role, "*" if role == _ADMIN else "120000") for role in roles}


def _for_staff(path: str) -> bool:
    """Whether who runs the system is none of those that a read is for."""
    return path in STAFF_ONLY | RELEASED and not path.startswith("/v1/drafts")


def _headers(keys: dict[str, Headers], path: str) -> Headers:
    return keys["caseworker" if _for_staff(path) else _ADMIN]


@every_route
def test_an_administrator_is_answered_as_described(
    attacked: TestClient,  # noqa: F811
    keys: dict[str, Headers],
    method: str,
    path: str,
) -> None:
    statuses = attack(attacked, method, path, _headers(keys, path), examples=12)
    if path not in TILESETS or are_served(attacked.app):
        assert min(statuses) < 300, "no request was good enough to show what a right answer looks like"


@every_route
def test_every_role_is_answered_as_described(
    attacked: TestClient,  # noqa: F811
    keys: dict[str, Headers],
    method: str,
    path: str,
) -> None:
    others = [headers for role, headers in keys.items() if role != _ADMIN]
    statuses = attack(attacked, method, path, others, examples=len(others))
    assert max(statuses) < 500


@pytest.mark.soak
@every_route
def test_an_administrator_is_answered_as_described_at_length(
    attacked: TestClient,  # noqa: F811
    keys: dict[str, Headers],
    method: str,
    path: str,
) -> None:
    statuses = attack(attacked, method, path, _headers(keys, path), examples=300)
    assert min(statuses) < 300 or (path in TILESETS and not are_served(attacked.app))


@pytest.mark.soak
@pytest.mark.parametrize("role", [role for role in ROLES if role not in (PUBLIC.role, _ADMIN)])
@every_route
def test_a_role_is_answered_as_described_at_length(
    attacked: TestClient,  # noqa: F811
    keys: dict[str, Headers],
    role: str,
    method: str,
    path: str,
) -> None:
    assert max(attack(attacked, method, path, [keys[role]], examples=50)) < 500
