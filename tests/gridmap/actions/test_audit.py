"""The trace in PostgreSQL: no write without it, nobody can alter it, and who owns the database is found out."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from gridmap.access import AUDITOR, OPERATOR
from gridmap.acting import coming_from
from gridmap.actions.audit import audit_head, prune_audit, search_audit, verify_audit
from gridmap.actions.duty import save_post
from gridmap.actions.keys import create_key
from gridmap.audit.anchors import read_anchors
from gridmap.audit.chain import Anchor, Checked, check_chain, digest
from gridmap.cluster import Cluster
from gridmap.errors import GridMapError, NotAllowed, RuleBroken
from gridmap.model import Actor, Post
from gridmap.store import audit as store
from gridmap.store.audit import Sought
from gridmap.store.database import Connection, Database
from gridmap.store.tables import UNWATCHED, metadata
from gridmap.trail import Trail

PUBLISHER = Actor("publisher-1", "publisher", ("120101",))
REF = "R-000001"
EVENTS = {"audit_insert", "audit_update", "audit_delete", "audit_truncate"}


def a_post(code: str) -> Post:
    return Post(code, "duty_desk", "值班台", "district", "120101", "022-00000000")


@pytest.fixture(scope="module")
def traced(
    heping: Database, copy_of: Callable[[Database, str], AbstractContextManager[Database]]
) -> Iterator[Database]:
    """A copy of Heping in which a few things are done."""
    with copy_of(heping, "heping_traced") as database:
        yield database


@pytest.fixture(scope="module")
def trail(traced: Database, tmp_path_factory: pytest.TempPathFactory) -> Trail:
    """Its trail, not running, after a dozen writes in as many batches and a listing of two persons."""
    trail = Trail(traced, tmp_path_factory.mktemp("trail"))
    trail.work()
    for number in range(6):
        for half in "ab":
            save_post(traced, PUBLISHER, a_post(f"T-{number}{half}"))
        trail.work()
    with coming_from("192.0.2.7"), traced.begin(Actor("c", "caseworker", ("120101",))) as connection:
        facts = {"purpose": "visit", "read": {"what": "persons", "rows": 2}, "refs": [REF, "R-000002"]}
        store.note(connection, {**facts, "codes": ["120101001", "120101"]})
    trail.work()
    return trail


@contextmanager
def superuser(postgis: Cluster, database: Database) -> Iterator[Connection]:
    """The database's owner of owners, whom no trigger stops; what is done is rolled back."""
    name = database.url.database
    assert name is not None
    strong = Database(postgis.url(name, "gridmap_superuser"))
    with strong.engine.connect() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        yield connection
        connection.rollback()
    strong.dispose()


@contextmanager
def refused(why: str) -> Iterator[None]:
    """The database itself refuses, and says why to the log only."""
    with pytest.raises(NotAllowed) as caught:
        yield
    assert why in str(caught.value.__cause__)


def checked(connection: Connection, anchors: list[Anchor]) -> Checked:
    return check_chain(
        store.read_batches(connection), store.read_entries(connection), store.read_details(connection), anchors
    )


def newest(database: Database, **sought: Any) -> dict[str, Any]:
    """The newest entry that is found, but for those that tell of looking."""
    found = search_audit(database, AUDITOR, Sought(**sought))
    body = next(each.body for each in found if not each.body["action"].startswith("actions.audit."))
    return dict(body)


def test_every_table_is_watched_or_says_why_not(connection: Connection) -> None:
    query = text(
        "SELECT relname, array_agg(tgname::text) FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
        "WHERE tgfoid = 'audit_changed'::regproc AND tgenabled = 'O' GROUP BY 1"
    )
    watched = {row[0]: set(row[1]) for row in connection.execute(query)}
    assert watched == dict.fromkeys(set(metadata.tables) - set(UNWATCHED), EVENTS)
    assert all(UNWATCHED.values())


def test_an_action_is_one_entry_that_names_it(traced: Database, trail: Trail) -> None:
    with coming_from("192.0.2.9"):
        save_post(traced, PUBLISHER, a_post("T-named"))
        with pytest.raises(NotAllowed):
            save_post(traced, Actor("x", "publisher", ("120102",)), a_post("T-refused"))
    trail.work()
    entry = newest(traced, actor="publisher-1")
    assert (entry["actor"], entry["role"], entry["territories"]) == ("publisher-1", "publisher", ["120101"])
    assert entry["action"] == "actions.duty.save_post"
    (change,) = entry["changes"]
    assert (change["table"], change["did"], change["rows"], len(change["keys"])) == ("post", "insert", 1, 1)
    assert "192.0.2.9" not in json.dumps(entry), "where it came from can be removed"
    (found,) = search_audit(traced, AUDITOR, Sought(actor="publisher-1", most=1))
    assert found.details == {"from": ["192.0.2.9"]}
    save_post(traced, PUBLISHER, a_post("T-named"))  # ends one row and inserts another
    trail.work()
    did = {(each["table"], each["did"]) for each in newest(traced, actor="publisher-1")["changes"]}
    assert did == {("post", "update"), ("post", "insert")}
    assert search_audit(traced, AUDITOR, Sought(actor="x")) == []


def test_sealing_leaves_no_trace_of_its_own(traced: Database, trail: Trail) -> None:
    last = text("SELECT seq, body FROM audit_entry ORDER BY seq DESC LIMIT 1")
    trail.work()
    with traced.begin(OPERATOR) as connection:
        before = connection.execute(last).one()
    with coming_from("192.0.2.9"), traced.begin(PUBLISHER) as connection:
        store.note(connection, {"read": "roster", "codes": ["120101"]})
    trail.work()
    with traced.begin(OPERATOR) as connection:
        assert connection.execute(last).one().seq == before.seq + 1, "where it came from is told by its proof"
    past = "INSERT INTO audit_detail SELECT id, 'x', 'ref', 'x', 'y', now() FROM audit_entry LIMIT 1"
    with traced.engine.connect() as connection:
        connection.execute(text(past))
        connection.execute(text("SELECT audit_seal()"))
        assert '"audit_detail"' in connection.execute(last).one().body, "what is added past it is noted as ever"
        connection.rollback()


def test_that_a_key_was_used_is_no_change_of_it(traced: Database, trail: Trail) -> None:
    create_key(traced, OPERATOR, Actor("used", "viewer", ("120101",)), "used")
    trail.work()
    with traced.begin(OPERATOR) as connection:
        before = store.read_head(connection)
    used = "UPDATE api_key SET last_used_on = now() {0} WHERE id = (SELECT max(id) FROM api_key)"
    with traced.begin(OPERATOR) as connection:
        connection.execute(text(used.format("")))
    trail.work()
    with traced.begin(OPERATOR) as connection:
        assert store.read_head(connection) == before
        connection.execute(text(used.format("- interval '1 day', label = 'changed'")))
    trail.work()
    (change,) = newest(traced, actor="operator")["changes"]
    assert (change["table"], change["did"], change["rows"]) == ("api_key", "update", 1)


def test_many_rows_are_a_count_and_a_range(traced: Database, trail: Trail) -> None:
    with traced.begin(OPERATOR) as connection:
        connection.execute(text("UPDATE element SET recorded_at = recorded_at WHERE id <= 500"))
        connection.execute(text("UPDATE element SET recorded_at = recorded_at WHERE id = 1000"))
    trail.work()
    entry = newest(traced, actor="operator")
    assert entry["changes"] == [{"table": "element", "did": "update", "rows": 501, "range": "1…1000"}]


def test_who_writes_past_gridmap_is_named_too(traced: Database, trail: Trail) -> None:
    with traced.engine.begin() as connection:
        connection.execute(text("TRUNCATE notice"))
    trail.work()
    entry = search_audit(traced, AUDITOR, Sought(actor="gridmap_owner", most=1))[0].body
    assert entry["role"] == "database"
    assert entry["changes"] == [{"table": "notice", "did": "truncate"}]


@pytest.mark.parametrize("table", ["audit_entry", "audit_batch", "audit_detail"])
@pytest.mark.parametrize("what", ["DELETE FROM {0}", "UPDATE {0} SET {1} = {1}", "TRUNCATE {0}"])
def test_not_even_the_owner_alters_it(traced: Database, trail: Trail, table: str, what: str) -> None:
    column = {"audit_entry": "body", "audit_batch": "hash", "audit_detail": "value"}[table]
    with refused("only ever added to"), traced.begin(OPERATOR) as connection:
        connection.execute(text(what.format(table, column)))


@pytest.mark.parametrize("table", ["audit_pending", "audit_entry", "audit_batch", "audit_detail", "kept_answer"])
def test_the_application_role_writes_by_functions_only(
    traced: Database, trail: Trail, postgis: Cluster, table: str
) -> None:
    name = traced.url.database
    assert name is not None
    app = Database(postgis.url(name, "gridmap_app"))
    for what in (f"INSERT INTO {table} DEFAULT VALUES", f"DELETE FROM {table}", f"TRUNCATE {table}"):
        with refused("permission denied"), app.begin(AUDITOR) as connection:
            connection.execute(text(what))
    with refused("permission denied"), app.begin(AUDITOR) as connection:
        connection.execute(text("SELECT audit_watch('city', 'code')"))
    with refused("lacks the right FORGET"), app.begin(AUDITOR) as connection:
        store.forget(connection, REF)
    with refused("lacks the right PRUNE_AUDIT"), app.begin(AUDITOR) as connection:
        store.prune(connection, datetime.now(UTC), datetime.now(UTC))
    with app.begin(Actor("a", "viewer", ("120101",))) as connection:
        store.note(connection, {"read": {"what": "nothing"}})
    trail.work()
    assert newest(traced, actor="a")["read"] == {"what": "nothing"}
    app.dispose()


@pytest.mark.parametrize(
    ("actor", "sees"),
    [
        (Actor("a", "auditor", ("*",)), True),
        (Actor("a", "auditor", ("120000",)), True),
        (Actor("a", "auditor", ("120101",)), True),
        (Actor("a", "auditor", ("120101001",)), True),
        (Actor("a", "auditor", ("120101002",)), False),
        (Actor("a", "auditor", ("120102",)), False),
        (Actor("a", "auditor", ()), False),
        (Actor("a", "system_admin", ("*",)), False),
        (Actor("a", "viewer", ("*",)), False),
    ],
)
def test_an_auditor_sees_what_touches_their_territories(
    traced: Database, trail: Trail, postgis: Cluster, actor: Actor, sees: bool
) -> None:
    """By the API's own rule and, as the application role, by the policy alone."""
    name = traced.url.database
    assert name is not None
    app = Database(postgis.url(name, "gridmap_app"))
    with app.begin(actor) as connection:
        rows = connection.execute(text("SELECT body FROM audit_entry")).scalars()
        assert any('"visit"' in row for row in rows) is sees
        refs = set(connection.execute(text("SELECT value FROM audit_detail WHERE what = 'ref'")).scalars())
        assert (REF in refs) is sees
    app.dispose()
    if actor.role != "auditor":
        with pytest.raises(NotAllowed):
            search_audit(traced, actor, Sought(ref=REF))
    else:
        assert bool(search_audit(traced, actor, Sought(ref=REF, action="_application"))) is False
        with traced.begin(actor) as connection:
            assert bool(store.search(connection, Sought(ref=REF))) is sees


def test_a_sound_chain_is_verified_and_its_head_is_anchored(traced: Database, trail: Trail) -> None:
    trail.work()
    anchors = read_anchors(trail.folder)
    result = verify_audit(traced, AUDITOR, anchors)
    assert result.findings == []
    assert result.entries > result.batches >= 7
    head = audit_head(traced, AUDITOR)
    assert head is not None
    assert (anchors[-1].batch, anchors[-1].hash) == (head.number, head.hash)
    assert len(anchors) == head.number
    with pytest.raises(NotAllowed, match="whole city"):
        verify_audit(traced, Actor("a", "auditor", ("120101",)), anchors)


# What the database's superuser does to the chain, and what is found. The fourth entry lies in the middle of it.
TAMPERED = [
    ("UPDATE audit_entry SET body = replace(body, 'publisher-1', 'somebody') WHERE seq = 4", "changed: entry 4"),
    ("UPDATE audit_entry SET id = gen_random_uuid() WHERE seq = 4", "changed: entry 4"),
    ("UPDATE audit_entry SET link = md5('') WHERE seq = 4", "changed: entry 4"),
    ("DELETE FROM audit_entry WHERE seq = 4", "missing: entry 4"),
    (
        "UPDATE audit_entry SET seq = -seq WHERE seq >= 4; UPDATE audit_entry SET seq = 1 - seq WHERE seq < 0; "
        "INSERT INTO audit_entry VALUES (4, gen_random_uuid(), 2, '{}', md5(''))",
        "inserted: entry 4",
    ),
    (
        "INSERT INTO audit_entry SELECT max(seq) + 1, gen_random_uuid(), 1, '{}', md5('') FROM audit_entry",
        "inserted: entry",
    ),
    (
        "UPDATE audit_entry SET seq = -seq WHERE seq IN (4, 7); "
        "UPDATE audit_entry SET seq = 11 + seq WHERE seq < 0",
        "reordered: entry 4",
    ),
    ("DELETE FROM audit_entry WHERE seq > (SELECT max(seq) FROM audit_entry) - 2", "truncated"),
    (
        "DELETE FROM audit_batch WHERE number > 4; DELETE FROM audit_entry WHERE batch > 4",
        "truncated: batch 5 to",
    ),
    ("TRUNCATE audit_entry", "truncated: entries 1 to"),
    ("TRUNCATE audit_entry, audit_batch", "truncated: batch 1 to"),
    ("DELETE FROM audit_batch WHERE number = 3", "missing: batch 3"),
    ("UPDATE audit_batch SET sealed_at = '2020' WHERE number = 3", "changed: batch 3"),
    ("UPDATE audit_detail SET value = 'other' WHERE value = 'R-000002'", "changed: ref of entry"),
    ("DELETE FROM audit_detail WHERE value = 'R-000002'", "missing: details of entries"),
    (
        "INSERT INTO audit_detail SELECT id, md5(''), 'ref', 'x', 'y', now() FROM audit_entry WHERE seq = 4",
        "inserted: ref of entry",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "expected"), TAMPERED)
def test_what_a_superuser_does_is_found_and_named(
    traced: Database, trail: Trail, postgis: Cluster, statement: str, expected: str
) -> None:
    trail.work()
    with superuser(postgis, traced) as connection:
        anchors = read_anchors(trail.folder)
        before = checked(connection, anchors).findings
        assert before == []
        for part in statement.split("; "):
            connection.execute(text(part))
        told = [f"{each.what}: {each.where}" for each in checked(connection, anchors).findings]
    assert any(each.startswith(expected) for each in told), told


def test_a_chain_that_is_made_anew_as_a_whole_is_found_by_the_anchors(
    traced: Database, trail: Trail, postgis: Cluster
) -> None:
    trail.work()
    anchors = read_anchors(trail.folder)
    with superuser(postgis, traced) as connection:
        link = hashed = "0" * 64
        entries = list(store.read_entries(connection))
        for batch in store.read_batches(connection):
            for entry in [each for each in entries if each.batch == batch.number]:
                body = entry.body.replace("publisher-1", "somebody")
                link = digest(link, entry.seq, entry.id, body)
                values = {"seq": entry.seq, "body": body, "link": link}
                connection.execute(
                    text("UPDATE audit_entry SET body = :body, link = :link WHERE seq = :seq"), values
                )
            hashed = digest(hashed, batch.number, batch.first, batch.last, batch.sealed_at, link)
            made = {"number": batch.number, "link": link, "hash": hashed}
            connection.execute(
                text("UPDATE audit_batch SET link = :link, hash = :hash WHERE number = :number"), made
            )
        assert [each.what for each in checked(connection, []).findings] == ["unanchored"], "by itself it is sound"
        findings = checked(connection, anchors).findings
        assert {each.what for each in findings} == {"replaced"}
        assert findings[0].where.startswith("batch ")


def test_a_reference_is_forgotten_and_the_chain_holds(traced: Database, trail: Trail) -> None:
    ref = f"R-{uuid.uuid4()}"
    with traced.begin(Actor("c", "caseworker", ("120101",))) as connection:
        store.note(connection, {"read": {"what": "persons", "rows": 2}, "refs": [ref, "R-stays"]})
    with traced.begin(OPERATOR) as connection:  # it need not be chained yet
        assert store.forget(connection, ref) == 1
        connection.execute(text("UPDATE city SET settings = settings"))  # what a forgetting does besides
    trail.work()
    result = verify_audit(traced, AUDITOR, read_anchors(trail.folder))
    assert result.findings == []
    assert result.forgotten >= 1
    with traced.begin(AUDITOR) as connection:
        assert store.search(connection, Sought(ref=ref)) == []
        assert store.search(connection, Sought(ref="R-stays"))
        everything = text(
            "SELECT string_agg(body, ' ') FROM audit_entry UNION ALL "
            "SELECT string_agg(value || salt, ' ') FROM audit_detail"
        )
        assert not any(ref in row for row in connection.execute(everything).scalars())
    assert newest(traced, actor="operator")["changes"][-1]["table"] == "city"


def test_what_need_not_be_kept_is_removed_and_that_is_told(traced: Database, trail: Trail) -> None:
    with coming_from("192.0.2.99"):
        save_post(traced, PUBLISHER, a_post("T-old"))
    answer = {"kind": "answer", "id": str(uuid.uuid4()), "at": "2026-01-01T00:00:00Z", "codes": ["120101"]}
    trail.keep(json.dumps({**answer, "by": "x", "answer": {"point": {}}}).encode())
    trail.work()
    with pytest.raises(NotAllowed):
        prune_audit(traced, AUDITOR, datetime.now(UTC), 1, 1)
    origins, answers = prune_audit(traced, OPERATOR, datetime.now(UTC) + timedelta(days=2), 1, 90)
    assert origins >= 1
    assert answers == 1
    trail.work()
    told = [each.body.get("answers") for each in search_audit(traced, AUDITOR, Sought(action="prune_audit"))]
    assert 1 in told
    assert verify_audit(traced, AUDITOR, read_anchors(trail.folder)).findings == []


def test_what_a_spool_brings_twice_is_there_once(traced: Database, trail: Trail) -> None:
    entry = {"kind": "entry", "id": str(uuid.uuid4()), "at": "2026-11-29T00:00:00.000000Z", "actor": "twice"}
    line = json.dumps({**entry, "role": "viewer", "territories": ["120101"], "action": "tried"}).encode()
    for _ in range(2):
        trail.keep(line)
        trail.keep(line)
        trail.work()
    assert len(search_audit(traced, AUDITOR, Sought(actor="twice"))) == 1


def test_a_spoilt_line_keeps_no_other_out(
    traced: Database, trail: Trail, caplog: pytest.LogCaptureFixture
) -> None:
    entry = {
        "kind": "entry",
        "at": "2026-11-29T00:00:00.000000Z",
        "role": "viewer",
        "territories": [],
        "action": "a",
    }
    for number, spoilt in enumerate(
        (b"no JSON", b'{"kind": "entry", "id": "no uuid"}', b'{"kind": "answer"}', b"\xff")
    ):
        good = {**entry, "id": str(uuid.uuid4()), "actor": f"beside-{number}"}
        trail.keep(spoilt)
        trail.keep(json.dumps(good).encode())
    trail.work()
    assert caplog.text.count("is no entry and is left out") == 4
    for number in range(4):
        assert len(search_audit(traced, AUDITOR, Sought(actor=f"beside-{number}"))) == 1


def test_nothing_is_noted_of_what_was_rolled_back(traced: Database, trail: Trail) -> None:
    trail.work()
    with traced.begin(OPERATOR) as connection:
        before = store.read_head(connection)
    broken = "WITH changed AS (UPDATE city SET settings = settings) UPDATE revision SET number = 0"
    with pytest.raises(RuleBroken), traced.begin(OPERATOR) as connection:
        connection.execute(text(broken))
    with pytest.raises(GridMapError):
        create_key(traced, PUBLISHER, PUBLISHER, "not theirs to give")
    trail.work()
    with traced.begin(OPERATOR) as connection:
        assert store.read_head(connection) == before
