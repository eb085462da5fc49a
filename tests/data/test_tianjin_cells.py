"""Codes, names, kinds and people of cells, by hand on a few communities."""

from __future__ import annotations

import numpy as np
import pytest

from data.tianjin.areas import Area
from data.tianjin.cells import SERVICES, CellFacts, describe_cells
from data.tianjin.targets import Target


def _target(code: str, name: str, cells: int) -> Target:
    return Target(Area("community", code, name, code[:9]), 630 * cells, 221 * cells, cells, 1.0)


TARGETS = [
    _target("120101001001", "花园路社区居委会", 4),
    _target("120101001002", "航空新城虚拟社区", 2),
    _target("120101001003", "南开大学社区", 2),
    _target("120101001004", "长寿里社区居委会", 40),
]
# The first four cells lie on a square, given from the south-east on.
CENTRES = np.array([(1.0, 0.0), (1.0, 1.0), (0.0, 0.0), (0.0, 1.0), *[(k % 7, -k) for k in range(44)]])


@pytest.fixture(scope="module")
def facts() -> CellFacts:
    communities = [target.area.code for target in TARGETS for _ in range(target.cells)]
    return describe_cells(7, TARGETS, communities, CENTRES, np.linspace(1, 2, len(communities)))


def test_numbers_run_west_to_east_in_rows_from_the_north(facts: CellFacts) -> None:
    assert [code[-3:] for code in facts.codes[:4]] == ["004", "002", "003", "001"]
    assert facts.codes[3] == "120101001001001"
    assert facts.names[3].startswith("花园路社区")
    assert facts.names[3].endswith("第1网格")
    assert len(set(facts.codes)) == 48


def test_zones_and_campuses_are_special(facts: CellFacts) -> None:
    assert facts.kinds[4:8] == ["special"] * 4


def test_full_service_cells_and_only_they_have_services(facts: CellFacts) -> None:
    # Five percent of 48 cells, rounded.
    assert facts.kinds.count("full_service") == 2
    for kind, services in zip(facts.kinds, facts.services, strict=True):
        assert bool(services) == (kind == "full_service")
        assert services == [service for service in SERVICES if service in services]


def test_people_add_up_per_community(facts: CellFacts) -> None:
    for target in TARGETS:
        own = np.array([code == target.area.code for code in facts.communities])
        assert facts.households[own].sum() == target.households
        assert facts.residents[own].sum() == target.residents
    assert facts.households.min() >= 1


def test_a_special_site_has_few_people_and_says_what_it_is(facts: CellFacts) -> None:
    special = [k for k in range(8, 48) if facts.kinds[k] == "special"]
    assert special
    for k in special:
        assert facts.households[k] < 100
        assert facts.names[k] != f"长寿里社区第{int(facts.codes[k][-3:])}网格"
