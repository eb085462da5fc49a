"""Facts on disk: mapped, re-read as they were, refused when damaged, and not taken for another revision's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gridmap.coverage.grid import Grid
from gridmap.errors import Unavailable
from gridmap.heatmap import kept
from gridmap.heatmap.answer import count
from gridmap.heatmap.columns import SUBJECTS, Facts
from gridmap.heatmap.places import Places
from gridmap.heatmap.question import Question


def test_what_is_read_back_is_what_was_kept_and_mapped(facts: Facts, tmp_path: Path) -> None:
    kept.save(facts, tmp_path)
    again = kept.load(tmp_path, facts.places)
    assert again is not None
    assert (again.version, again.kinds, again.declared) == (facts.version, facts.kinds, facts.declared)
    for subject in SUBJECTS:
        before, after = facts.parts[subject].base.arrays(), again.parts[subject].base.arrays()
        for name, array in before.items():
            assert array.dtype == after[name].dtype
            assert np.array_equal(array, after[name])
    question = Question("incidents", resolution=9)
    assert count(again, question).keys == count(facts, question).keys
    mapped = Path("/proc/self/maps").read_text()
    assert sum(name in mapped for name in (path.name for path in tmp_path.iterdir())) >= 10
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_the_same_facts_are_the_same_files(facts: Facts, tmp_path: Path) -> None:
    kept.save(facts, tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    kept.save(replace(facts), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == before


def test_what_is_damaged_is_refused(facts: Facts, tmp_path: Path) -> None:
    assert kept.load(tmp_path, facts.places) is None
    kept.save(facts, tmp_path)
    part = next(tmp_path.glob("incident-cells-*"))
    part.write_bytes(part.read_bytes()[:-4] + b"\xff\xff\xff\x7f")
    with pytest.raises(Unavailable, match="damaged"):
        kept.load(tmp_path, facts.places)
    part.unlink()
    with pytest.raises(Unavailable, match="lacks"):
        kept.load(tmp_path, facts.places)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(Unavailable, match="manifest"):
        kept.load(tmp_path, facts.places)


def test_another_revision_does_not_take_them(facts: Facts, tmp_path: Path) -> None:
    kept.save(facts, tmp_path)
    grid = facts.places.grid
    later = Grid(replace(grid.revision, number=2), grid.cells, grid.areas, grid.index)
    assert kept.load(tmp_path, Places(later, facts.places.city)) is None
