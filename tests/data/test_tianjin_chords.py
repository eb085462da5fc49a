"""Chords cut any simple face in two proper parts of about the wanted size; steps stay inside."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data.tianjin.chords import Chord, End, Face, best_chord, end_position, runs_clear
from data.tianjin.jogs import step_in
from data.tianjin.plane import Floats

SQUARE = np.array([[0, 0], [100, 0], [100, 100], [0, 100]], dtype=float)
# A U, open to the north: a straight line across it has two pieces inside.
CUP = np.array([[0, 0], [90, 0], [90, 100], [60, 100], [60, 30], [30, 30], [30, 100], [0, 100]], dtype=float)


def _face(points: Floats) -> Face:
    return Face(points, np.full(len(points), 2))


def _line(points: Floats, chord: Chord) -> shapely.LineString:
    return shapely.LineString([end_position(points, chord.start), end_position(points, chord.stop)])


def _parts(points: Floats, chord: Chord) -> tuple[shapely.Polygon, shapely.Polygon]:
    """What lies on the left and on the right of the chord."""
    ends = [end_position(points, end) for end in (chord.start, chord.stop)]
    order = []
    for k, point in enumerate(points):
        order.append((k, 0.0, point))
    order += [(end.index, end.share or 0.0, at) for end, at in zip((chord.start, chord.stop), ends, strict=True)]
    ring = [at for _, _, at in sorted(order, key=lambda item: item[:2])]
    here = [next(k for k, at in enumerate(ring) if np.array_equal(at, end)) for end in ends]
    turned = ring[here[0] :] + ring[: here[0]]
    middle = (here[1] - here[0]) % len(ring)
    right = shapely.Polygon([*turned[: middle + 1]])
    left = shapely.Polygon([*turned[middle:], turned[0]])
    return left, right


@pytest.mark.parametrize("share", [0.3, 0.5, 0.65])
@pytest.mark.parametrize("toward", [(1.0, 0.1), (-1.0, 0.1), (0.2, 1.0)])
def test_the_share_lies_on_the_side_asked_for(share: float, toward: tuple[float, float]) -> None:
    chord = best_chord(_face(SQUARE), 0.0, toward, share)
    assert chord is not None
    left, right = _parts(SQUARE, chord)
    near = left if chord.wanted_left else right
    far = right if chord.wanted_left else left
    assert near.area / 10_000 == pytest.approx(share, abs=0.04)
    reach = np.array([near.centroid.coords[0], far.centroid.coords[0]]) @ np.array(toward)
    assert reach[0] > reach[1]


def test_a_long_face_is_cut_across() -> None:
    points = SQUARE * np.array([4.0, 1.0])
    chord = best_chord(_face(points), 0.0, (1.0, 0.0), 0.5)
    assert chord is not None
    assert _line(points, chord).length == pytest.approx(100.0, rel=0.02)


def test_a_junction_close_by_is_joined() -> None:
    points = np.array([[0, 0], [54, 0], [100, 0], [100, 100], [0, 100]], dtype=float)
    chord = best_chord(Face(points, np.array([2, 3, 2, 2, 2])), 0.0, (1.0, 0.0), 0.5)
    assert chord is not None
    assert End(1, None) in (chord.start, chord.stop)


def test_a_crossing_is_not_joined_by_a_fifth_street() -> None:
    points = np.array([[0, 0], [54, 0], [100, 0], [100, 100], [0, 100]], dtype=float)
    chord = best_chord(Face(points, np.array([2, 4, 2, 2, 2])), 0.0, (1.0, 0.0), 0.5)
    assert chord is not None
    assert End(1, None) not in (chord.start, chord.stop)


def test_a_face_with_a_bay_is_cut_inside_itself() -> None:
    chord = best_chord(_face(CUP), 0.0, (1.0, 0.2), 0.5)
    assert chord is not None
    assert shapely.Polygon(CUP).buffer(1e-6).contains(_line(CUP, chord))


@pytest.mark.parametrize(
    ("p", "q", "clear"),
    [
        ((0.0, 15.0), (90.0, 15.0), True),  # below the bay
        ((0.0, 60.0), (90.0, 60.0), False),  # across it
        ((0.0, 28.0), (90.0, 28.0), False),  # two metres from its corners
        ((0.0, 30.0), (90.0, 30.0), False),  # along its shore
    ],
)
def test_a_chord_stays_clear_of_other_sides_and_corners(
    p: tuple[float, float], q: tuple[float, float], clear: bool
) -> None:
    # The ring's edge 7 runs down the west side, edge 1 up the east side.
    ends = (End(7, 1.0 - p[1] / 100), End(1, q[1] / 100))
    assert runs_clear(CUP, np.array(p), np.array(q), ends, 4.0) is clear


@st.composite
def star_faces(draw: st.DrawFn) -> Floats:
    """Simple polygons, star-shaped around the origin, some deeply notched."""
    count = draw(st.integers(4, 14))
    radii = draw(st.lists(st.floats(30.0, 100.0), min_size=count, max_size=count))
    turn = draw(st.floats(0.0, 6.28))
    angles = turn + np.arange(count) * 2 * math.pi / count
    return np.column_stack((np.cos(angles), np.sin(angles))) * np.array(radii)[:, None]


@settings(max_examples=150, deadline=None)
@given(points=star_faces(), angle=st.floats(0.0, 3.1), share=st.floats(0.35, 0.65), seed=st.integers(0, 2**32))
def test_any_face_falls_into_two_valid_parts(points: Floats, angle: float, share: float, seed: int) -> None:
    chord = best_chord(_face(points), angle, (1.0, 0.3), share)
    assume(chord is not None)
    assert chord is not None
    whole = shapely.Polygon(points)
    left, right = _parts(points, chord)
    assert left.is_valid
    assert right.is_valid
    assert left.area + right.area == pytest.approx(whole.area)
    assert min(left.area, right.area) > 0.02 * whole.area
    step = step_in(points, chord, np.random.default_rng(seed))
    if step is not None:
        start, stop = (end_position(points, end) for end in (chord.start, chord.stop))
        path = shapely.LineString([start, step[1], step[2], stop])
        assert path.is_simple
        assert whole.buffer(1e-6).contains(path)
        assert whole.exterior.distance(shapely.Point(step[1])) > 1.0


def test_a_square_gets_a_step_and_a_strip_none() -> None:
    chord = Chord(End(0, 0.5), End(2, 0.5), wanted_left=True)
    steps = [step_in(SQUARE, chord, np.random.default_rng(seed)) for seed in range(20)]
    assert all(steps)
    assert len({step[1] for step in steps if step}) == 20
    strip = SQUARE * np.array([0.1, 1.0])
    assert all(step_in(strip, chord, np.random.default_rng(seed)) is None for seed in range(20))
