"""What may be asked: hours, weekdays and boxes as people write them, and what does not go together."""

from __future__ import annotations

import pytest

from gridmap.errors import InvalidInput
from gridmap.heatmap.question import Question, Window, parse_box, parse_hours, parse_weekdays


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("8-18", range(8, 18)),
        ("0-24", range(24)),
        ("22-6", [22, 23, 0, 1, 2, 3, 4, 5]),
        ("23-24", [23]),
        ("00-01", [0]),
        ("5-0", range(5, 24)),
    ],
)
def test_hours(text: str, hours: list[int]) -> None:
    assert parse_hours(text) == set(hours)


@pytest.mark.parametrize("text", ["", "8", "8-", "8-8", "24-5", "8-25", "-1-5", "8 -18", "８-18", "08:00-18:00"])
def test_no_hours(text: str) -> None:
    with pytest.raises(InvalidInput, match="hours"):
        parse_hours(text)


@pytest.mark.parametrize(
    ("text", "days"), [("1-5", [1, 2, 3, 4, 5]), ("6,7", [6, 7]), ("6-1", [6, 7, 1]), ("1,3,5-6", [1, 3, 5, 6])]
)
def test_weekdays(text: str, days: list[int]) -> None:
    assert parse_weekdays(text) == set(days)


@pytest.mark.parametrize("text", ["", "0", "8", "1-", "1--2", "1,,2", "1-3-5", "Mon", "１"])
def test_no_weekdays(text: str) -> None:
    with pytest.raises(InvalidInput, match="weekdays"):
        parse_weekdays(text)


def test_boxes() -> None:
    assert parse_box("117.1,39,117.2,39.5") == (117.1, 39.0, 117.2, 39.5)
    for text in ("", "1,2,3", "1,2,3,4,5", "a,b,c,d", "2,1,1,2", "0,0,200,1", "nan,0,1,1", "0,-inf,1,1"):
        with pytest.raises(InvalidInput, match="bbox"):
            parse_box(text)


@pytest.mark.parametrize(
    "given",
    [
        {"of": "people"},
        {"by": "hex", "resolution": None},
        {"by": "cell"},
        {"resolution": 12},
        {"measure": "per_head"},
        {"class_": "place"},
        {"of": "elements", "class_": "thing"},
        {"of": "elements", "window": Window(1)},
        {"of": "elements", "weekdays": frozenset({1})},
        {"of": "elements", "earlier": Window()},
        {"zeros": True},
    ],
)
def test_what_does_not_go_together(given: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        Question(**{"of": "incidents", "by": "hex", "resolution": 8, **given})  # type: ignore[arg-type]


def test_a_window_begins_before_it_ends() -> None:
    with pytest.raises(InvalidInput, match="from must lie before to"):
        Window(5, 5)
