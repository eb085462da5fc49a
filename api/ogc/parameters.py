"""The parameters of a request for features, read into what the store is asked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from shapely import MultiPolygon
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from api.deps import city_time, unspoilt
from api.ogc.systems import system_of
from gridmap.cql import parse
from gridmap.errors import InvalidInput, NotFound
from gridmap.features import Collection, Timing
from gridmap.model import City, Revision
from gridmap.projecting import Axes, to_stored
from gridmap.releases.periods import Month
from gridmap.store.database import Connection
from gridmap.store.features import Filter, Period
from gridmap.store.revisions import read_revision, revision_valid_at

LARGEST_PAGE = 10_000
USUAL_PAGE = 100
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")


@dataclass(frozen=True)
class When:
    """What a request says about time: a time or an interval, or revisions."""

    datetime: str | None = None
    revision: int | None = None
    since: int | None = None


def period_of(connection: Connection, current: Revision, city: City, collection: Collection, when: When) -> Period:
    """The revisions and the time that are meant; ``current`` where nothing is said.

    A time is that of the revision valid then; an interval is all revisions valid in it. NotFound for an unknown
    revision and for a time before revision 1.
    """
    months = collection.timing is Timing.RELEASED
    begins, ends = (None, None) if when.datetime is None else _interval(when.datetime, city, months)
    if collection.timing is Timing.RELEASED:
        for name, value in (("revision", when.revision), ("since", when.since)):
            if value is not None:
                raise InvalidInput(name, value, "is not what released counts go by: they have a datetime")
        return Period(current.number, current.number, begins, ends)
    if collection.timing is Timing.VALID:
        if when.revision is not None:
            raise InvalidInput("revision", when.revision, "is not what overlays go by: they have a datetime")
        if when.datetime is None:
            begins = ends = datetime.now(UTC)
        return Period(current.number, current.number, begins, ends)
    if when.revision is not None:
        last = read_revision(connection, when.revision).number
        first = last if when.since is None else when.since
        if first > last:
            raise InvalidInput("since", first, "must not be after revision")
    elif when.datetime is None or collection.timing is Timing.HAPPENED:
        first = last = current.number
    else:
        first, last = _revisions(connection, current, begins, ends)
    if collection.timing is Timing.HAPPENED:
        return Period(last, last, begins, ends)
    if when.datetime is not None and when.revision is not None:
        raise InvalidInput("datetime", when.datetime, "does not go with revision: give one of them")
    return Period(first, last)


def _revisions(
    connection: Connection, current: Revision, begins: datetime | None, ends: datetime | None
) -> tuple[int, int]:
    last = current.number if ends is None else revision_valid_at(connection, ends).number
    try:
        first = 1 if begins is None else revision_valid_at(connection, begins).number
    except NotFound:  # the interval begins before revision 1
        first = 1
    return min(first, last), last


def _interval(text: str, city: City, months: bool) -> tuple[datetime | None, datetime | None]:
    """Begin and end, the same for one time; None where open. With ``months`` a month stands for its begin."""
    parts = text.split("/")
    if len(parts) > 2 or all(part in ("", "..") for part in parts):
        raise InvalidInput("datetime", text, "must be a time, or begin/end with .. at an open end")
    ends = [None if len(parts) == 2 and part in ("", "..") else _time(part, text, city, months) for part in parts]
    begins, finishes = ends[0], ends[-1]
    if begins is not None and finishes is not None and begins > finishes:
        raise InvalidInput("datetime", text, "must not end before it begins")
    return begins, finishes


def _time(part: str, whole: str, city: City, months: bool) -> datetime:
    if months and _MONTH.fullmatch(part):
        return Month.parse(part, "datetime").begins(city.zone)
    try:
        moment = datetime.fromisoformat(str(unspoilt(part)))
    except ValueError:
        raise InvalidInput("datetime", whole, "must be written as 2026-11-01T00:00:00Z") from None
    return city_time("datetime", moment, city)


def box_of(city: City, bbox: str | None, crs: str | None) -> BaseGeometry | None:
    """The box of ``bbox``, in ``bbox-crs``, as it would be stored; heights are read over."""
    _, axes = system_of(city, "bbox-crs", crs)
    if bbox is None:
        return None
    try:
        numbers = [float(part) for part in bbox.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (4, 6) or not all(map(math.isfinite, numbers)):
        raise InvalidInput("bbox", bbox, "must be four numbers, or six with heights, separated by commas")
    half = len(numbers) // 2
    (x1, y1), (x2, y2) = numbers[:2], numbers[half : half + 2]
    if axes.north_first:
        turned = _boxes(bbox, axes.crs, (y1, x1, y2, x2))
        return to_stored(Axes(axes.crs), turned, "bbox")
    return to_stored(axes, _boxes(bbox, axes.crs, (x1, y1, x2, y2)), "bbox")


def _boxes(given: str, crs: str, bounds: tuple[float, float, float, float]) -> BaseGeometry:
    """One box, or the two on either side of the 180th meridian."""
    west, south, east, north = bounds
    if south > north:
        raise InvalidInput("bbox", given, "must have its lower corner first, in the order of axes of bbox-crs")
    if west <= east:
        return box(west, south, east, north)
    if crs not in ("wgs84", "EPSG:4326", "EPSG:4490"):
        raise InvalidInput("bbox", given, "must have its lower corner first, in the order of axes of bbox-crs")
    return MultiPolygon([box(west, south, 180.0, north), box(-180.0, south, east, north)])


def filters_of(city: City, text: str | None, language: str | None, crs: str | None) -> list[Filter]:
    """The CQL2 text as a tree, with what turns its geometries into stored ones."""
    if language not in (None, "cql2-text"):
        raise InvalidInput("filter-lang", language, "must be cql2-text")
    _, axes = system_of(city, "filter-crs", crs)
    if text is None:
        return []
    return [(parse(text), partial(to_stored, axes, field="filter"))]


def equal_of(collection: Collection, query: Mapping[str, str], known: set[str]) -> dict[str, str]:
    """The query's properties and their values; InvalidInput for what is neither property nor parameter."""
    given = {name: value for name, value in query.items() if name not in known}
    for name, value in given.items():
        if name not in collection.names:
            properties, parameters = ", ".join(collection.names), ", ".join(sorted(known))
            rule = f"is unknown here; there are the properties {properties} and the parameters {parameters}"
            raise InvalidInput(name, value, rule)
    return given
