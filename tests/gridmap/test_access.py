"""Roles: who may do what, and whose territory it is."""

from __future__ import annotations

import pytest

from gridmap.access import (
    ALLOWED,
    EVERYWHERE,
    MACHINE,
    OPERATOR,
    TABLE,
    TABLE_ROLES,
    Action,
    Bound,
    Data,
    bound,
    covers,
    is_staff,
    may,
    require,
    require_city,
    scope_of,
)
from gridmap.errors import NotAllowed, NotIdentified
from gridmap.model import PUBLIC, ROLES, SCOPES, Actor

# What tells of single people or of how many there are.
OF_PEOPLE = {Data.COUNTS, Data.INCIDENTS, Data.PERSONS, Data.NEEDS, Data.ELEMENTS, Data.LOADS}
READS = {action for action in Action if action.name.startswith("READ_")} | {Action.BREAK_GLASS}


def test_every_action_stands_in_the_table_once_with_known_roles() -> None:
    assert sorted(right.action.name for right in TABLE) == sorted(action.name for action in Action)
    for right in TABLE:
        assert right.bounds
        assert set(right.bounds) <= set(TABLE_ROLES)


def test_the_public_has_what_stands_on_the_wall_and_releases() -> None:
    open_to_all = {right.action for right in TABLE if PUBLIC.role in right.bounds}
    assert open_to_all == {Action.READ_WALL, Action.READ_RELEASES}
    for action in open_to_all:
        assert ALLOWED[action] == set(TABLE_ROLES)
        assert {bound(Actor("a", role), action) for role in TABLE_ROLES} == {Bound.EVERYWHERE}


@pytest.mark.parametrize("role", ["system_admin", "auditor", "key_admin", "public"])
def test_who_runs_the_machine_gives_keys_or_audits_sees_nothing_of_people(role: str) -> None:
    assert [right.action for right in TABLE if role in right.bounds and right.data in OF_PEOPLE] == []


def test_the_operator_lists_no_people_and_no_key_is_one() -> None:
    assert MACHINE not in ROLES
    read = {right.action for right in TABLE if MACHINE in right.bounds and right.data in OF_PEOPLE} & READS
    assert read == {Action.READ_LOADS, Action.READ_ON_THE_MAP}


def test_the_audit_is_for_auditors_alone() -> None:
    assert ALLOWED[Action.READ_AUDIT] == {"auditor"}
    assert ALLOWED[Action.PRUNE_AUDIT] == {MACHINE}


def test_whatever_tells_of_people_is_bounded_for_everybody_who_has_a_key() -> None:
    for right in TABLE:
        if right.data in OF_PEOPLE:
            assert Bound.EVERYWHERE not in {right.bounds[role] for role in right.bounds if role != MACHINE}, right


def test_a_right_to_the_whole_city_needs_it_as_territory() -> None:
    require_city(Actor("a", "publisher", ("120000",)), Action.MAKE_RELEASES, "120000")
    require_city(OPERATOR, Action.MAKE_RELEASES, "120000")
    with pytest.raises(NotAllowed, match="whole city"):
        require_city(Actor("a", "publisher", ("120101",)), Action.MAKE_RELEASES, "120000")
    with pytest.raises(NotAllowed, match="the role viewer"):
        require_city(Actor("a", "viewer", ("120000",)), Action.MAKE_RELEASES, "120000")


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("role", [*TABLE_ROLES, "no such role"])
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
    assert all(action.name.startswith("READ_") or action in (Action.VERIFY, Action.EXPLAIN) for action in reading)
