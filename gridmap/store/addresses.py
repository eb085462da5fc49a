"""The unified address table: made from what is loaded, and looked up by name, sound and number.

A name is looked up exactly, by sound, one character away, and as a part; every way has its index.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from sqlalchemy import Connection, bindparam, delete, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

from gridmap.addresses.reading import written_number
from gridmap.addresses.search import Named, Row
from gridmap.addresses.sound import sound
from gridmap.addresses.writing import key, one_left_out, simplified
from gridmap.hexes import hexes_of
from gridmap.store import tables
from gridmap.store.copy import array_column, copy_rows, geometry_column

# A street's own line is asked for at points this far apart, in degrees: about 50 m.
_ALONG_DEGREES = 0.0005
# A name must sound this much like what was said to be thought of, and this many names are.
_LIKENESS = 0.45
_MOST_ALIKE = 20
_MOST_ROWS = 2_000

_TEXTS = ARRAY(TEXT(collation="C"))

_SOURCES_OF_NAMES = text(
    """
    SELECT 'street' AS kind, name, NULL AS stands_for FROM line WHERE kind = 'street' AND name <> ''
    UNION SELECT 'street', street, NULL FROM building WHERE street <> ''
    UNION SELECT 'estate', estate, NULL FROM building WHERE estate <> ''
    UNION SELECT 'landmark', name, NULL FROM element WHERE class IN ('place', 'organization') AND name <> ''
    UNION SELECT 'overlay', name, NULL FROM overlay WHERE valid @> now()
    UNION SELECT 'area', name, NULL FROM area WHERE upper_inf(revisions)
    UNION SELECT 'alias', alias, name FROM address_alias
    """
)

_WRITTEN_NUMBERS = text(
    "SELECT number FROM building WHERE number <> '' UNION SELECT block FROM building WHERE block <> ''"
)

_NUMERALS = text(
    """
    DROP TABLE IF EXISTS pg_temp.address_numeral;
    CREATE TEMPORARY TABLE address_numeral (written text PRIMARY KEY, number integer, suffix text NOT NULL)
    ON COMMIT DROP
    """
)

# One row per house number, block, named street line and landmark; all set-based.
_FROM_SOURCES = (
    """
    INSERT INTO address (kind, name_id, other_id, number, suffix, text, source, hex, geom)
    SELECT 'number', street.id, estate.id, numeral.number, coalesce(numeral.suffix, ''),
           concat(building.street, building.number, ' ' || building.estate || building.block),
           element.source, element.hex, element.geom
    FROM building JOIN element ON element.id = building.element_id
    JOIN address_name street ON street.kind = 'street' AND street.name = building.street
    LEFT JOIN address_name estate ON estate.kind = 'estate' AND estate.name = building.estate
    LEFT JOIN address_numeral numeral ON numeral.written = building.number
    """,
    """
    INSERT INTO address (kind, name_id, other_id, number, suffix, text, source, hex, geom)
    SELECT 'block', estate.id, street.id, numeral.number, coalesce(numeral.suffix, ''),
           concat(building.estate, building.block, ' ' || building.street || building.number),
           element.source, element.hex, element.geom
    FROM building JOIN element ON element.id = building.element_id
    JOIN address_name estate ON estate.kind = 'estate' AND estate.name = building.estate
    LEFT JOIN address_name street ON street.kind = 'street' AND street.name = building.street
    LEFT JOIN address_numeral numeral ON numeral.written = building.block
    """,
    """
    INSERT INTO address (kind, name_id, text, source, geom)
    SELECT 'street', street.id, line.name, 'line', line.geom
    FROM line JOIN address_name street ON street.kind = 'street' AND street.name = line.name
    WHERE line.kind = 'street'
    """,
    """
    INSERT INTO address (kind, name_id, text, source, hex, geom)
    SELECT 'landmark', landmark.id, element.name, element.source, element.hex, element.geom
    FROM element JOIN address_name landmark ON landmark.kind = 'landmark' AND landmark.name = element.name
    WHERE element.class IN ('place', 'organization')
    """,
)

# Two streets cross where their lines meet; the lower name leads, so that a crossing stands once.
_CROSSINGS = text(
    """
    SELECT DISTINCT CASE WHEN one.name < other.name THEN one_name.id ELSE other_name.id END AS one,
           CASE WHEN one.name < other.name THEN other_name.id ELSE one_name.id END AS other,
           least(one.name, other.name) || '与' || greatest(one.name, other.name) || '交口' AS text,
           round(ST_X(point.geom)::numeric, 6) AS lon, round(ST_Y(point.geom)::numeric, 6) AS lat
    FROM line one JOIN line other ON one.geom && other.geom AND one.id < other.id AND one.name <> other.name
    CROSS JOIN LATERAL ST_Dump(ST_Intersection(one.geom, other.geom)) AS point
    JOIN address_name one_name ON one_name.kind = 'street' AND one_name.name = one.name
    JOIN address_name other_name ON other_name.kind = 'street' AND other_name.name = other.name
    WHERE one.kind = 'street' AND other.kind = 'street' AND GeometryType(point.geom) = 'POINT'
    """
)

_POINT_OF_AREA = """
    SELECT 'area' AS kind, name.id AS name_id, area.name AS text, area.code,
           ST_X(point) AS lon, ST_Y(point) AS lat
    FROM area JOIN area_shape shape ON shape.code = area.code AND upper_inf(shape.revisions)
    JOIN address_name name ON name.kind = 'area' AND name.name = area.name
    CROSS JOIN LATERAL ST_PointOnSurface(shape.geom) AS point
    WHERE upper_inf(area.revisions)
"""
_POINTS_OF_AREAS = text(f"{_POINT_OF_AREA} AND area.code = ANY(CAST(:codes AS text[]))")
_AREA_POINTS = text(
    f"""
    {_POINT_OF_AREA}
    UNION ALL
    SELECT 'overlay', name.id, overlay.name, overlay.code, ST_X(point), ST_Y(point)
    FROM overlay JOIN address_name name ON name.kind = 'overlay' AND name.name = overlay.name
    CROSS JOIN LATERAL ST_PointOnSurface(overlay.geom) AS point
    WHERE overlay.valid @> now()
    """  # noqa: S608 - the parts are constants of this module
)


def replace_aliases(connection: Connection, aliases: Sequence[tuple[str, str, str]]) -> None:
    """Other names, as (alias, name it stands for, note)."""
    connection.execute(delete(tables.address_alias))
    columns = ("alias", "name", "note")
    rows = {column: pa.array([row[i] for row in aliases], pa.string()) for i, column in enumerate(columns)}
    copy_rows(connection, tables.address_alias, pa.table(rows))


def rebuild_addresses(connection: Connection) -> dict[str, int]:
    """Make names and addresses anew from what is loaded; how many of each kind there are.

    Readers go on with the old rows until the transaction commits.
    """
    connection.execute(delete(tables.address))
    connection.execute(delete(tables.address_name))
    _insert_names(connection, connection.execute(_SOURCES_OF_NAMES).all())
    _insert_numerals(connection)
    connection.execute(text("ANALYZE address_name"))
    for statement in _FROM_SOURCES:
        connection.execute(text(statement))
    # The planner must know of the lines, which may have come in this transaction, to use their index.
    connection.execute(text("ANALYZE line"))
    crossings = connection.execute(_CROSSINGS).all()
    _insert_points(
        connection,
        {
            "kind": ["crossing"] * len(crossings),
            "name_id": [row.one for row in crossings],
            "other_id": [row.other for row in crossings],
            "text": [row.text for row in crossings],
            "source": ["line"] * len(crossings),
        },
        [(float(row.lon), float(row.lat)) for row in crossings],
    )
    _insert_vague(connection, connection.execute(_AREA_POINTS).all())
    connection.execute(text("ANALYZE address"))
    counts = connection.execute(text("SELECT kind, count(*) FROM address GROUP BY kind ORDER BY kind"))
    return {kind: int(count) for kind, count in counts}


_LOST_AREA_NAMES = text(
    """
    DELETE FROM address_name AS known WHERE kind = 'area'
    AND NOT EXISTS (SELECT FROM area WHERE area.name = known.name AND upper_inf(area.revisions))
    """
)

_NEW_AREA_NAMES = text(
    """
    SELECT DISTINCT 'area' AS kind, name, NULL AS stands_for FROM area
    WHERE upper_inf(revisions) AND code = ANY(CAST(:codes AS text[]))
      AND NOT EXISTS (SELECT FROM address_name AS known WHERE known.kind = 'area' AND known.name = area.name)
    """
)


def refresh_areas(connection: Connection, codes: Sequence[str]) -> None:
    """Bring names and addresses of areas up to date that begin, end, or have another name or shape."""
    if not codes:
        return
    given = {"codes": list(codes)}
    connection.execute(
        text("DELETE FROM address WHERE kind = 'area' AND code = ANY(CAST(:codes AS text[]))"), given
    )
    connection.execute(_LOST_AREA_NAMES)
    _insert_names(connection, connection.execute(_NEW_AREA_NAMES, given).all())
    _insert_vague(connection, connection.execute(_POINTS_OF_AREAS, given).all())


def _insert_vague(connection: Connection, rows: Sequence[Any]) -> None:
    """Areas and overlays, which have a point but no street."""
    _insert_points(
        connection,
        {
            "kind": [row.kind for row in rows],
            "name_id": [row.name_id for row in rows],
            "text": [row.text for row in rows],
            "code": [row.code for row in rows],
            "source": [row.kind for row in rows],
        },
        [(row.lon, row.lat) for row in rows],
    )


def _insert_names(connection: Connection, names: Sequence[Any]) -> None:
    """Each name once per kind, with its key, its sound and the key with each character left out."""
    keys = [key(row.name) for row in names]
    rows = {
        "kind": pa.array([row.kind for row in names], pa.string()),
        "name": pa.array([row.name for row in names], pa.string()),
        "key": pa.array(keys, pa.string()),
        "sound": pa.array([sound(simplified(row.name)) for row in names], pa.string()),
        "left_out": array_column([one_left_out(form) for form in keys]),
        "stands_for": pa.array([row.stands_for and key(row.stands_for) for row in names], pa.string()),
    }
    copy_rows(connection, tables.address_name, pa.table(rows))


def _insert_numerals(connection: Connection) -> None:
    """What written numbers mean: few different ones, joined to many buildings."""
    connection.execute(_NUMERALS)
    meant = [
        {"written": written, "number": parsed[0], "suffix": parsed[1]}
        for written in connection.execute(_WRITTEN_NUMBERS).scalars()
        if (parsed := written_number(written)) is not None
    ]
    if meant:
        insert = text("INSERT INTO address_numeral VALUES (:written, :number, :suffix)")
        connection.execute(insert, meant)


def _insert_points(
    connection: Connection, columns: dict[str, list[object]], points: list[tuple[float, float]]
) -> None:
    if not points:
        return
    lon, lat = np.array(points, dtype=np.float64).T
    rows = {name: pa.array(values) for name, values in columns.items()}
    copy_rows(
        connection,
        tables.address,
        pa.table({**rows, "hex": pa.array(hexes_of(lon, lat)), "geom": geometry_column(shapely.points(lon, lat))}),
    )


_NAMES = text(
    """
    SELECT id, kind, name, key, sound, stands_for FROM address_name
    WHERE key = ANY(:keys) OR sound = ANY(:sounds) OR left_out && :left_out
    ORDER BY key, kind, id
    """
).bindparams(*(bindparam(name, type_=_TEXTS) for name in ("keys", "sounds", "left_out")))

# Names that hold what was said, written or by sound, then names that sound much like it as a whole. Each way is
# cut off by itself: a short part stands in thousands of names.
_ALIKE = text(
    """
    SELECT DISTINCT ON (likeness, length(key), key, kind, id) id, kind, name, key, sound, stands_for FROM (
        SELECT within.*, 0.9 AS likeness
        FROM unnest(CAST(:parts AS text[]), CAST(:sounds AS text[])) AS asked (part, sound)
        CROSS JOIN LATERAL (
            SELECT * FROM address_name
            WHERE address_name.key LIKE asked.part OR address_name.sound LIKE '%' || asked.sound || '%'
            ORDER BY length(key), key, id LIMIT :most
        ) AS within
        UNION ALL
        SELECT near.*
        FROM unnest(CAST(:sounds AS text[])) AS asked (sound)
        CROSS JOIN LATERAL (
            SELECT address_name.*, similarity(address_name.sound, asked.sound) AS likeness FROM address_name
            WHERE address_name.sound % asked.sound ORDER BY likeness DESC, id LIMIT :most
        ) AS near
    ) AS found
    ORDER BY likeness DESC, length(key), key, kind, id LIMIT :most
    """
)
_SET_LIKENESS = text("SELECT set_config('pg_trgm.similarity_threshold', :likeness, true)")

_ROWS = text(
    """
    SELECT kind, name_id, other_id, number, suffix, text, code, ST_X(geom) AS lon, ST_Y(geom) AS lat
    FROM address
    WHERE name_id = ANY(:names) AND kind = :kind AND (CAST(:number AS integer) IS NULL OR number = :number)
    ORDER BY number, suffix, id LIMIT :most
    """
)

_ALONG = text(
    """
    SELECT 'street' AS kind, name_id, NULL AS other_id, NULL AS number, '' AS suffix, text, NULL AS code,
           ST_X(point.geom) AS lon, ST_Y(point.geom) AS lat
    FROM address CROSS JOIN LATERAL ST_DumpPoints(ST_Segmentize(geom, :step)) AS point
    WHERE name_id = ANY(:names) AND kind = 'street' LIMIT :most
    """
)

_CROSSING_ROWS = text(
    """
    SELECT kind, name_id, other_id, number, suffix, text, code, ST_X(geom) AS lon, ST_Y(geom) AS lat
    FROM address
    WHERE kind = 'crossing' AND (
        name_id = ANY(:ones) AND other_id = ANY(:others) OR name_id = ANY(:others) AND other_id = ANY(:ones)
    )
    ORDER BY id LIMIT :most
    """
)

_CROSSINGS_OF = text(
    """
    SELECT kind, name_id, other_id, number, suffix, text, code, ST_X(geom) AS lon, ST_Y(geom) AS lat
    FROM address WHERE kind = 'crossing' AND (name_id = ANY(:names) OR other_id = ANY(:names))
    ORDER BY id LIMIT :most
    """
)

STATEMENTS = (_NAMES, _ALIKE, _ROWS, _ALONG, _CROSSING_ROWS, _CROSSINGS_OF)


class StoredAddresses:
    """The address table behind one open connection, as :class:`gridmap.addresses.search.Source` asks for it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def names(self, keys: Sequence[str], sounds: Sequence[str]) -> list[Named]:
        """Names that are equal to a key, sound like it, or may be one character away."""
        left_out = list(dict.fromkeys(form for one in keys for form in one_left_out(one)))
        given = {"keys": list(keys), "sounds": list(sounds), "left_out": left_out}
        return [Named(*row) for row in self._connection.execute(_NAMES, given)]

    def alike(self, keys: Sequence[str], sounds: Sequence[str]) -> list[Named]:
        """Names that hold a key, or have a part that sounds much like it; the most alike first."""
        parts = [f"%{re.sub('[%_]', '', one)}%" if len(one) > 1 else "" for one in keys]
        self._connection.execute(_SET_LIKENESS, {"likeness": str(_LIKENESS)})
        given = {"sounds": [one or "-" for one in sounds], "parts": parts, "most": _MOST_ALIKE}
        return [Named(*row) for row in self._connection.execute(_ALIKE, given)]

    def rows(self, names: Sequence[int], kind: str, number: int | None = None) -> list[Row]:
        """Addresses of one kind by their names' ids, all or those with a number."""
        given = {"names": list(names), "kind": kind, "number": number, "most": _MOST_ROWS}
        return [Row(*row) for row in self._connection.execute(_ROWS, given)]

    def along(self, names: Sequence[int]) -> list[Row]:
        """Points along streets, every 50 m or so."""
        given = {"names": list(names), "step": _ALONG_DEGREES, "most": _MOST_ROWS}
        return [Row(*row) for row in self._connection.execute(_ALONG, given)]

    def crossings(self, ones: Sequence[int], others: Sequence[int]) -> list[Row]:
        """Where one of some streets meets one of others."""
        given = {"ones": list(ones), "others": list(others), "most": _MOST_ROWS}
        return [Row(*row) for row in self._connection.execute(_CROSSING_ROWS, given)]

    def crossings_of(self, names: Sequence[int]) -> list[Row]:
        """All crossings of some streets."""
        given = {"names": list(names), "most": _MOST_ROWS}
        return [Row(*row) for row in self._connection.execute(_CROSSINGS_OF, given)]


# What may stand before an address: the city, the district.
_BEFORE = re.compile(r"^(?:[^市区县]{1,6}市)?(?:[^市区县]{1,8}[区县])?")
_PLACES = text(
    """
    SELECT text, min(ST_X(geom)), min(ST_Y(geom)) FROM address
    WHERE text = ANY(:texts) AND kind IN ('number', 'block', 'landmark', 'crossing')
    GROUP BY text HAVING count(*) = 1
    """
)


def places_of(connection: Connection, addresses: Sequence[str]) -> dict[str, tuple[float, float]]:
    """lon, lat of addresses that stand in the table just so, and once; the city or district may come before."""
    plain = {address: _BEFORE.sub("", address) or address for address in addresses}
    wanted = sorted({*plain, *plain.values()})
    found = {row[0]: (row[1], row[2]) for row in connection.execute(_PLACES, {"texts": wanted})}
    return {
        address: found.get(address) or found[short]
        for address, short in plain.items()
        if address in found or short in found
    }
