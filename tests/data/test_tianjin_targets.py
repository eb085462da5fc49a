"""The made-up targets: exact sums, a cell for everyone, and plausible differences."""

from __future__ import annotations

import numpy as np
import pytest

from data.tianjin.targets import (
    CORE,
    HOUSEHOLDS,
    RESIDENTS,
    Target,
    apportion,
    community_targets,
    density,
    generator,
)


@pytest.fixture(scope="module")
def targets() -> list[Target]:
    return community_targets(20230, 22_000)


@pytest.mark.parametrize("cells", [5_617, 6_000, 22_000, 40_001])
def test_cells_add_up_and_everyone_has_one(cells: int) -> None:
    counts = [target.cells for target in community_targets(1, cells)]
    assert sum(counts) == cells
    assert min(counts) >= 1


def test_people_add_up(targets: list[Target]) -> None:
    assert len(targets) == 5_617
    assert sum(target.residents for target in targets) == RESIDENTS == 13_870_000
    assert sum(target.households for target in targets) == HOUSEHOLDS == 4_870_000
    assert all(target.residents > target.households for target in targets)
    assert [target.area.code for target in targets] == sorted(target.area.code for target in targets)


def test_districts_have_plausible_shares(targets: list[Target]) -> None:
    core = sum(target.residents for target in targets if target.district in CORE)
    coast = sum(target.residents for target in targets if target.district == "120116")
    assert core == pytest.approx(4_050_000, rel=0.02)
    assert coast == pytest.approx(2_067_000, rel=0.02)


def test_towns_are_denser_than_villages(targets: list[Target]) -> None:
    country = [target for target in targets if target.district == "120119"]
    towns = [target for target in country if not target.area.village]
    assert density(towns) > 5 * density([target for target in country if target.area.village])


def test_chance_depends_on_code_and_purpose_only() -> None:
    assert generator(1, "120101", 2).random() == generator(1, "120101", 2).random()
    draws = {
        generator(*key).random()
        for key in ((1, "120101", 2), (2, "120101", 2), (1, "120102", 2), (1, "120101", 3))
    }
    assert len(draws) == 4


@pytest.mark.parametrize(
    ("weights", "total", "least", "expected"),
    [
        ([1.0, 1.0, 2.0], 8, 0, [2, 2, 4]),
        ([1.0, 1.0, 1.0], 4, 0, [2, 1, 1]),
        ([0.0, 1.0], 5, 1, [1, 4]),
    ],
)
def test_largest_remainder(weights: list[float], total: int, least: int, expected: list[int]) -> None:
    assert apportion(np.array(weights), total, least).tolist() == expected
