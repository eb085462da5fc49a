"""What became of a cell over several steps, by hand."""

from __future__ import annotations

import pytest

from gridmap.redraw.steps import Heir, Step, heirs


def test_a_cell_without_steps_is_its_own_heir() -> None:
    assert heirs(7, []) == (Heir(7, 1.0, 1.0),)


def test_shares_of_steps_are_multiplied_and_ways_added() -> None:
    """1 is halved into 2 and 3, 2 gives a quarter to 3, then 3 becomes 4."""
    steps = [
        Step(2, 1, 2, 0.5, 0.8),
        Step(2, 1, 3, 0.5, 0.2),
        Step(3, 2, 2, 0.75, 0.5),
        Step(3, 2, 3, 0.25, 0.5),
        Step(5, 3, 4, 1.0, 1.0),
    ]
    found = heirs(1, steps)
    assert [each.cell for each in found] == [4, 2]
    assert [each.area_share for each in found] == pytest.approx([0.625, 0.375])
    assert [each.element_share for each in found] == pytest.approx([0.6, 0.4])


def test_where_there_were_no_elements() -> None:
    """A cell without any has none to share; in between, the share of area stands in."""
    assert heirs(1, [Step(2, 1, 2, 1.0, None)]) == (Heir(2, 1.0, None),)
    between = [Step(2, 1, 2, 0.5, 1.0), Step(2, 1, 3, 0.5, 0.0), Step(3, 3, 4, 1.0, None)]
    assert heirs(1, between) == (Heir(2, 0.5, 1.0), Heir(4, 0.5, 0.0))


def test_a_cell_that_is_opened_again_is_found() -> None:
    steps = [Step(2, 1, 2, 0.6, 0.5), Step(2, 1, 3, 0.4, 0.5), Step(3, 2, 1, 1.0, 1.0), Step(3, 3, 1, 1.0, 1.0)]
    (heir,) = heirs(1, steps)
    assert (heir.cell, heir.area_share, heir.element_share) == (1, pytest.approx(1.0), pytest.approx(1.0))
