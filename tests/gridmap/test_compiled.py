"""Compiled code is kept: a second start compiles nothing, and without any folder for it everything still works."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from numba.core import caching

from gridmap.compiled import INT, kernel

ROOT = Path(__file__).parents[2]

# Prints how often each kernel was compiled and how often it was read from the disk, in a new process.
COUNT = """
from gridmap import hexes
from gridmap.coverage import hex_plane, near_kernels as n
from gridmap.coverage import kernels as k
for kernel in (
    k.side, k.pair, k.fill, k.refill, k.compact, k.locate, k.locate_many,
    n.edge_distances, n.count_in_buckets, n.fill_buckets, n.fill_seeds, n.within, n.nearest,
    hexes._convert, hex_plane._touch,
):
    print(len(kernel.signatures), sum(kernel.stats.cache_misses.values()), sum(kernel.stats.cache_hits.values()))
"""


def run(code: str, folder: Path) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return result.stdout.splitlines()


def test_kernels_are_compiled_once_and_never_at_the_first_use() -> None:
    use = (
        "import gridmap.coverage.hex_plane, gridmap.coverage.near_kernels, gridmap.coverage.kernels as k; "
        "k.side(0, 0, 1.0, 1, 2, 3)"
    )
    run(use, ROOT)
    assert run(f"{use}\n{COUNT}", ROOT) == ["1 0 1"] * 15


def test_a_change_of_a_kernel_is_noticed_by_those_that_call_it(tmp_path: Path) -> None:
    package = tmp_path / "gridmap"
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copy(ROOT / "gridmap" / "compiled.py", package)
    text = (
        "from gridmap.compiled import INT, kernel\n\n@kernel()\ndef inner(a):\n    return a + 1\n\n"
        "@kernel(INT)\ndef outer(a):\n    return inner(a)\n"
    )
    answers: list[Sequence[str]] = []
    for written in (text, text.replace("+ 1", "+ 2")):
        (package / "sample.py").write_text(written, encoding="utf-8")
        answers.append(run("from gridmap.sample import outer; print(outer(40))", tmp_path))
    assert answers == [["41"], ["42"]]


def test_without_a_folder_for_compiled_code_a_kernel_works_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    with caplog.at_level(logging.WARNING):
        doubled = kernel(INT)(lambda number: 2 * number)
    assert doubled(21) == 42
    assert "NUMBA_CACHE_DIR" in caplog.text
