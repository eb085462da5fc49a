"""Damaged files, for some seconds and in the soak for ten minutes: refused by name, within a bound of memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("seconds", "seed"),
    [(5, 1), pytest.param(600, 1_000_000, marks=pytest.mark.soak)],
    ids=["briefly", "at length"],
)
def test_damaged_files_are_refused_and_nothing_worse(seconds: int, seed: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.gridmap.fuzzing", str(seconds), str(seed)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 600,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["tried"] > 10 * seconds / 5
    assert 0 < said["refused"] < said["tried"], "some are refused, and some damage does not matter"
