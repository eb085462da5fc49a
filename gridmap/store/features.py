"""Features of a collection, page by page: cells, areas, overlays, elements and incidents as a GIS asks for them.

What is asked for is a :class:`Wanted`; ids are the keys that pages go by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from shapely.geometry.base import BaseGeometry
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    Subquery,
    Text,
    and_,
    case,
    cast,
    column,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on

from gridmap.cql import Tree
from gridmap.features import CELLS, ELEMENTS, OVERLAYS, Collection
from gridmap.hexes import ranges_over
from gridmap.model import CELL_KINDS
from gridmap.store import tables
from gridmap.store.filters import condition_of, equals, touches_geometry
from gridmap.store.operands import Names
from gridmap.store.registry import communities_below, counted_areas, valid_in

# A CQL2 tree, and what turns its geometries into stored ones.
Filter: TypeAlias = tuple[Tree, Callable[[BaseGeometry], BaseGeometry]]

# Of collections that may have millions of rows, so many matches are counted and no more.
MOST_COUNTED = 100_000
_NUMBERS = ARRAY(Integer)


@dataclass(frozen=True)
class Period:
    """The revisions from ``first`` to ``last``, and the time from ``begins`` to ``ends``, both ends included.

    Ends of time that are None are open. Of what is timed by revisions a feature is as it last was in them.
    """

    first: int
    last: int
    begins: datetime | None = None
    ends: datetime | None = None


@dataclass(frozen=True)
class Counted:
    """What a release shows of n cells or areas: their codes, and by subject n counts, None where nothing shows.

    ``least`` is, by subject that the release counts, the smallest count but 0 that shows.
    """

    period: str
    codes: Sequence[str]
    counts: Mapping[str, Sequence[int | None]]
    least: Mapping[str, int]


@dataclass(frozen=True)
class Wanted:
    """What is asked of a collection. ``territories`` None is everything, what lies outside the city too.

    ``equal`` are properties and their values; all ``filters`` must hold. Collections of released counts have
    ``counted``, whose revision is the period's last; their ids are the month, a dot and the code.
    """

    collection: Collection
    lowest: str
    period: Period
    territories: Sequence[str] | None = None
    box: BaseGeometry | None = None
    equal: Mapping[str, str] = field(default_factory=dict)
    filters: Sequence[Filter] = ()
    id: int | str | None = None
    counted: Counted | None = None


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """A feature with its properties in the collection's order; ``wkb`` is in EPSG:4326."""

    id: int | str
    properties: Mapping[str, Any]
    wkb: bytes


def read_features(connection: Connection, wanted: Wanted, after: int | str | None, limit: int) -> list[FeatureRow]:
    """At most ``limit`` features by id, those after ``after``."""
    listed = _listed(wanted)
    query = select(listed).with_only_columns(
        *(listed.c[name] for name in ("fid", *wanted.collection.names)),
        func.ST_AsBinary(listed.c.geom).label("wkb"),
    )
    query = query.where(*_conditions(wanted, listed)).order_by(listed.c.fid).limit(limit)
    if after is not None:
        query = query.where(listed.c.fid > after)
    names = wanted.collection.names
    return [
        FeatureRow(row["fid"], {name: row[name] for name in names}, bytes(row["wkb"]))
        for row in connection.execute(query).mappings()
    ]


def count_features(connection: Connection, wanted: Wanted) -> int | None:
    """How many features match; None when they are more than MOST_COUNTED of elements or incidents."""
    listed = _listed(wanted)
    matching = select(literal(1)).select_from(listed).where(*_conditions(wanted, listed))
    bounded = wanted.collection.staff_only
    if bounded:
        matching = matching.limit(MOST_COUNTED + 1)
    found = connection.execute(select(func.count()).select_from(matching.subquery())).scalar_one()
    return None if bounded and found > MOST_COUNTED else int(found)


def _conditions(wanted: Wanted, listed: Subquery) -> list[ColumnElement[bool]]:
    properties = {each.name: (listed.c[each.name], each.kind) for each in wanted.collection.properties}
    conditions = [equals(*properties[name], name, value) for name, value in wanted.equal.items()]
    if wanted.box is not None:
        conditions.append(touches_geometry(listed.c.geom, wanted.box))
    for tree, to_stored in wanted.filters:
        conditions.append(condition_of(tree, Names(properties, listed.c.geom, to_stored)))
    if wanted.id is not None:
        conditions.append(listed.c.fid == wanted.id)
    return conditions


def _listed(wanted: Wanted) -> Subquery:
    """Every feature of the collection in the period, with ``fid``, its properties and ``geom``."""
    if wanted.counted is not None:
        query = _released(wanted, wanted.counted)
    elif wanted.collection.id == CELLS:
        query = _cells(wanted.period)
    elif wanted.collection.level is not None:
        query = _areas(wanted.period, wanted.collection.level, wanted.lowest)
    elif wanted.collection.id == OVERLAYS:
        query = _overlays(wanted.period)
    else:
        query = _placed(wanted)
    return query.subquery("feature")


def _since(revisions: ColumnElement[Any], period: Period) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """The first revision, and the last one if it is before the period's: no later revision changes either."""
    last = func.upper(revisions) - 1
    return (
        func.lower(revisions).label("first_revision"),
        case((last < period.last, last)).label("last_revision"),
    )


def _in_period(revisions: ColumnElement[Any], period: Period) -> ColumnElement[bool]:
    if period.first == period.last:
        return valid_in(revisions, period.last)
    return revisions.op("&&", is_comparison=True)(func.int4range(period.first, period.last, "[]"))


def _last_of(query: Select[Any], key: ColumnElement[Any], range_: ColumnElement[Any]) -> Select[Any]:
    """Of the rows with one key the last in time."""
    return query.ext(distinct_on(key)).order_by(key, func.lower(range_).desc().nulls_last())


def _cells(period: Period) -> Select[Any]:
    cell = tables.cell
    query = select(
        cell.c.id.label("fid"),
        *(cell.c[name] for name in ("code", "name", "kind", "services", "community", "geom")),
        *_since(cell.c.revisions, period),
    ).where(_in_period(cell.c.revisions, period))
    return query if period.first == period.last else _last_of(query, cell.c.id, cell.c.revisions)


def _areas(period: Period, level: str, lowest: str) -> Select[Any]:
    """Areas; cells are counted at the period's last revision, and are not known of what had ended by then."""
    area, shape = tables.area, tables.area_shape
    counted = counted_areas(period.last, lowest)
    shown = func.least(func.upper(area.c.revisions) - 1, period.last)
    query = (
        select(
            area.c.code.label("fid"),
            *(area.c[name] for name in ("code", "name", "parent")),
            *(counted.c[name] for name in ("cells", *CELL_KINDS)),
            shape.c.geom,
            *_since(area.c.revisions, period),
        )
        .join(shape, and_(shape.c.code == area.c.code, shape.c.revisions.op("@>")(shown)))
        .outerjoin(counted, and_(counted.c.code == area.c.code, shown == period.last))
        .where(area.c.level == level, _in_period(area.c.revisions, period))
    )
    return query if period.first == period.last else _last_of(query, area.c.code, area.c.revisions)


def _released(wanted: Wanted, counted: Counted) -> Select[Any]:
    """The cells, or the areas of a level, of the release's revision with what it shows of them."""
    revision, subjects = wanted.period.last, list(counted.counts)
    # As one literal each: thousands of elements would each be parsed as an expression. Codes have no such sign.
    codes = func.string_to_array("\x1f".join(counted.codes), "\x1f")
    columns = [
        cast(func.string_to_array(",".join(_number(each) for each in counted.counts[subject]), ",", ""), _NUMBERS)
        for subject in subjects
    ]
    given = (
        func.unnest(codes, *columns)
        .table_valued(column("code", Text), *(column(subject, Integer) for subject in subjects))
        .render_derived(name="counted")
    )
    if wanted.collection.level is None:
        source = tables.cell
        named, geom = [source.c[name] for name in ("name", "kind", "community")], source.c.geom
        query = select(source.c.code).join(given, given.c.code == source.c.code)
    else:
        source, shape = tables.area, tables.area_shape
        named, geom = [source.c[name] for name in ("name", "parent")], shape.c.geom
        query = (
            select(source.c.code)
            .join(shape, and_(shape.c.code == source.c.code, valid_in(shape.c.revisions, revision)))
            .join(given, given.c.code == source.c.code)
        )
    return query.add_columns(
        (literal(f"{counted.period}.", Text) + source.c.code).collate("C").label("fid"),
        *named,
        literal(counted.period, Text).label("period"),
        literal(revision, Integer).label("grid_revision"),
        *(given.c[subject] for subject in subjects),
        geom.label("geom"),
    ).where(valid_in(source.c.revisions, revision))


def _number(count: int | None) -> str:
    return "" if count is None else str(count)


def _overlays(period: Period) -> Select[Any]:
    overlay = tables.overlay
    valid = overlay.c.valid
    query = select(
        overlay.c.code.label("fid"),
        *(overlay.c[name] for name in ("code", "name", "kind", "geom")),
        func.lower(valid).label("valid_from"),
        func.upper(valid).label("valid_until"),
    )
    if period.begins is not None and period.begins == period.ends:
        return query.where(valid.op("@>")(period.begins))
    query = query.where(valid.op("&&")(func.tstzrange(period.begins, period.ends, "[]")))
    return _last_of(query, overlay.c.code, valid)


def _near(column: ColumnElement[int], box: BaseGeometry) -> ColumnElement[bool]:
    """What narrows a table whose policies keep PostGIS's own index from being used: its operators may leak."""
    ranges = ranges_over(*box.bounds)
    return true() if ranges is None else or_(*(column.between(first, last) for first, last in ranges))


def _placed(wanted: Wanted) -> Select[Any]:
    """Elements but for persons, or incidents, where the period's last revision has them."""
    elements = wanted.collection.id == ELEMENTS
    subject = tables.element if elements else tables.incident
    placement = tables.element_placement if elements else tables.incident_placement
    key = placement.c["element_id" if elements else "incident_id"]
    cell, revision = tables.cell, wanted.period.last
    own = [name for name in wanted.collection.names if name not in ("cell", "how")]
    query = (
        select(
            subject.c.id.label("fid"),
            *(subject.c[name] for name in own),
            placement.c.how,
            cell.c.code.label("cell"),
            subject.c.geom,
        )
        .join(placement, key == subject.c.id)
        .outerjoin(cell, and_(cell.c.id == placement.c.cell_id, valid_in(cell.c.revisions, revision)))
        .where(
            placement.c.first_revision <= revision,
            or_(placement.c.last_revision.is_(None), placement.c.last_revision >= revision),
        )
    )
    if wanted.box is not None:
        query = query.where(_near(subject.c.hex, wanted.box))
    if elements:
        query = query.where(subject.c["class"] != "person")
    elif wanted.period.begins is not None or wanted.period.ends is not None:
        happened = subject.c.happened_at
        query = query.where(
            *(happened >= begins for begins in (wanted.period.begins,) if begins is not None),
            *(happened <= ends for ends in (wanted.period.ends,) if ends is not None),
        )
    if wanted.territories is not None:
        codes = list(wanted.territories)
        below = communities_below(codes, revision, wanted.lowest)
        query = query.where(or_(cell.c.code.in_(codes), cell.c.community.in_(below)))
    return query
