"""The address table: made from what is loaded, complete, and every statement planned on a migrated database."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import TextClause, text

from gridmap.actions.addresses import refresh_addresses
from gridmap.store.addresses import STATEMENTS, StoredAddresses
from gridmap.store.database import Connection


def scalar(connection: Connection, query: str) -> int:
    return int(connection.execute(text(query)).scalar_one())


@pytest.mark.parametrize("number", range(len(STATEMENTS)))
def test_every_statement_is_prepared(connection: Connection, number: int) -> None:
    statement: TextClause = STATEMENTS[number]
    names = iter(range(1, 20))
    known: dict[str, str] = {}

    def placeholder(found: re.Match[str]) -> str:
        if found.group(1) not in known:
            known[found.group(1)] = f"${next(names)}"
        return known[found.group(1)]

    sql = re.sub(r"(?<!:):(\w+)", placeholder, statement.text)
    kinds = {
        "names": "integer[]",
        "ones": "integer[]",
        "others": "integer[]",
        "most": "integer",
        "number": "integer",
    }
    kinds |= {"kind": "text", "step": "float8"}
    types = ", ".join(kinds.get(name, "text[]") for name in known)
    cursor = connection.connection.cursor()
    cursor.execute(f"PREPARE asked_{number} ({types}) AS {sql}")


def test_every_building_has_its_number_and_its_block(connection: Connection) -> None:
    numbered = scalar(connection, "SELECT count(*) FROM building WHERE street IS NOT NULL AND number IS NOT NULL")
    settled = scalar(connection, "SELECT count(*) FROM building WHERE estate IS NOT NULL AND block IS NOT NULL")
    assert (
        scalar(connection, "SELECT count(*) FROM address WHERE kind = 'number' AND number > 0") == numbered > 1000
    )
    assert scalar(connection, "SELECT count(*) FROM address WHERE kind = 'block' AND number > 0") == settled > 500
    wrong = """
        SELECT count(*) FROM address JOIN address_name name ON name.id = address.name_id
        WHERE address.kind = 'number' AND address.text NOT LIKE name.name || address.number || '号%'
    """
    assert scalar(connection, wrong) == 0


def test_places_and_organizations_are_landmarks_and_persons_and_objects_are_not(connection: Connection) -> None:
    classes = "SELECT count(*) FROM element WHERE name <> '' AND class IN ('place', 'organization')"
    assert scalar(connection, "SELECT count(*) FROM address WHERE kind = 'landmark'") == scalar(
        connection, classes
    )
    objects = "SELECT count(*) FROM address_name JOIN element USING (name) WHERE class IN ('person', 'object')"
    assert scalar(connection, objects) == 0


def test_a_crossing_lies_on_both_streets(connection: Connection) -> None:
    off = """
        SELECT count(*) FROM address JOIN address_name name ON name.id IN (address.name_id, address.other_id)
        WHERE address.kind = 'crossing' AND NOT EXISTS (
            SELECT FROM line WHERE line.name = name.name AND ST_DWithin(line.geom, address.geom, 0.000002)
        )
    """
    assert scalar(connection, off) == 0
    assert scalar(connection, "SELECT count(*) FROM address WHERE kind = 'crossing'") > 1000


def test_every_point_has_its_hex(connection: Connection) -> None:
    assert scalar(connection, "SELECT count(*) FROM address WHERE (hex IS NULL) <> (kind = 'street')") == 0


def test_made_again_it_is_the_same(connection: Connection) -> None:
    everything = text(
        "SELECT address.kind, name.name, other.name, number, suffix, text, code, source, hex, geom FROM address "
        "JOIN address_name name ON name.id = name_id LEFT JOIN address_name other ON other.id = other_id ORDER BY "
        "address.kind, name.name, other.name, number, suffix, text, source, geom"
    )
    before = connection.execute(everything).all()
    counts = refresh_addresses(connection)
    assert connection.execute(everything).all() == before
    assert sum(counts.values()) == len(before)


def test_a_new_building_is_found_after_a_refresh(connection: Connection) -> None:
    first = "(SELECT min(element_id) FROM building)"
    changed = f"UPDATE building SET street = '全新大街', number = '甲七号' WHERE element_id = {first}"
    connection.execute(text(changed))
    asked = StoredAddresses(connection)
    assert asked.names(["全新大街"], []) == []
    refresh_addresses(connection)
    (name,) = asked.names(["全新大街"], [])
    (row,) = asked.rows([name.id], "number", 7)
    assert (row.text.split()[0], row.suffix) == ("全新大街甲七号", "甲")


def test_aliases_are_kept_until_others_come(connection: Connection) -> None:
    asked = StoredAddresses(connection)
    refresh_addresses(connection, [("老城厢大街", "建义路", "1953")])
    refresh_addresses(connection)
    (alias,) = asked.names(["老城厢大街"], [])
    assert (alias.kind, alias.stands_for) == ("alias", "建义路")
    refresh_addresses(connection, [])
    assert asked.names(["老城厢大街"], []) == []


@pytest.mark.parametrize("spoilt", ["%", "_", "'", "\\", "a,b{}", "“”", ""])
def test_any_text_may_be_looked_up(connection: Connection, spoilt: str) -> None:
    asked = StoredAddresses(connection)
    asked.names([spoilt], [spoilt])
    asked.alike([spoilt], [spoilt])
