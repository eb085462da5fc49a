"""Law 7: no column, no key and no row about people but what DESIGN's Privacy allows."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from gridmap.ingest.privacy import looks_personal
from gridmap.model import PERSON_CATEGORIES
from gridmap.store.database import Connection

FORBIDDEN = re.compile(
    r"name|person|resident|citizen|id_?(card|no|number)|passport|phone|mobile|tel\b|mail|address|birth|sex|gender|age\b"
    r"|health|medic|disease|relig|ethnic|nation|party|polit|petition|crim|convict|credit|score|risk|grade|rank"
    r"|face|photo|finger|biometr|track|trace|plate",
    re.IGNORECASE,
)

# What looks like it and is not about residents, each with its reason.
ALLOWED = {
    "cell.name": "the cell's own name, as on the wall",
    "area.name": "the area's official name",
    "line.name": "a street's name",
    "outline.name": "the area's official name",
    "overlay.name": "a business district's or scenic area's name",
    "element.name": "of a place, an object or an organization: a check constraint keeps it empty for a person",
    "address_alias.name": "what a street, an estate or a landmark is called now",
    "address_name.name": "of a street, an estate, a landmark, an overlay or an area",
    "address.name_id": "which of those names an address begins with",
    "draft.name": "what its planner calls a proposed change of the grid",
    "holder.display_name": "who holds a public post, as the city posts it on the wall",
    "post.phone": "a post's duty number, not a person's",
}


def test_no_column_is_about_residents(connection: Connection) -> None:
    query = text(
        "SELECT table_name || '.' || column_name FROM information_schema.columns JOIN information_schema.tables "
        "USING (table_schema, table_name) WHERE table_schema = 'public' AND table_type = 'BASE TABLE' "
        "AND table_name NOT IN ('spatial_ref_sys', 'alembic_version')"
    )
    columns = set(connection.execute(query).scalars())
    assert len(columns) > 100
    assert {column for column in columns if FORBIDDEN.search(column.partition(".")[2])} == set(ALLOWED)


@pytest.mark.parametrize(
    "column",
    ["patient_name", "mobile", "birthday", "ethnicity", "party_member", "risk_grade", "face_id", "credit"],
)
def test_the_pattern_would_notice(column: str) -> None:
    assert FORBIDDEN.search(column)


def test_no_json_column_but_those_known_and_none_with_a_key_about_residents(connection: Connection) -> None:
    query = text(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND data_type IN ('json', 'jsonb', 'hstore', 'xml')"
    )
    found = set(map(tuple, connection.execute(query)))
    # a draft's edits and the results of its checks speak of cells and lines: what they may say is a closed form
    drafts = {("draft_edit", "meant"), ("draft_certificate", "checks")}
    assert found == {("city", "settings"), ("rejected_row", "columns"), *drafts}
    keys = text("SELECT DISTINCT jsonb_object_keys(settings) FROM city")
    suspicious = {key for key in connection.execute(keys).scalars() if FORBIDDEN.search(key)}
    assert suspicious <= {"name", "name_en"}  # the city's own
    rows = text("SELECT DISTINCT jsonb_object_keys(columns) FROM rejected_row")
    assert not any(FORBIDDEN.search(key) for key in connection.execute(rows).scalars() if key != "name")


def test_a_person_is_a_reference_a_category_and_a_building(connection: Connection) -> None:
    persons = connection.execute(text("SELECT * FROM element WHERE class = 'person'")).mappings().all()
    assert persons
    carried = {
        "id", "source", "external_id", "class", "category", "building",
        "given_crs", "given_x", "given_y", "hex", "geom", "recorded_at", "cell_now",
    }  # fmt: skip
    for person in persons:
        assert {name for name, value in person.items() if value is not None} <= carried
        assert person["category"] in PERSON_CATEGORIES
        assert not looks_personal(person["external_id"])


def test_a_person_stands_where_the_building_stands(connection: Connection) -> None:
    """No flat, no track: the point of a person is the building's own."""
    query = text(
        "SELECT count(*) AS persons, count(*) FILTER (WHERE ST_Equals(person.geom, place.geom)) AS there "
        "FROM element AS person JOIN element AS place ON place.external_id = person.building "
        "WHERE person.class = 'person' AND place.class = 'place'"
    )
    row = connection.execute(query).one()
    persons = connection.execute(text("SELECT count(*) FROM element WHERE class = 'person'")).scalar_one()
    assert row.persons == row.there == persons


def test_nothing_in_the_district_is_shaped_like_an_id_or_mobile_number(connection: Connection) -> None:
    for query in (
        "SELECT external_id FROM element",
        "SELECT name FROM element WHERE name IS NOT NULL",
        "SELECT coalesce(reporter, '') || ' ' || external_id FROM incident",
        "SELECT code || ' ' || display_name FROM holder",
        "SELECT phone FROM post",
        "SELECT columns::text || reason FROM rejected_row",
    ):
        assert [value for value in connection.execute(text(query)).scalars() if looks_personal(value)] == []


def test_a_reporter_is_a_ticket_reference(connection: Connection) -> None:
    reporters = list(
        connection.execute(text("SELECT reporter FROM incident WHERE reporter IS NOT NULL")).scalars()
    )
    assert reporters
    assert all(re.fullmatch(r"T-[0-9a-f]+", reporter) for reporter in reporters)
