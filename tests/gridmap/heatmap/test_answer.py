"""Counts are those of plain SQL, for any question; and law 5: they add up alike, whatever they are grouped by."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import h3
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gridmap.errors import InvalidInput, NotFound, NotMeasured
from gridmap.heatmap import answer, columns
from gridmap.heatmap.answer import Heatmap, count
from gridmap.heatmap.columns import Facts, Part, choose, merged, nothing
from gridmap.heatmap.question import HEX, Question, Window
from gridmap.store.database import Connection

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = datetime(2025, 10, 20, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC)
LEVELS = ("city", "district", "street", "community")
AREAS = ("120000", "120101", "120101001", "120101003", "120101001001", "120101001001001")

moments = st.none() | st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(UTC))
boxes = st.tuples(st.floats(117.15, 117.25), st.floats(39.08, 39.15), st.floats(0, 0.05), st.floats(0, 0.05)).map(
    lambda each: (each[0], each[1], each[0] + each[2], each[1] + each[3])
)
by = st.sampled_from((*LEVELS, "cell", HEX))


def micros(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - EPOCH) // timedelta(microseconds=1)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    of = draw(st.sampled_from(["incidents", "elements"]))
    where = {
        "by": (group := draw(by)),
        "resolution": draw(st.integers(0, 11)) if group == HEX else None,
        "box": draw(st.none() | boxes),
        "area": draw(st.none() | st.sampled_from(AREAS)),
    }
    if of == "elements":
        class_ = draw(st.sampled_from([None, "person", "place", "object", "organization"]))
        return Question(of, class_=class_, **where)  # type: ignore[arg-type]
    begins, ends = sorted((draw(moments), draw(moments)), key=lambda each: each or LAST)
    window = Window() if begins is None or begins == ends else Window(micros(begins), micros(ends))
    return Question(
        of,
        window=window,
        categories=tuple(draw(st.sets(st.sampled_from(["noise", "fire", "parking", "drainage"]), max_size=2))),
        hours=frozenset(draw(st.sets(st.integers(0, 23)))),
        weekdays=frozenset(draw(st.sets(st.integers(1, 7)))),
        **where,  # type: ignore[arg-type]
    )


def by_sql(connection: Connection, question: Question) -> Counter[str]:
    """What plain SQL counts: by cell and finest hex, put together here by another's H3."""
    subject = question.subject
    box = question.box or (-180, -90, 180, 90)
    steps = [round(each * 1e7) for each in box]  # a centimetre
    conditions = {
        "box": "round(ST_X(s.geom) * 1e7) BETWEEN :west AND :east "
        "AND round(ST_Y(s.geom) * 1e7) BETWEEN :south AND :north",
        "category": "(:every OR s.category = ANY(CAST(:categories AS text[])))",
    }
    if subject == "incident":
        local = "(s.happened_at AT TIME ZONE 'Asia/Shanghai')"
        conditions |= {
            "from": "(CAST(:begins AS timestamptz) IS NULL OR s.happened_at >= :begins)",
            "to": "(CAST(:ends AS timestamptz) IS NULL OR s.happened_at < :ends)",
            "hours": f"(:any_hour OR extract(hour FROM {local}) = ANY(CAST(:hours AS int[])))",
            "days": f"(:any_day OR extract(isodow FROM {local}) = ANY(CAST(:days AS int[])))",
        }
    else:
        conditions["class"] = "(CAST(:class AS text) IS NULL OR s.class = :class)"
    query = (
        f"SELECT c.code, c.community, s.hex, count(*) FROM {subject} AS s JOIN {subject}_placement AS p "
        f"ON p.{subject}_id = s.id AND p.last_revision IS NULL LEFT JOIN cell AS c ON c.id = p.cell_id "
        f"WHERE {' AND '.join(conditions.values())} GROUP BY 1, 2, 3"
    )
    window = (question.window.begins, question.window.ends)
    begins, ends = (None if each is None else EPOCH + timedelta(microseconds=each) for each in window)
    values = {
        "begins": begins,
        "ends": ends,
        "any_hour": not question.hours,
        "hours": sorted(question.hours),
        "any_day": not question.weekdays,
        "days": sorted(question.weekdays),
        "class": question.class_,
        "every": not question.categories,
        "categories": list(question.categories),
        **dict(zip(("west", "south", "east", "north"), steps, strict=True)),
    }
    found: Counter[str] = Counter()
    for code, community, hex_, number in connection.execute(text(query), values):
        chain = set() if code is None else {code, community, community[:9], community[:6], "120000"}
        if question.area is not None and question.area not in chain:
            continue
        if code is None:
            found["outside"] += number
        elif question.by == HEX:
            found[h3.cell_to_parent(h3.int_to_str(hex_), question.resolution)] += number
        else:
            lengths = {"cell": 15, "community": 12, "street": 9, "district": 6}
            found[code[: lengths[question.by]] if question.by != "city" else "120000"] += number
    return found


def as_counter(heatmap: Heatmap) -> Counter[str]:
    counts = dict(zip(heatmap.keys, heatmap.counts.tolist(), strict=True))
    return Counter({**counts, **({"outside": heatmap.outside} if heatmap.outside else {})})


@given(question=questions())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_counts_are_those_of_plain_sql(facts: Facts, connection: Connection, question: Question) -> None:
    assert as_counter(count(facts, question)) == by_sql(connection, question)


def test_the_random_questions_find_something(facts: Facts, connection: Connection) -> None:
    whole = Question("incidents", resolution=9)
    found = by_sql(connection, whole)
    assert len(found) > 50
    assert found["outside"] > 0
    assert as_counter(count(facts, whole)) == found


@given(question=questions(), seed=st.integers(0, 9))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_grouping_adds_up_to_the_same(facts: Facts, question: Question, seed: int) -> None:
    part = facts.parts[question.subject]
    rng = np.random.default_rng(seed)
    # a third of the rows have changed since the base was made, and a few others are gone
    moved, gone = rng.random(len(part.base)) < 0.3, rng.random(len(part.base)) < 0.05
    beside = Part(
        part.base, merged([choose(part.base, moved), choose(part.base, gone & ~moved)]), choose(part.base, moved)
    )
    changed = replace(facts, parts={**facts.parts, question.subject: beside})
    answers = [
        count(changed, replace(question, by=each, resolution=resolution))
        for each, resolution in (
            *((level, None) for level in ("cell", *LEVELS)),
            *((HEX, r) for r in (0, 5, 8, 11)),
        )
    ]
    assert len({(each.total, each.outside) for each in answers}) == 1
    assert all(int(each.counts.sum()) + each.outside == each.total for each in answers)
    same = count(replace(changed, parts={question.subject: beside.compacted()}), question)
    assert as_counter(same) == as_counter(count(changed, question))


def test_two_windows_side_by_side(facts: Facts) -> None:
    middle, begin = (micros(datetime(2026, month, 1, tzinfo=UTC)) for month in (4, 1))
    question = Question("incidents", "cell", window=Window(middle), earlier=Window(begin, middle))
    both = count(facts, question)
    now, before = (
        as_counter(count(facts, replace(question, window=window, earlier=None)))
        for window in (Window(middle), Window(begin, middle))
    )
    assert both.earlier is not None
    assert both.changes is not None
    assert both.relative_changes is not None
    assert set(both.keys) == (set(now) | set(before)) - {"outside"}
    for key, here, there, change, share in zip(
        both.keys, both.counts, both.earlier, both.changes, both.relative_changes, strict=True
    ):
        assert (here, there) == (now[key], before[key])
        assert change == here - there
        assert np.isnan(share) if there == 0 else share == pytest.approx((here - there) / there)
    assert (both.earlier == 0).any()
    assert (both.counts == 0).any()
    assert both.earlier_total == sum(before.values())


def test_rates_per_km2_are_of_the_metric_crs(facts: Facts, connection: Connection) -> None:
    heatmap = count(facts, Question("incidents", "street", measure="per_km2"))
    query = "SELECT code, ST_Area(ST_Transform(geom, 4548)) / 1e6 FROM area_shape WHERE level = 'street'"
    km2 = dict(map(tuple, connection.execute(text(query))))
    assert heatmap.values is not None
    assert len(heatmap.keys) > 3
    for code, number, rate in zip(heatmap.keys, heatmap.counts, heatmap.values, strict=True):
        assert rate == pytest.approx(number / km2[code], rel=1e-4)
    hexes = count(facts, Question("incidents", resolution=8, measure="per_km2"))
    assert hexes.values is not None
    for key, number, rate in zip(hexes.keys, hexes.counts, hexes.values, strict=True):
        assert rate == pytest.approx(number / h3.cell_area(key), rel=5e-3)


def test_a_rate_without_people_is_not_measured(facts: Facts) -> None:
    with pytest.raises(NotMeasured, match="per_1000 is not measured"):
        count(facts, Question("incidents", "cell", measure="per_1000"))


def test_zeros_are_listed_when_asked_for(facts: Facts) -> None:
    quiet = Question("incidents", "cell", categories=("fire",), area="120101001")
    some, all_ = count(facts, quiet), count(facts, replace(quiet, zeros=True))
    inside = [cell.code for cell in facts.places.grid.cells if cell.code.startswith("120101001")]
    assert list(all_.keys) == inside
    assert 0 < len(some.keys) < len(inside)
    assert +as_counter(all_) == as_counter(some)


def test_what_there_is_not(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFound, match="no area or cell '999'"):
        count(facts, Question("incidents", "cell", area="999"))
    with pytest.raises(NotFound, match="no category 'dragons'"):
        count(facts, Question("incidents", "cell", categories=("dragons",)))
    with pytest.raises(InvalidInput, match="by: must be hex, cell, city, district"):
        count(facts, Question("incidents", "borough"))
    monkeypatch.setattr(answer, "MOST_ROWS", 100)
    with pytest.raises(InvalidInput, match="more than 100"):
        count(facts, Question("incidents", resolution=11))


def test_threads_count_what_one_counts(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    question = Question("incidents", "cell", hours=frozenset({8, 9}))
    alone = as_counter(count(facts, question))
    monkeypatch.setattr(answer, "_ROWS_PER_THREAD", 10)
    monkeypatch.setattr(answer.os, "cpu_count", lambda: 7)
    assert as_counter(count(facts, question)) == alone


def test_long_windows_are_added_up_from_what_is_kept(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all hours named each row is looked at; without a filter only those at the ends of the window are."""
    monkeypatch.setattr(columns, "_ROWS_PER_STEP", 64)
    many = merged([facts.parts["incident"].base] * 40)
    larger = replace(facts, parts={**facts.parts, "incident": Part(many, nothing(), nothing())})
    rng = np.random.default_rng(1)
    for _ in range(100):
        begins, ends = sorted(rng.choice(many.times, 2).tolist())
        for group, resolution in (("cell", None), ("street", None), (HEX, 7), (HEX, 11)):
            plain = Question("incidents", group, resolution, window=Window(begins, ends))
            each = replace(plain, hours=frozenset(range(24)))
            assert as_counter(count(larger, plain)) == as_counter(count(larger, each))
    assert many._sums.keys() == {"cells", "hexes"}
    assert sum(sums.nbytes for sums in many._sums.values()) <= 2 * many.cells.nbytes + many.hexes.nbytes
