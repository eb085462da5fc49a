"""OGC API Features: pages of features and single ones, of any revision, in any system offered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response

from api.deps import LARGEST_REVISION, ActorDep, ServiceDep
from api.ogc import geojson
from api.ogc.access import collection_for, needed_for, territories_of
from api.ogc.finding import count_parts, head_of_releases, months_of, parts_wanted, period_over, read_parts
from api.ogc.links import Link, Place, link
from api.ogc.pages import features_page
from api.ogc.parameters import (
    LARGEST_PAGE,
    USUAL_PAGE,
    When,
    box_of,
    equal_of,
    filters_of,
    period_of,
)
from api.ogc.routing import (
    GEOJSON,
    HTML,
    JSON,
    PROBLEMS,
    FormQuery,
    OgcRoute,
    answer,
    documented,
    known_parameters,
    refuse_unknown,
    wants_html,
)
from api.ogc.systems import system_of
from gridmap.cql import LONGEST
from gridmap.errors import InvalidInput, NotFound
from gridmap.features import Collection, Timing
from gridmap.model import City
from gridmap.projecting import Axes
from gridmap.store.features import FeatureRow, Period, Wanted

router = APIRouter(prefix="/ogc", tags=["ogc"], route_class=OgcRoute, responses=PROBLEMS)

CollectionPath = Annotated[str, Path(max_length=80, description="cells, a level of area, overlays …")]
CrsQuery = Annotated[
    str | None, Query(max_length=100, description="address of the answer's crs; CRS84 if not given")
]
DatetimeQuery = Annotated[
    str | None, Query(max_length=100, description="a time, or begin/end with .. at an open end")
]
RevisionQuery = Annotated[
    int | None, Query(ge=1, le=LARGEST_REVISION, description="the grid of this revision; next links pin it")
]
SinceQuery = Annotated[
    int | None,
    Query(ge=1, le=LARGEST_REVISION, description="also what was valid from this revision on, as it last was"),
]
_LARGEST_ID = 2**62


@router.get("/collections/{collection_id}/items", responses=documented(GEOJSON), response_class=Response)
def get_items(
    request: Request,
    service: ServiceDep,
    actor: ActorDep,
    collection_id: CollectionPath,
    limit: Annotated[int, Query(ge=1, description=f"at most so many, and never over {LARGEST_PAGE}")] = USUAL_PAGE,
    bbox: Annotated[str | None, Query(max_length=300, description="what touches this box")] = None,
    bbox_crs: Annotated[str | None, Query(alias="bbox-crs", max_length=100, description="crs of bbox")] = None,
    crs: CrsQuery = None,
    datetime: DatetimeQuery = None,
    revision: RevisionQuery = None,
    since: SinceQuery = None,
    filter_: Annotated[
        str | None, Query(alias="filter", max_length=LONGEST, description="CQL2 text over the queryables")
    ] = None,
    filter_lang: Annotated[str | None, Query(alias="filter-lang", description="cql2-text")] = None,
    filter_crs: Annotated[
        str | None, Query(alias="filter-crs", max_length=100, description="… of its geometries")
    ] = None,
    after: Annotated[str | None, Query(max_length=80, description="go on after this id")] = None,
    f: FormQuery = None,
) -> Response:
    """Features by id, page by page. The next link stays in the revision that the list was begun in.

    Each queryable is a parameter too, and means equality. A parameter that is neither is an error.
    """
    snapshot = service.state.ready
    city = snapshot.city
    collection = collection_for(city, actor, collection_id)
    address, axes = system_of(city, "crs", crs)
    equal = equal_of(collection, request.query_params, known_parameters(request))
    box, filters = box_of(city, bbox, bbox_crs), filters_of(city, filter_, filter_lang, filter_crs)
    start = None if after is None else _identity(collection, after, "after")
    size = min(limit, LARGEST_PAGE)
    with service.database.begin(actor, *needed_for(collection)) as connection:
        when = When(datetime, revision, since)
        period = period_of(connection, snapshot.grid.revision, city, collection, when)
        wanted = Wanted(collection, city.lowest_level, period, territories_of(city, actor), box, equal, filters)
        parts = parts_wanted(connection, service, city, wanted, datetime)
        rows = read_parts(connection, parts, start, size + 1)
        matched = count_parts(connection, parts)
    place, html = Place(request, service), wants_html(request, f)
    period = period_over(parts, period)
    links = _links(place, collection, period, months_of(parts), rows, size, html)
    page = _Page(collection, city, period, rows[:size], links, place, head_of_releases(parts))
    head = {"numberMatched": matched, "numberReturned": len(page.rows)}
    content = page.html(collection.title, head) if html else page.geojson(axes, matched)
    return page.answer(content, address, html)


@router.get("/collections/{collection_id}/items/{fid}", responses=documented(GEOJSON), response_class=Response)
def get_item(
    request: Request,
    service: ServiceDep,
    actor: ActorDep,
    collection_id: CollectionPath,
    fid: Annotated[str, Path(max_length=80, description="id of the feature")],
    crs: CrsQuery = None,
    datetime: DatetimeQuery = None,
    revision: RevisionQuery = None,
    since: SinceQuery = None,
    f: FormQuery = None,
) -> Response:
    """One feature, of the current revision or of the one asked for."""
    refuse_unknown(request)
    snapshot = service.state.ready
    city = snapshot.city
    collection = collection_for(city, actor, collection_id)
    address, axes = system_of(city, "crs", crs)
    try:
        identity = _identity(collection, fid, "fid")
    except InvalidInput as error:
        raise NotFound(f"no feature {fid!r} in {collection_id}") from error
    with service.database.begin(actor, *needed_for(collection)) as connection:
        when = When(datetime, revision, since)
        period = period_of(connection, snapshot.grid.revision, city, collection, when)
        territories = territories_of(city, actor)
        wanted = Wanted(collection, city.lowest_level, period, territories, id=identity)
        parts = parts_wanted(connection, service, city, wanted, datetime)
        rows = read_parts(connection, parts, None, 1)
    if not rows:
        where = "the release that is asked for" if collection.released else f"revision {period.last}"
        raise NotFound(f"no feature {fid!r} in {collection_id} in {where}")
    period = period_over(parts, period)
    place, html = Place(request, service), wants_html(request, f)
    back = f"{place.ogc}/collections/{collection.id}"
    links = [*place.self_links(html, GEOJSON), link("collection", back, JSON, collection.title)]
    page = _Page(collection, city, period, rows, links, place, head_of_releases(parts))
    content = page.html(f"{collection.title} {fid}", {}) if html else page.feature(axes)
    return page.answer(content, address, html)


@dataclass(frozen=True)
class _Page:
    """What was found, ready to be written in the form that is wanted."""

    collection: Collection
    city: City
    period: Period
    rows: Sequence[FeatureRow]
    links: Sequence[Link]
    place: Place
    more: Mapping[str, object]

    def geojson(self, axes: Axes, matched: int | None) -> bytes:
        head = {**geojson.head_of(self.city, self.period.last), **self.more}
        return geojson.collection_json(self.rows, axes, self.city, head, matched, self.links)

    def feature(self, axes: Axes) -> bytes:
        head = {**geojson.head_of(self.city, self.period.last), **self.more}
        return geojson.feature_json(self.rows[0], axes, self.city, head, self.links)

    def html(self, title: str, head: Mapping[str, object]) -> bytes:
        shapes = geojson.shapes_of(self.rows, Axes("wgs84"))
        listed = [(self._address(row), row.id, geojson.properties_of(row, self.city)) for row in self.rows]
        shown = {"revision": self.period.last, **head}
        return features_page(self.city, title, shown, listed, shapes, self.links)

    def answer(self, content: bytes, crs: str, html: bool) -> Response:
        cache = "private, no-store" if self.collection.staff_only else "no-cache"
        media_type = f"{HTML}; charset=utf-8" if html else GEOJSON
        return answer(content, media_type, Content_Crs=f"<{crs}>", Cache_Control=cache)

    def _address(self, row: FeatureRow) -> str:
        timeless = self.collection.timing in (Timing.VALID, Timing.RELEASED)
        pinned = "" if timeless else f"&revision={self.period.last}"
        items = f"{self.place.ogc}/collections/{self.collection.id}/items"
        return f"{items}/{quote(str(row.id), safe='')}?f=html{pinned}"


def _identity(collection: Collection, text: str, field: str) -> int | str:
    if not collection.number_ids:
        return text
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) > _LARGEST_ID:
        raise InvalidInput(field, text, f"must be a whole number: the ids of {collection.id} are")
    return int(text)


def _links(
    place: Place,
    collection: Collection,
    period: Period,
    months: str | None,
    rows: list[FeatureRow],
    size: int,
    html: bool,
) -> list[Link]:
    """This page, and the next one of the same list: whatever is published meanwhile changes nothing in it."""
    links = [
        *place.self_links(html, GEOJSON),
        link("collection", f"{place.ogc}/collections/{collection.id}", JSON, collection.title),
    ]
    if len(rows) > size:
        query = {**place.query, "limit": str(size), "after": str(rows[size - 1].id)}
        if collection.timing is Timing.VALID:
            if "datetime" not in query and period.begins is not None:
                query["datetime"] = period.begins.isoformat()
        elif months is not None:
            query["datetime"] = months
        else:
            query["revision"] = str(period.last)
            if collection.timing is Timing.REVISIONS:
                query.pop("datetime", None)
                if period.first != period.last:
                    query["since"] = str(period.first)
        links.append(link("next", place.with_query(query), HTML if html else GEOJSON, "the next page"))
    return links
