"""Maps as SVG that every browser draws to the end."""

from __future__ import annotations

import re
from xml.etree import ElementTree as Xml

import pytest
import shapely

from gridmap.papers.drawing import Drawing, draw
from gridmap.papers.parts import around
from tests.gridmap.papers.conftest import Degrees, Lines, Part

SVG = "{http://www.w3.org/2000/svg}"
PAIR = r"-?[0-9]+\.[0-9]{2},-?[0-9]+\.[0-9]{2}"
PATH = re.compile(rf"(M{PAIR}( {PAIR})+Z?)+")


@pytest.fixture
def picture(part: Part, lines: Lines, degrees: Degrees) -> Xml.Element:
    """A map of a cell, with a neighbour, one that is far outside of it, and a street that only begins on it."""
    cells = part(
        {
            "1234001": shapely.box(0, 0, 100, 100),
            "1234002": shapely.box(100, 0, 200, 100),
            "1234003": shapely.box(5000, 0, 5100, 100),
        },
        **{"1234003": {"community": "elsewhere"}},
    )
    near = lines(("street", "<东&路>", [(-20, 50), (9000, 50)]), ("wall", None, [(4000, 0), (5000, 0)]))
    box = around([cells.shape("1234001")], 0.3, 0.0001)
    drawing = Drawing(cells, near, box, {"1234001": "#7fb3d5"}, {"1234001": "001", "1234002": "002"})
    return Xml.fromstring(draw(drawing, 170, 95))


def test_every_path_is_one_that_browsers_read_to_the_end(picture: Xml.Element) -> None:
    paths = [path.get("d") or "" for path in picture.iter(f"{SVG}path")]
    assert len(paths) > 5
    for path in paths:
        assert PATH.fullmatch(path), path[:200]


def test_it_has_its_letters_scale_and_size(picture: Xml.Element) -> None:
    said = [text.text for text in picture.iter(f"{SVG}text")]
    assert {"001", "<东&路>", "N", "0"} <= set(said)
    assert any(re.fullmatch(r"[125]0* m", text or "") for text in said)
    assert (picture.get("width"), picture.get("height")) == ("170.00mm", "95.00mm")


def test_the_scale_bar_is_as_long_as_it_says(part: Part, lines: Lines) -> None:
    cells = part({"1234001": shapely.box(0, 0, 100, 100)})
    box = around([cells.shape("1234001")], 0.0, 0.0)
    picture = Xml.fromstring(draw(Drawing(cells, lines(), box, {"1234001": "#7fb3d5"}, {}), 100, 100))
    (filled,) = [path for path in picture.iter(f"{SVG}path") if path.get("fill") == "#7fb3d5"]
    xs = [float(pair.split(",")[0]) for pair in re.findall(PAIR, filled.get("d") or "")]
    bar = next(rect for rect in picture.iter(f"{SVG}rect") if rect.get("stroke-width") == "0.25")
    metres = next(
        int((text.text or "").removesuffix(" m"))
        for text in picture.iter(f"{SVG}text")
        if " m" in (text.text or "")
    )
    assert float(bar.get("width") or 0) / metres == pytest.approx((max(xs) - min(xs)) / 100, rel=0.01)
