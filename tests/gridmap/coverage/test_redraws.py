"""From which revision on a place has looked as it does."""

from __future__ import annotations

import pytest

from gridmap.coverage.redraws import Redraw, Redraws
from gridmap.errors import NotFound

HERE, THERE = (0.0, 0.0, 1.0, 1.0), (10.0, 10.0, 11.0, 11.0)
REDRAWS = Redraws(
    (
        Redraw(1, "a"),
        Redraw(2, "b", (HERE,)),
        Redraw(3, "c", (THERE, (20.0, 0.0, 21.0, 1.0))),
        Redraw(4, "d", (HERE,)),
    )
)


@pytest.mark.parametrize(
    ("revision", "box", "drawn"),
    [
        (1, HERE, 1),
        (2, HERE, 2),
        (3, HERE, 2),
        (4, HERE, 4),
        (2, THERE, 1),
        (4, THERE, 3),
        (4, (-5.0, -5.0, -4.0, -4.0), 1),
        (4, (-5.0, -5.0, 0.0, 0.0), 4),  # a corner in common is enough
        (3, (-100.0, -100.0, 100.0, 100.0), 3),
    ],
)
def test_a_box_is_drawn_at_the_newest_revision_that_touches_it(
    revision: int, box: tuple[float, float, float, float], drawn: int
) -> None:
    assert REDRAWS.drawn_at(revision, box) == drawn


@pytest.mark.parametrize("revision", [0, 5, 2**31 - 1])
def test_a_revision_that_is_not_there_is_not_found(revision: int) -> None:
    with pytest.raises(NotFound, match=f"no revision {revision}"):
        REDRAWS.drawn_at(revision, HERE)
    with pytest.raises(NotFound):
        Redraws().drawn_at(1, HERE)
