"""The parameters that say what is counted, read in one way by heatmaps, count tiles and styles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from inspect import signature
from typing import Annotated, Literal, TypeVar

from fastapi import Depends, Query, Request

from api.deps import CodeQuery, Moment, city_time
from gridmap.errors import InvalidInput
from gridmap.heatmap.question import (
    FINEST_RESOLUTION,
    HEX,
    USUAL_RESOLUTION,
    Question,
    Window,
    parse_box,
    parse_hours,
    parse_weekdays,
)
from gridmap.model import City
from gridmap.releases.periods import Month

_MOST_CATEGORIES = 100
_CATEGORY = r"^[^\x00-\x1f\x7f/\s]{1,64}$"
_EPOCH = datetime.fromtimestamp(0, UTC)

Of = Literal["incidents", "elements"]
OfQuery = Annotated[Of, Query(description="what is counted")]
ResolutionQuery = Annotated[
    int | None, Query(ge=0, le=FINEST_RESOLUTION, description=f"of hexes; {USUAL_RESOLUTION} unless said")
]
ClassQuery = Annotated[
    Literal["person", "place", "object", "organization"] | None, Query(alias="class", description="of elements")
]
CategoriesQuery = Annotated[
    list[Annotated[str, Query(pattern=_CATEGORY)]],
    Query(max_length=_MOST_CATEGORIES, description="one or more categories"),
]
PeriodQuery = Annotated[
    str | None,
    Query(
        pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$",
        description="a month such as 2026-10: its incidents, or what its release says of elements",
    ),
]
FromQuery = Annotated[Moment | None, Query(alias="from", description="incidents from this time on")]
ToQuery = Annotated[Moment | None, Query(description="incidents before this time")]
HoursQuery = Annotated[
    str | None, Query(max_length=5, description="hours of the day in city time: 8-18 is 8:00 to before 18:00")
]
WeekdaysQuery = Annotated[
    str | None, Query(max_length=20, description="days in city time, 1 is Monday: 1-5 or 1,3,6-7")
]
BoxQuery = Annotated[
    str | None, Query(max_length=200, description="points in west,south,east,north in WGS 84 degrees")
]
TileCrsQuery = Annotated[
    Literal["wgs84", "gcj02", "bd09"], Query(description="of the base map that the tiles are to lie right on")
]
MeasureQuery = Annotated[
    Literal["count", "per_1000", "per_km2"], Query(description="a rate that is given beside the count")
]


Parameters = TypeVar("Parameters")


def on_the_loop(parameters: Callable[..., Parameters]) -> Callable[..., Awaitable[Parameters]]:
    """A dependency that reads parameters into a class without a thread: FastAPI hands a bare class to one."""

    async def read(**given: object) -> Parameters:
        return parameters(**given)

    read.__signature__ = signature(parameters, eval_str=True)  # type: ignore[attr-defined]
    return read


class Filter:
    """The parameters that choose which incidents or elements are counted, as they came."""

    def __init__(
        self,
        class_: ClassQuery = None,
        category: CategoriesQuery = [],  # noqa: B006 - FastAPI copies it
        from_: FromQuery = None,
        to: ToQuery = None,
        period: PeriodQuery = None,
        hours: HoursQuery = None,
        weekdays: WeekdaysQuery = None,
        area: CodeQuery = None,
    ) -> None:
        self.class_ = class_
        self.categories = category
        self.window = (from_, to)
        self.period = period
        self.hours = hours
        self.weekdays = weekdays
        self.area = area


FilterDep = Annotated[Filter, Depends(on_the_loop(Filter))]


class Asked:
    """The parameters of a heatmap, as they came."""

    def __init__(
        self,
        of: OfQuery,
        chosen: FilterDep,
        by: Annotated[str, Query(max_length=64, description="hex, cell, or the key of a level")] = HEX,
        resolution: ResolutionQuery = None,
        bbox: BoxQuery = None,
        measure: MeasureQuery = "count",
        compare_from: Annotated[Moment | None, Query(description="an earlier window to compare with")] = None,
        compare_to: Annotated[Moment | None, Query(description="… and where it ends")] = None,
        zeros: Annotated[bool, Query(description="list cells or areas without any, too")] = False,
    ) -> None:
        self.by: str | None = by
        self.resolution = resolution
        self._of = of
        self._chosen = chosen
        self._box = bbox
        self._measure = measure
        self._earlier = (compare_from, compare_to)
        self._zeros = zeros

    @property
    def period(self) -> Month | None:
        """The month that is asked for by its name."""
        return None if self._chosen.period is None else Month.parse(self._chosen.period)

    def question(self, city: City) -> Question:
        """The question; InvalidInput for what does not go together."""
        chosen = self._chosen
        by = HEX if self.by is None else self.by
        return Question(
            of=self._of,
            by=by,
            resolution=USUAL_RESOLUTION if self.resolution is None and by == HEX else self.resolution,
            class_=chosen.class_,
            categories=tuple(sorted(set(chosen.categories))),
            window=self._asked_window(city),
            hours=frozenset() if chosen.hours is None else parse_hours(chosen.hours),
            weekdays=frozenset() if chosen.weekdays is None else parse_weekdays(chosen.weekdays),
            box=None if self._box is None else parse_box(self._box),
            area=chosen.area,
            measure=self._measure,
            earlier=None if self._earlier == (None, None) else _window(self._earlier, "compare_", city),
            zeros=self._zeros,
        )

    def _asked_window(self, city: City) -> Window:
        month = self.period
        if month is None:
            return _window(self._chosen.window, "", city)
        if self._chosen.window != (None, None):
            raise InvalidInput("period", self._chosen.period, "says from and to already")
        if self._of != "incidents":  # which are there or not; a release says what stood when it was made
            return Window()
        return Window(_microseconds(month.begins(city.zone)), _microseconds(month.ends(city.zone)))


def refuse_period(asked: Asked, question: Question) -> None:
    """InvalidInput for a month of live elements, which are counted as they are now known."""
    if asked.period is not None and question.of != "incidents":
        rule = "of elements goes with releases only: live they are counted as now known"
        raise InvalidInput("period", str(asked.period), rule)


def refuse_repeated(request: Request) -> None:
    """Of a parameter that came twice one value would be dropped silently."""
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if times > 1 and name != "category":
            raise InvalidInput(name, request.query_params.getlist(name), "must be given once")


def _window(moments: tuple[datetime | None, datetime | None], prefix: str, city: City) -> Window:
    names = (f"{prefix}from", f"{prefix}to")
    begins, ends = (
        None if moment is None else _microseconds(city_time(name, moment, city))
        for name, moment in zip(names, moments, strict=True)
    )
    if begins is not None and ends is not None and begins >= ends:
        shown = tuple(moment.isoformat() for moment in moments if moment is not None)
        raise InvalidInput(", ".join(names), shown, f"{names[0]} must lie before {names[1]}")
    return Window(begins, ends)


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
