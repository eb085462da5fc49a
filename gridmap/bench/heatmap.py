"""``gridmap bench heatmap``: how long a heatmap takes over millions of incidents, in memory and through HTTP.

The incidents are made up in memory, at the city's own places and over one year; nothing of them is stored.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from statistics import median
from urllib.parse import urlencode

import numpy as np

from gridmap.errors import NotMeasured
from gridmap.heatmap.answer import count
from gridmap.heatmap.columns import Columns, Facts, Part, choose, hours_of_week, nothing
from gridmap.heatmap.forms import to_json
from gridmap.heatmap.question import HEX, Question, Window, parse_hours, parse_weekdays

Progress = Callable[[str], None]
# A method, a path and the body, if there is one; gives the answer's body.
Ask = Callable[[str, str, bytes | None], bytes]

_DAY_US = 86_400_000_000
_DAYS = 365
_OUTSIDE_SHARE = 0.005


@dataclass
class Timing:
    """Milliseconds of one question asked again and again, each time with another window; and what came back.

    ``processor_p50_ms`` is what all threads of this process spent, client and server together: a busy machine does
    not change it much.
    """

    requests: int
    p50_ms: float
    p95_ms: float
    slowest_ms: float
    processor_p50_ms: float
    rows: int
    octets: int


@dataclass
class HeatmapBench:
    """What ``--json`` prints: each question counted and written in memory, and asked through HTTP."""

    revision: int
    cells: int
    incidents: int
    made_up: str
    mebibytes: float
    counted: dict[str, Timing] = field(default_factory=dict)
    through_http: dict[str, Timing] = field(default_factory=dict)


def made_up_incidents(facts: Facts, number: int, seed: int) -> Facts:
    """The facts with ``number`` incidents of the year 2025 in place of their own, at the city's own places.

    NotMeasured in a city without places or incidents to be like.
    """
    places, kinds = facts.parts["element"].base, facts.kinds["incident"]
    is_place = np.array([class_ == "place" for class_, _ in facts.kinds["element"]], bool)
    if not len(places) or not kinds or not is_place[places.kinds].any():
        raise NotMeasured("the city has no places or no kinds of incidents to make incidents like")
    sites = choose(places, is_place[places.kinds] & (places.cells != 0))
    rng = np.random.default_rng(seed)
    picked = rng.integers(0, len(sites), number)
    outside = rng.random(number) < _OUTSIDE_SHARE
    begins = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
    times = np.sort(rng.integers(begins, begins + _DAYS * _DAY_US, number))
    used, codes = np.unique(sites.hexes[picked], return_inverse=True)
    columns = Columns(
        ids=np.arange(1, number + 1, dtype=np.int64),
        times=times,
        hours=hours_of_week(times, facts.places.city),
        kinds=rng.integers(0, len(kinds), number).astype(np.int16),
        cells=np.where(outside, 0, sites.cells[picked]).astype(np.int32),
        hexes=np.where(outside, 0, codes.reshape(-1) + 1).astype(np.int32),
        east=sites.east[picked],
        north=sites.north[picked],
        known=sites.known[used - 1],
    )
    return replace(facts, parts={**facts.parts, "incident": Part(columns, nothing(), nothing())})


def questions(facts: Facts) -> dict[str, dict[str, str]]:
    """Name -> the parameters of a request, without its window."""
    category = facts.kinds["incident"][0][1]
    west, south, east, north = facts.places.grid.index.bounds
    lon, lat, reach = (west + east) / 2, (south + north) / 2, (east - west) / 8
    city = facts.places.city
    return {
        "year, hexes of resolution 8": {"by": HEX, "resolution": "8"},
        "year, hexes of resolution 9": {"by": HEX, "resolution": "9"},
        "year, cells": {"by": "cell"},
        f"year, {city.lowest_level}": {"by": city.lowest_level},
        f"year, {city.levels[min(1, len(city.levels) - 1)]}": {"by": city.levels[min(1, len(city.levels) - 1)]},
        "year, one category, hexes of resolution 8": {"by": HEX, "resolution": "8", "category": category},
        "year, working hours, cells": {"by": "cell", "hours": "8-18", "weekdays": "1-5"},
        "year, a box, hexes of resolution 9": {
            "by": HEX,
            "resolution": "9",
            "bbox": f"{lon - reach},{lat - reach},{lon + reach},{lat + reach}",
        },
        "month, hexes of resolution 8": {"by": HEX, "resolution": "8"},
    }


def bench_counting(facts: Facts, requests: int, progress: Progress) -> HeatmapBench:
    """Count and write each question ``requests`` times, on all cores."""
    columns = facts.parts["incident"].base
    size = sum(array.nbytes for array in columns.arrays().values())
    report = HeatmapBench(
        facts.revision,
        len(facts.places.grid.cells),
        len(columns),
        "in memory, at the city's own places, evenly over a year",
        round(size / 2**20, 1),
    )
    for name, given in questions(facts).items():
        progress(f"counting: {name}")

        def ask(window: tuple[str, str], given: Mapping[str, str] = given) -> tuple[bytes, int]:
            heatmap = count(facts, _question(given, window))
            return to_json(heatmap, facts.places.city, {}), len(heatmap.counts)

        report.counted[name] = _timed(ask, name, requests)
    return report


def bench_asking(report: HeatmapBench, facts: Facts, ask: Ask, requests: int, progress: Progress) -> None:
    """The same questions through ``ask``, which gives the body of the answer to a request's parameters."""
    for name, given in questions(facts).items():
        progress(f"through HTTP: {name}")

        rows = report.counted[name].rows

        def answered(
            window: tuple[str, str], given: Mapping[str, str] = given, rows: int = rows
        ) -> tuple[bytes, int]:
            asked = urlencode({"of": "incidents", **given, "from": window[0], "to": window[1]})
            body = ask("GET", f"/v1/heatmap?{asked}", None)
            return body, rows

        report.through_http[name] = _timed(answered, name, requests)


def _timed(ask: Callable[[tuple[str, str]], tuple[bytes, int]], name: str, requests: int) -> Timing:
    days = _DAYS if name.startswith("year") else 30
    spent, processor = [], []
    octets = rows = 0
    for number in range(-2, requests):  # two to warm up
        # the window moves by a second each time, so that no answer is one that was given before
        begins = datetime.fromtimestamp(datetime(2025, 1, 1, tzinfo=UTC).timestamp() + max(number, 0), UTC)
        ends = datetime.fromtimestamp(begins.timestamp() + days * 86_400, UTC)
        began, busy = time.perf_counter(), time.process_time()
        body, rows = ask((begins.isoformat(), ends.isoformat()))
        if number >= 0:
            spent.append((time.perf_counter() - began) * 1000.0)
            processor.append((time.process_time() - busy) * 1000.0)
        octets = len(body)
    p50, p95 = (round(float(np.percentile(spent, share)), 2) for share in (50, 95))
    return Timing(requests, p50, p95, round(max(spent), 2), round(median(processor), 2), rows, octets)


def _question(given: Mapping[str, str], window: tuple[str, str]) -> Question:
    begins, ends = (int(datetime.fromisoformat(each).timestamp()) * 1_000_000 for each in window)
    box = None
    if "bbox" in given:
        west, south, east, north = map(float, given["bbox"].split(","))
        box = (west, south, east, north)
    return Question(
        "incidents",
        given["by"],
        int(given["resolution"]) if "resolution" in given else None,
        categories=(given["category"],) if "category" in given else (),
        window=Window(begins, ends),
        hours=parse_hours(given["hours"]) if "hours" in given else frozenset(),
        weekdays=parse_weekdays(given["weekdays"]) if "weekdays" in given else frozenset(),
        box=box,
    )
