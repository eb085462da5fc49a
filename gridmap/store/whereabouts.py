"""Lookups in a revision that is not in memory: the same answers, from PostGIS.

``ST_Covers`` and the lowest code decide, as law 1 says; distances are in the city's metric crs.
"""

from __future__ import annotations

from pyproj import CRS
from sqlalchemy import Connection, RowMapping, text

from gridmap.coverage.answer import Candidate, Question, Whereabouts
from gridmap.coverage.index import ON_EDGE_M
from gridmap.coverage.nearby import LONGEST_EDGE_DEGREES
from gridmap.errors import NotFound
from gridmap.model import Area, Cell, City, Overlay, Revision

# ``metric`` is a cell, or its edges, in the metric crs. Edges are straight in lon, lat: long ones are cut before
# they bend.
_COVERING = text(
    """
    SELECT id, code, name, kind, community, services,
           ST_Distance(ST_Boundary(metric), ST_Transform(point.geom, :srid)) AS edge_distance_m,
           ST_Intersects(ST_Boundary(cell.geom), point.geom) AS on_edge
    FROM cell, (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS geom) AS point,
         LATERAL ST_Transform(ST_Segmentize(cell.geom, :cut), :srid) AS metric
    WHERE revisions @> CAST(:revision AS integer) AND ST_Covers(cell.geom, point.geom)
    ORDER BY code LIMIT 1
    """
)

_WITHIN = text(
    """
    SELECT code, community, ST_Distance(metric, ST_Transform(point.geom, :srid)) AS distance_m
    FROM cell, (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS geom) AS point,
         LATERAL ST_Boundary(ST_Transform(ST_Segmentize(cell.geom, :cut), :srid)) AS metric
    WHERE revisions @> CAST(:revision AS integer)
      AND cell.geom && ST_Envelope(ST_Buffer(point.geom::geography, :within_m + 1)::geometry)
      AND ST_DWithin(metric, ST_Transform(point.geom, :srid), :within_m)
    ORDER BY distance_m, code
    """
)

_NEAREST = text(
    """
    SELECT code, community, ST_Distance(metric, ST_Transform(point.geom, :srid)) AS distance_m
    FROM (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS geom) AS point,
         LATERAL (SELECT code, community, geom FROM cell WHERE revisions @> CAST(:revision AS integer)
                  ORDER BY cell.geom <-> point.geom LIMIT 16) AS near,
         LATERAL ST_Boundary(ST_Transform(ST_Segmentize(near.geom, :cut), :srid)) AS metric
    ORDER BY distance_m, code LIMIT 1
    """
)

_CHAIN = text(
    """
    WITH RECURSIVE chain AS (
        SELECT code, level, name, parent, 1 AS step FROM area
        WHERE code = :code AND revisions @> CAST(:revision AS integer)
        UNION ALL
        SELECT area.code, area.level, area.name, area.parent, step + 1
        FROM area JOIN chain ON area.code = chain.parent WHERE revisions @> CAST(:revision AS integer)
    )
    SELECT code, level, name, parent FROM chain ORDER BY step
    """
)

_OVERLAYS = text(
    """
    SELECT code, name, kind FROM overlay
    WHERE valid @> CAST(:at AS timestamptz) AND ST_Covers(geom, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326))
    ORDER BY code
    """
)


def locate(
    connection: Connection,
    city: City,
    revision: Revision,
    question: Question,
) -> Whereabouts:
    """Where a point lay in ``revision``, with the overlays valid at the time asked for."""
    point = {
        "lon": question.lon,
        "lat": question.lat,
        "revision": revision.number,
        "srid": CRS(city.metric_crs).to_epsg(),
        "cut": LONGEST_EDGE_DEGREES,
    }
    accuracy_m = question.accuracy_m
    overlays = tuple(Overlay(*row) for row in connection.execute(_OVERLAYS, {**point, "at": question.at}))
    found = connection.execute(_COVERING, point).mappings().one_or_none()
    within = connection.execute(_WITHIN, {**point, "within_m": max(accuracy_m, ON_EDGE_M)}).all()
    chains = {row.community: read_chain(connection, revision, row.community) for row in within}
    near = [
        Candidate(row.code, row.distance_m if row.distance_m > ON_EDGE_M else 0.0, chains[row.community])
        for row in within
    ]
    if found is None:
        row = connection.execute(_NEAREST, point).one()
        nearest = Candidate(row.code, row.distance_m, read_chain(connection, revision, row.community))
        return Whereabouts(revision, "outside", None, (), overlays, None, bool(near), tuple(near), nearest)
    edge_distance_m = 0.0 if found["on_edge"] else found["edge_distance_m"]
    sure = not found["on_edge"] and edge_distance_m > max(accuracy_m, ON_EDGE_M)
    others = () if sure else (one for one in near if one.code != found["code"])
    areas = read_chain(connection, revision, found["community"])
    return Whereabouts(
        revision=revision,
        how="edge" if found["on_edge"] else "inside",
        cell=_cell(found),
        areas=areas,
        overlays=overlays,
        edge_distance_m=edge_distance_m,
        ambiguous=not sure,
        candidates=(Candidate(found["code"], 0.0, areas), *others),
        nearest=None,
    )


def _cell(row: RowMapping) -> Cell:
    return Cell(
        id=row["id"],
        code=row["code"],
        name=row["name"],
        kind=row["kind"],
        community=row["community"],
        services=tuple(row["services"]),
    )


def read_chain(connection: Connection, revision: Revision, code: str) -> tuple[Area, ...]:
    """An area and those above it, up to the city; NotFound when the revision has no such area."""
    chain = connection.execute(_CHAIN, {"code": code, "revision": revision.number})
    areas = tuple(Area(code=row.code, level=row.level, name=row.name, parent=row.parent) for row in chain)
    if not areas:
        raise NotFound(f"no area {code!r} in revision {revision.number}")
    return areas
