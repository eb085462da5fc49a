"""The import contracts of pyproject.toml are kept, and each is seen to fail when it is broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PACKAGES = ("gridmap", "api", "tiles", "data")

# For each contract a line that breaks it, and the file to put it in.
OFFENCES = {
    "domain": ("gridmap/model.py", "import gridmap.coverage"),
    "proposing": ("gridmap/redraw/proposing/blocks.py", "import gridmap.redraw.proposing.division"),
    "ingest": ("gridmap/ingest/privacy.py", "import gridmap.ingest.roster"),
    "bulk": ("gridmap/bulk/formats.py", "import gridmap.bulk.pipeline"),
    "addresses": ("gridmap/addresses/writing.py", "import gridmap.addresses.search"),
    "releases": ("gridmap/releases/tree.py", "import gridmap.releases.rows"),
    "heatmap": ("gridmap/heatmap/question.py", "import gridmap.heatmap.answer"),
    "papers": ("gridmap/papers/parts.py", "import gridmap.papers.pages"),
    "packages": ("gridmap/duty.py", "import tiles"),
    "cli": ("api/app.py", "import gridmap.cli"),
    "data": ("gridmap/shapes.py", "import data.tianjin.areas"),
    "web": ("gridmap/coverage/answer.py", "import fastapi"),
    "sql": ("gridmap/coverage/index.py", "import sqlalchemy"),
    "h3": ("gridmap/coverage/grid.py", "import h3"),
}


def lint(root: Path, contract: str | None = None) -> subprocess.CompletedProcess[str]:
    chosen = () if contract is None else ("--contract", contract)
    command = Path(sys.executable).with_name("lint-imports")
    arguments = [str(command), "--no-cache", "--config", "pyproject.toml", *chosen]
    return subprocess.run(arguments, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", root)
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__", "node_modules")
        )
    return root


def test_all_contracts_are_kept() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout


def test_every_contract_has_an_offence() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {contract["id"] for contract in settings["tool"]["importlinter"]["contracts"]}
    assert contracts == set(OFFENCES)


@pytest.mark.parametrize("contract", OFFENCES)
def test_a_broken_contract_is_noticed(tree: Path, contract: str) -> None:
    name, line = OFFENCES[contract]
    path = tree / name
    sound = path.read_text(encoding="utf-8")
    path.write_text(f"{sound}\n{line}\n", encoding="utf-8")
    try:
        result = lint(tree, contract)
    finally:
        path.write_text(sound, encoding="utf-8")
    assert result.returncode == 1, result.stdout + result.stderr
    assert "BROKEN" in result.stdout
