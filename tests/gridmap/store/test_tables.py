"""What the database itself refuses, whoever writes: each law that a constraint keeps."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from gridmap.store.database import Connection

SQUARE = "ST_GeomFromText('POLYGON((0 0, 1 0, 1 1, 0 1, 0 0))', 4326)"
MULTI = f"ST_Multi({SQUARE})"
POINT = "ST_SetSRID(ST_MakePoint(117.2, 39.1), 4326)"


def cell(revisions: str, code: str = "new", cell_id: int = 900_001, geom: str = SQUARE) -> str:
    return (
        "INSERT INTO cell (id, code, revisions, name, kind, community, geom) "
        f"VALUES ({cell_id}, '{code}', '{revisions}', 'n', 'basic', 'm', {geom})"
    )


def element(class_: str, category: str, name: str = "NULL", reference: str = "r1") -> str:
    return (
        "INSERT INTO element (source, external_id, class, category, name, given_crs, given_x, given_y, hex, geom) "
        f"VALUES ('s', '{reference}', '{class_}', '{category}', {name}, 'wgs84', 117.2, 39.1, 1, {POINT})"
    )


def load(rows: int, placed: int, outside: int, rejected: int) -> str:
    return (
        "INSERT INTO load (what, source, file, actor, rows, placed, outside, rejected) "
        f"VALUES ('w', 's', 'f', 'a', {rows}, {placed}, {outside}, {rejected})"
    )


def exception(kind: str, holder: str, substitute: str, during: str = "[2026-01-01, 2026-01-02)") -> str:
    return (
        "INSERT INTO shift_exception (post, kind, holder, substitute, during) "
        f"VALUES ('p', '{kind}', {holder}, {substitute}, '{during}')"
    )


def placement(how: str, cell_id: str, top: str, last: str = "NULL") -> str:
    return (
        "INSERT INTO element_placement (top, element_id, first_revision, last_revision, cell_id, how) "
        f"VALUES ('{top}', 900001, 2, {last}, {cell_id}, '{how}')"
    )


def release(begins: str = "2026-10-01", ends: str = "2026-11-01", made_at: str = "2026-11-02") -> str:
    return (
        "INSERT INTO release (period, begins, ends, revision, made_at, actor) "
        f"VALUES ('2026-10', '{begins}', '{ends}', 1, '{made_at}', 'a')"
    )


def released(subject: str, category: str, least: int, inside: str = "NULL", outside: str = "NULL") -> str:
    return (
        "INSERT INTO release_table (period, subject, category, least, inside, outside) "
        f"VALUES ('2026-10', '{subject}', '{category}', {least}, {inside}, {outside})"
    )


A, B = "(SELECT min(code) FROM holder)", "(SELECT max(code) FROM holder)"

KEY_COLUMNS = "(id, holder, sha256, role, territories, label)"
REFUSED = [
    ([cell("[1,)"), cell("[2,)", cell_id=900_002)], "ex_cell_code_once"),
    ([cell("[1,5)"), cell("[4,)", cell_id=900_002)], "ex_cell_code_once"),
    ([cell("[1,)"), cell("[2,)", code="other")], "ex_cell_id_once"),
    ([cell("[2,2)")], "ck_cell_revisions"),
    ([cell("[0,)")], "ck_cell_revisions"),
    ([cell("[1,)", geom=POINT)], "ck_cell_polygon"),
    (["INSERT INTO area (code, level, revisions, name) SELECT code, level, '[3,)', name FROM area"],
     "ex_area_code_once"),
    (["UPDATE revision SET number = 0"], "ck_revision_from_one"),
    (["INSERT INTO city (code, settings) VALUES ('other', '{}')"], "uq_city_single"),
    (["UPDATE city SET single = false"], "ck_city_one_city"),
    ([element("person", "resident", "'somebody'")], "ck_element_person"),
    ([element("person", "petitioner")], "ck_element_person"),
    ([element("person", "cell")], "ck_element_person"),
    ([element("face", "resident")], "ck_element_class"),
    ([element("place", "shop"), element("object", "lamp")], "uq_element_source_external_id"),
    ([load(10, 5, 3, 1)], "ck_load_nothing_lost"),
    ([load(10, 5, 3, 2), "UPDATE load SET placed = 6 WHERE source = 's'"], "ck_load_nothing_lost"),
    ([exception("leave", "NULL", B)], "ck_shift_exception_who"),
    ([exception("swap", A, "NULL")], "ck_shift_exception_who"),
    ([exception("extra", A, "NULL")], "ck_shift_exception_who"),
    ([exception("holiday", A, B)], "ck_shift_exception_kind"),
    ([exception("leave", A, B, "[2026-01-01,)")], "ck_shift_exception_during"),
    ([exception("leave", A, B, "empty")], "ck_shift_exception_during"),
    ([exception("leave", "'nobody'", B)], "fk_shift_exception_holder"),
    ([placement("inside", "NULL", "120101")], "ck_element_placement_outside"),
    ([placement("outside", "5", "outside")], "ck_element_placement_outside"),
    ([placement("outside", "NULL", "120101")], "ck_element_placement_outside"),
    ([placement("edge", "5", "outside")], "ck_element_placement_outside"),
    ([placement("near", "5", "120101")], "ck_element_placement_how"),
    ([placement("inside", "5", "120101", last="1")], "ck_element_placement_revisions"),
    (["INSERT INTO post (code, kind, title, level, territory, phone) SELECT code, kind, title, level, territory, "
      "phone FROM post"], "ex_post_code_once"),
    (["UPDATE post SET kind = 'informer'"], "ck_post_kind"),
    (["UPDATE building SET households = -1"], "ck_building_households"),
    (["INSERT INTO lineage VALUES (1, 1, 2, 1.5)"], "ck_lineage_area_share"),
    (["INSERT INTO lineage VALUES (77, 1, 2, 1)"], "fk_lineage_revision"),
    ([f"INSERT INTO api_key {KEY_COLUMNS} VALUES ('k', 'k', 'h', 'king', '{{}}', '')"], "ck_api_key_role"),
    ([f"INSERT INTO api_key {KEY_COLUMNS} VALUES ('k', 'k', 'h', 'public', '{{}}', '')"], "ck_api_key_origins"),
    ([release(made_at="2026-10-31")], "ck_release_closed"),
    ([release(begins="2026-11-01")], "ck_release_closed"),
    ([release(), release()], "pk_release"),
    ([released("place", "", 1)], "fk_release_table_period"),
    ([release(), released("incidents", "", 3)], "ck_release_table_category"),
    ([release(), released("person", "resident", 10)], "ck_release_table_category"),
    ([release(), released("cats", "", 10)], "ck_release_table_subject"),
    ([release(), released("incidents", "noise", 2)], "ck_release_table_least"),
    ([release(), released("incidents", "noise", 1)], "ck_release_table_protected"),
    ([release(), released("person", "", 1)], "ck_release_table_protected"),
    ([release(), released("person", "", 10, inside="9")], "ck_release_table_inside"),
    ([release(), released("incidents", "noise", 3, outside="2")], "ck_release_table_outside"),
    ([release(), released("incidents", "noise", 3), "INSERT INTO release_row VALUES "
      "('120101', '2026-10', 'incidents', 'noise', 'district', '120101', -1)"], "ck_release_row_count"),
    (["INSERT INTO release_row VALUES ('120101', '2026-10', 'incidents', 'noise', 'district', '120101', 5)"],
     "fk_release_row_period_subject_category"),
    (["UPDATE release SET actor = 'b'"], "frozen"),
    (["DELETE FROM release_row"], "frozen"),
]  # fmt: skip


@pytest.mark.parametrize(("statements", "constraint"), REFUSED)
def test_the_database_refuses(connection: Connection, statements: list[str], constraint: str) -> None:
    for statement in statements[:-1]:
        connection.execute(text(statement))
    with pytest.raises(IntegrityError) as caught:
        connection.execute(text(statements[-1]))
    assert caught.value.orig is not None
    assert caught.value.orig.diag.constraint_name == constraint  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "statements",
    [
        [cell("[1,4)"), cell("[4,)")],
        [cell("[1,4)"), cell("[4,)", cell_id=900_002)],
        [element("person", "resident"), element("place", "shop", "'A shop'", "r2")],
        [exception("extra", "NULL", B), exception("leave", A, "NULL"), exception("swap", A, B)],
        [placement("outside", "NULL", "outside"), load(0, 0, 0, 0), load(6, 1, 2, 3)],
    ],
)
def test_what_is_right_is_taken(connection: Connection, statements: list[str]) -> None:
    assert sum(connection.execute(text(statement)).rowcount for statement in statements) == len(statements)


def test_a_rejected_row_is_kept_for_thirty_days(connection: Connection) -> None:
    connection.execute(text(load(1, 0, 0, 1)))
    connection.execute(
        text(
            "INSERT INTO rejected_row (load_id, file, line, reason, columns) "
            "SELECT max(id), 'f', 2, 'r', '{}' FROM load"
        )
    )
    days = text("SELECT round(extract(epoch FROM expires_at - now()) / 86400) FROM rejected_row WHERE file = 'f'")
    assert connection.execute(days).scalar_one() == 30


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("UPDATE cell SET name = name", "grid"),
        ("UPDATE city SET settings = settings", "grid"),
        ("DELETE FROM overlay", "overlays"),
        ("UPDATE holder SET display_name = 'x'", "duty"),
        ("DELETE FROM shift_exception", "duty"),
        ("UPDATE post SET phone = '1'", "duty"),
        ("DELETE FROM api_key", "keys"),
        ("TRUNCATE shift", "duty"),
    ],
)
def test_a_change_raises_the_version_of_its_part_alone(connection: Connection, change: str, part: str) -> None:
    versions = text("SELECT part, version FROM data_version")
    before = dict(map(tuple, connection.execute(versions)))
    connection.execute(text(change))
    after = dict(map(tuple, connection.execute(versions)))
    assert {name for name in before if before[name] != after[name]} == {part}
