"""Roles: who may do what, and whose territory it is."""

from __future__ import annotations

import pytest

from gridmap.access import ALLOWED, EVERYWHERE, OPERATOR, Action, covers, is_staff, may, require, scope_of
from gridmap.errors import NotAllowed, NotIdentified
from gridmap.model import PUBLIC, ROLES, SCOPES, Actor


def test_every_action_names_known_roles_and_none_is_for_the_public() -> None:
    assert set(ALLOWED) == set(Action)
    for roles in ALLOWED.values():
        assert roles
        assert roles <= set(ROLES) - {"public"}


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("role", [*ROLES, "no such role"])
def test_who_may_not_is_told_so(action: Action, role: str) -> None:
    actor = Actor("someone", role, (EVERYWHERE,))
    if role in ALLOWED[action]:
        assert may(actor, action)
        require(actor, action)
    else:
        assert not may(actor, action)
        with pytest.raises(NotIdentified if role == "public" else NotAllowed, match=action.value):
            require(actor, action)


def test_a_territory_covers_what_lies_in_it() -> None:
    actor = Actor("a", "dispatcher", ("120101",))
    assert covers(actor, ["120101001001001", "120101001001", "120101", "120000"])
    assert not covers(actor, ["120102001001001", "120102", "120000"])
    assert not covers(Actor("a", "dispatcher"), ["120101"])
    assert covers(OPERATOR, [])


def test_staff_is_a_role_and_a_territory() -> None:
    assert is_staff(Actor("a", "viewer", ("120101",)), ["120101"])
    assert not is_staff(Actor("a", "viewer", ("120101",)), ["120102"])
    assert not is_staff(Actor("a", "public", ("120101",)), ["120101"])
    assert not is_staff(PUBLIC, ["120101"])
    assert not is_staff(OPERATOR, ["120101"])  # who runs the machine sees no counts of people


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_narrows_and_never_widens(action: Action, scope: str) -> None:
    for role in ROLES:
        narrowed = Actor("someone", role, (EVERYWHERE,), (scope,))
        whole = Actor("someone", role, (EVERYWHERE,))
        assert may(narrowed, action) == (may(whole, action) and scope_of(action) == scope)
        if may(whole, action) and not may(narrowed, action):
            with pytest.raises(NotAllowed, match=f"needs the scope {scope_of(action)}; this key has {scope}"):
                require(narrowed, action)


def test_what_changes_anything_needs_more_than_the_scope_read() -> None:
    reading = {action for action in Action if scope_of(action) == "read"}
    assert all(action.name.startswith("READ_") or action == Action.VERIFY for action in reading)
