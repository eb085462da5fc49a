"""What the database alone lets each role see and write, whatever the code above it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from gridmap.access import ALLOWED, EVERYWHERE, OPERATOR, Action, rights
from gridmap.cluster import APPLICATION
from gridmap.model import PUBLIC, ROLES, WORKER, Actor
from gridmap.store.database import Database, set_actor
from gridmap.store.live_counts import may_count_in
from gridmap.store.roles import read_rights

STREET, OTHER_STREET, COMMUNITY = "120101001", "120101002", "120101001001"
DISTRICT, ELSEWHERE, CITY = "120101", "120102", "120000"
CELL = "120101001001001"
TERRITORIES = (CELL, COMMUNITY, STREET, OTHER_STREET, DISTRICT, ELSEWHERE, CITY, EVERYWHERE)

# One of each kind for the street, the other street and another district; ids above all that are loaded.
MADE = """
INSERT INTO load (id, what, source, file, actor, rows, placed, outside, rejected, territories) VALUES
    (900001, 'w', 's', 'f', 'a', 1, 0, 0, 1, '{120101001}'),
    (900002, 'w', 's', 'f', 'a', 1, 0, 0, 1, '{120101002}'),
    (900003, 'w', 's', 'f', 'a', 1, 0, 0, 1, '{120102}');
INSERT INTO rejected_row (load_id, file, line, reason, columns)
    SELECT id, 'f', 1, 'r', '{}' FROM load WHERE id > 900000;
INSERT INTO notice (id, revision, post, level, territory, territory_now, became, took_from, places, open_incidents)
    SELECT 900000 + number, 1, 'p' || number, 'street', code, code, '{}', '{}', ARRAY[code, '120101', '120000'], 0
    FROM (VALUES (1, '120101001'), (2, '120101002')) AS given (number, code);
INSERT INTO draft (id, name, base, owner, shared_with, state, places) VALUES
    (900001, 'd', 1, 'me', '{}', 'open', '{120101001,120101,120000}'),
    (900002, 'd', 1, 'other', '{me}', 'open', '{120101001,120101,120000}'),
    (900003, 'd', 1, 'other', '{}', 'open', '{120101001,120101,120000}'),
    (900004, 'd', 1, 'other', '{}', 'submitted', '{120101001,120101,120000}'),
    (900005, 'd', 1, 'other', '{}', 'submitted', '{120101002,120101,120000}');
INSERT INTO draft_comment (draft, actor, text) SELECT id, 'other', 't' FROM draft WHERE id > 900000;
INSERT INTO api_key (id, holder, sha256, role, territories, label) VALUES
    ('k1', 'h', 'x1', 'viewer', '{120101001}', ''), ('k2', 'h', 'x2', 'viewer', '{120101002}', ''),
    ('k3', 'h', 'x3', 'viewer', '{*}', '');
INSERT INTO element_shape (element_id, geom)
    SELECT min(element.id), 'SRID=4326;LINESTRING(117 39, 117.1 39)'
    FROM element JOIN cell ON cell.id = element.cell_now WHERE cell.code LIKE '120101001%';
INSERT INTO element_share (element_id, first_revision, cell_id, share)
    SELECT element_id, 1, cell_now, 1 FROM element_shape JOIN element ON element.id = element_id;
UPDATE element SET cell_now = NULL WHERE id = (SELECT max(id) FROM element WHERE class = 'place');
"""


def roles_of(*actions: Action) -> set[str]:
    return {role for role in ROLES for action in actions if role in ALLOWED[action]}


COUNTED = roles_of(Action.READ_COUNTS)
LISTED = {"element": roles_of(Action.READ_ELEMENTS), "incident": roles_of(Action.READ_INCIDENTS)}
LISTING = (Action.READ_ELEMENTS, Action.READ_INCIDENTS)

Act = Callable[..., Connection]


@pytest.fixture(scope="module")
def session(heping: Database) -> Iterator[Connection]:
    """A transaction of the application's role with a few rows of each kind besides; nothing of it stays."""
    engine = create_engine(heping.url.set(username=APPLICATION))
    with engine.connect() as connection:
        transaction = connection.begin()
        set_actor(connection, OPERATOR)
        connection.execute(text(MADE))
        yield connection
        transaction.rollback()
    engine.dispose()


@pytest.fixture
def act(session: Connection) -> Iterator[Act]:
    """The session as an actor; what a test writes is taken back."""

    def become(role: str, *territories: str, doing: tuple[Action, ...] = (), name: str = "me") -> Connection:
        set_actor(session, Actor(name, role, territories), *doing)
        return session

    savepoint = session.begin_nested()
    yield become
    savepoint.rollback()


def count(connection: Connection, what: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM {what}")).scalar_one())


def expected(session: Connection, query: str) -> int:
    """What a query finds that is asked by whom no policy binds."""
    set_actor(session, OPERATOR)
    return count(session, query)


def is_below(column: str, territory: str) -> str:
    """By the codes' own form, which no policy reads: a code begins with those above it."""
    if territory in (EVERYWHERE, CITY):
        return "true"
    return f"{column} LIKE '{territory}%'"


def below(table: str, territory: str, more: str = "true") -> str:
    column = "cell_now" if table in ("element", "incident") else "cell_id"
    joined = f"{table} LEFT JOIN cell ON cell.id = {table}.{column}"
    return f"{joined} WHERE {is_below('cell.code', territory)} AND {more}"


@pytest.mark.parametrize("territory", TERRITORIES)
@pytest.mark.parametrize("role", ROLES)
def test_facts_are_seen_by_the_staff_of_their_territory(
    session: Connection, act: Act, role: str, territory: str
) -> None:
    tables = {
        "element": below("element", territory, "class <> 'person'"),
        "incident": below("incident", territory),
        "element_placement": below("element_placement", territory),
        "incident_placement": below("incident_placement", territory),
        "element_shape": f"element_shape JOIN element ON id = element_id WHERE element_id IN "
        f"(SELECT element.id FROM {below('element', territory)})",
        "element_share": below("element_share", territory),
        "building": f"building WHERE element_id IN (SELECT element.id FROM {below('element', territory)})",
    }
    for table, query in tables.items():
        listed = LISTED["incident" if table.startswith("incident") else "element"]
        wanted = expected(session, query) if role in listed else 0
        assert count(act(role, territory, doing=LISTING), table) == wanted, table
        assert count(act(role, territory), table) == 0, f"{table}: nothing is said of what is done"
    assert expected(session, "element") > expected(session, tables["element"]) > 0 or territory == ELSEWHERE


@pytest.mark.parametrize("role", ROLES)
def test_no_role_sees_a_person_unless_it_says_that_it_lists_or_counts_them(act: Act, role: str) -> None:
    persons = "element WHERE class = 'person'"
    assert count(act(role, CITY), persons) == 0
    assert (count(act(role, CITY, doing=(Action.READ_PERSONS,)), persons) > 0) == (role == "caseworker")
    assert (count(act(role, CITY, doing=(Action.READ_COUNTS,)), persons) > 0) == (role in COUNTED)


@pytest.mark.parametrize("territory", [CELL, STREET, OTHER_STREET, DISTRICT, ELSEWHERE])
def test_a_caseworker_lists_the_persons_of_the_territory_only(
    session: Connection, act: Act, territory: str
) -> None:
    wanted = expected(session, below("element", territory, "class = 'person'"))
    assert (
        count(act("caseworker", territory, doing=(Action.READ_PERSONS,)), "element WHERE class = 'person'")
        == wanted
    )


@pytest.mark.parametrize("territory", TERRITORIES)
@pytest.mark.parametrize("role", ROLES)
def test_loads_notices_and_keys(session: Connection, act: Act, role: str, territory: str) -> None:
    """Of rows for a street, for another and (but for notices) for another district or everywhere."""
    street = int(territory in (STREET, DISTRICT, CITY, EVERYWHERE))
    other = int(territory in (OTHER_STREET, DISTRICT, CITY, EVERYWHERE))
    whole = int(territory in (CITY, EVERYWHERE))
    loads = street + other + int(territory == ELSEWHERE or whole) if role in roles_of(Action.READ_LOADS) else 0
    assert count(act(role, territory), "load WHERE id > 900000") == loads
    assert count(act(role, territory), "rejected_row WHERE load_id > 900000") == loads
    notices = street + other if role in roles_of(Action.READ_NOTICES) else 0
    assert count(act(role, territory), "notice") == notices
    keys = street + other + whole if role in roles_of(Action.GIVE_KEYS) else 0
    assert count(act(role, territory), "api_key WHERE id IN ('k1', 'k2', 'k3')") == keys


@pytest.mark.parametrize("territory", TERRITORIES)
@pytest.mark.parametrize("role", ROLES)
def test_drafts_are_seen_by_those_who_share_them_and_under_review_by_the_territory(
    act: Act, role: str, territory: str
) -> None:
    wanted: set[int] = set()
    if role in roles_of(Action.READ_DRAFTS):
        wanted |= {900001, 900002}
    if role in ("approver", "publisher"):
        wanted |= {900004} if territory in (STREET, DISTRICT, CITY, EVERYWHERE) else set()
        wanted |= {900005} if territory in (OTHER_STREET, DISTRICT, CITY, EVERYWHERE) else set()
    seen = act(role, territory).execute(text("SELECT id FROM draft WHERE id > 900000")).scalars()
    assert set(seen) == wanted
    assert count(act(role, territory), "draft_comment") == len(wanted)


@pytest.mark.parametrize("role", ROLES)
def test_what_a_city_posts_on_the_wall_is_for_everybody(session: Connection, act: Act, role: str) -> None:
    for table in ("post", "shift", "shift_exception", "cell", "area", "holder"):
        assert count(act(role, ELSEWHERE), table) == expected(session, table) > 0


def test_what_changed_is_for_the_server_only(session: Connection, act: Act) -> None:
    assert expected(session, "fact_change") > 0
    for role in ROLES:
        assert count(act(role, EVERYWHERE), "fact_change") == 0


def refused(connection: Connection, statement: str) -> bool:
    """Whether the database refuses a write, or lets it touch no row."""
    savepoint = connection.begin_nested()
    try:
        touched = connection.execute(text(statement)).rowcount
    except DBAPIError as error:
        savepoint.rollback()
        return "row-level security" in str(error.orig) or "may not write" in str(error.orig)
    savepoint.rollback()
    return touched == 0


POINT = "'wgs84', 117.2, 39.1, 1, 'SRID=4326;POINT(117.2 39.1)'"


def in_cell(code: str) -> str:
    return f"(SELECT id FROM cell WHERE code = '{code}')"


def write(table: str, cell: str) -> str:
    more = {
        "element": ("class, category", "'place', 'x'"),
        "incident": ("category, happened_at, reported_at", "'x', now(), now()"),
    }
    names, values = more[table]
    return (
        f"INSERT INTO {table} (source, external_id, {names}, given_crs, given_x, given_y, hex, geom, cell_now) "
        f"VALUES ('new', 'new', {values}, {POINT}, {cell})"
    )


WRITERS = {
    "element": (Action.WRITE_ELEMENTS, roles_of(Action.WRITE_ELEMENTS)),
    "incident": (Action.WRITE_INCIDENTS, roles_of(Action.WRITE_INCIDENTS)),
}


@pytest.mark.parametrize("table", WRITERS)
@pytest.mark.parametrize("role", ROLES)
def test_facts_are_written_in_the_own_territory_by_whoever_says_so_and_may(
    act: Act, role: str, table: str
) -> None:
    action, roles = WRITERS[table]
    inside, outside = write(table, in_cell(CELL)), write(table, in_cell("120101002001001"))
    changes = f"UPDATE {table} SET category = 'x' WHERE cell_now IN (SELECT id FROM cell WHERE code LIKE '{{}}%')"
    assert refused(act(role, STREET), inside), "nothing is said"
    for territory in (CELL, COMMUNITY, STREET, DISTRICT, CITY):
        assert refused(act(role, territory, doing=(action,)), inside) == (role not in roles), territory
    assert refused(act(role, STREET, doing=(action,)), outside)
    assert refused(act(role, STREET, doing=(action,)), write(table, "NULL"))
    assert refused(act(role, CITY, doing=(action,)), write(table, "NULL")) == (role not in roles)
    assert refused(act(role, STREET, doing=(action,)), changes.format(STREET)) == (role not in roles)
    assert refused(act(role, STREET, doing=(action,)), changes.format(OTHER_STREET))
    assert refused(act(role, ELSEWHERE, doing=(action,)), inside)
    assert refused(act(role, CITY, doing=(action,)), "DELETE FROM rejected_row WHERE load_id > 900000")
    moved = f"UPDATE {table} SET cell_now = {in_cell('120101002001001')} WHERE cell_now = {in_cell(CELL)}"
    assert refused(act(role, STREET, doing=(action,)), moved)


@pytest.mark.parametrize("role", ROLES)
def test_posts_and_shifts_are_written_in_the_own_territory(act: Act, role: str) -> None:
    writes = role in roles_of(Action.WRITE_DUTY)
    post = f"UPDATE post SET title = 'x' WHERE territory = '{CELL}'"
    shift = f"UPDATE shift SET minutes = 30 WHERE post IN (SELECT code FROM post WHERE territory = '{CELL}')"
    for statement in (post, shift):
        for territory in (CELL, COMMUNITY, STREET, DISTRICT, CITY, EVERYWHERE):
            assert refused(act(role, territory), statement) != writes, territory
        for territory in (OTHER_STREET, ELSEWHERE):
            assert refused(act(role, territory), statement), territory


KEY = "INSERT INTO api_key (id, holder, sha256, role, territories, label) VALUES"
GUARDED = [
    ("UPDATE revision SET note = 'x'", {"publisher"}),
    ("UPDATE cell SET name = 'x' WHERE version = 1", {"publisher"}),
    ("UPDATE city SET settings = settings", set()),
    ("UPDATE holder SET display_name = 'x'", {"dispatcher", "publisher"}),
    ("INSERT INTO territory_cell VALUES ('120102', 1)", {"publisher"}),
    ("INSERT INTO worker VALUES ('w', 1, now())", set()),
    ("INSERT INTO draft (name, base, owner) VALUES ('d', 1, 'me')", {"planner"}),
    ("INSERT INTO draft (name, base, owner) VALUES ('d', 1, 'another')", set()),
    ("UPDATE draft SET name = 'x' WHERE id = 900001", {"planner"}),
    ("UPDATE draft SET name = 'x' WHERE id = 900003", set()),
    ("UPDATE draft SET name = 'x' WHERE id = 900004", {"approver", "publisher"}),
    ("INSERT INTO draft_comment (draft, actor, text) VALUES (900003, 'me', 't')", set()),
    (f"{KEY} ('n', 'h', 'n', 'viewer', '{{120101001}}', '')", {"key_admin", "system_admin"}),
    (f"{KEY} ('n', 'h', 'n', 'viewer', '{{120101002}}', '')", set()),
    (f"{KEY} ('n', 'h', 'n', 'viewer', '{{*}}', '')", set()),
    ("INSERT INTO notice (revision, post, level, territory, territory_now, became, took_from, places, "
     "open_incidents) VALUES (1, 'n', 'l', 't', 't', '{}', '{}', '{120101001}', 0)", set()),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "roles"), GUARDED)
def test_what_few_may_write_is_refused_to_all_others(act: Act, statement: str, roles: set[str]) -> None:
    assert {role for role in ROLES if not refused(act(role, STREET), statement)} == roles


RELEASE = (
    "INSERT INTO release (period, begins, ends, revision, made_at, actor) "
    "VALUES ('2001-01', '2001-01-01', '2001-02-01', 1, '2001-02-02', 'a')"
)


def test_releases_are_made_for_the_whole_city_by_whoever_says_so(act: Act) -> None:
    doing = (Action.MAKE_RELEASES,)
    assert not refused(act("publisher", CITY, doing=doing), RELEASE)
    assert refused(act("publisher", CITY), RELEASE)
    assert refused(act("publisher", DISTRICT, doing=doing), RELEASE)
    assert refused(act("viewer", CITY, doing=doing), RELEASE)
    set_actor(act("viewer", CITY), WORKER)


def test_the_application_may_neither_empty_nor_change_a_table(session: Connection, act: Act) -> None:
    act("system_admin", EVERYWHERE)
    set_actor(session, OPERATOR)
    for statement in ("TRUNCATE element", "ALTER TABLE element DISABLE ROW LEVEL SECURITY", "DELETE FROM element",
                      "CREATE TABLE another (id int)", "INSERT INTO role_right VALUES ('GIVE_KEYS', 'public')",
                      "UPDATE data_version SET version = 1", "DELETE FROM fact_change", "DELETE FROM release",
                      "DROP POLICY read_by_staff ON element", "SELECT setval('element_id_seq', 1)"):  # fmt: skip
        savepoint = session.begin_nested()
        with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
            session.execute(text(statement))
        savepoint.rollback()


def test_every_table_of_a_territory_is_policied_for_its_owner_too(heping: Database) -> None:
    query = text(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
        "AND relrowsecurity AND relforcerowsecurity"
    )
    with heping.begin(OPERATOR) as connection:
        found = set(connection.execute(query).scalars())
    assert found >= {
        "element", "building", "incident", "element_placement", "incident_placement", "element_share",
        "element_shape", "fact_change", "load", "rejected_row", "notice", "draft", "draft_edit", "draft_comment",
        "draft_approval", "draft_waiver", "draft_certificate", "api_key", "post", "shift", "shift_exception",
        "release", "release_table", "release_row", "release_cell", "principle_figure", "principle_offender",
        "audit_entry", "audit_detail", "kept_answer", "break_glass",
    }  # fmt: skip


def test_the_owner_is_bound_too(heping: Database) -> None:
    with heping.begin(PUBLIC) as connection:
        assert count(connection, "element") == count(connection, "incident") == 0


def test_without_an_actor_nothing_but_the_public_is_seen(heping: Database) -> None:
    with heping.glance() as connection:
        assert count(connection, "element") == count(connection, "draft") == count(connection, "api_key") == 0
        assert count(connection, "cell") > 0


def test_the_policies_go_by_the_table_of_rights_in_the_code(heping: Database) -> None:
    with heping.begin(OPERATOR) as connection:
        assert read_rights(connection) == rights()


@pytest.mark.parametrize("role", ROLES)
def test_live_counts_are_told_by_territory(session: Connection, act: Act, role: str) -> None:
    def cells(code: str) -> list[int]:
        query = text("SELECT id FROM cell WHERE code LIKE :code || '%'")
        return list(session.execute(query, {"code": code}).scalars())

    may = role in COUNTED
    assert may_count_in(act(role, STREET), cells(STREET)) is may
    assert may_count_in(act(role, CELL), cells(CELL)) is may
    assert may_count_in(act(role, CITY), None) is may
    for territory in (STREET, DISTRICT, ELSEWHERE):
        assert may_count_in(act(role, territory), None) is False
    assert may_count_in(act(role, STREET), cells(DISTRICT)) is False
    assert may_count_in(act(role, STREET), [*cells(STREET), 2**31 - 1]) is False
