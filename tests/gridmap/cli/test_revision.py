"""``gridmap revision``: listed, compared, followed and gone back to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from gridmap.cli.commands import app
from gridmap.errors import InvalidInput, NotFound, RuleBroken
from gridmap.store.database import Database
from tests.gridmap.actions.test_publish import a_split, grid_of, publish_next

Run = Callable[..., Result]


@pytest.fixture
def run(heping_copy: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv(
        "GRIDMAP_DATABASE_URL", heping_copy.url.set(username="gridmap_app").render_as_string(hide_password=False)
    )

    def run_command(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["revision", *arguments])

    return run_command


def test_a_redraw_is_listed_compared_and_undone(run: Run, heping_copy: Database, tmp_path: Path) -> None:
    grid = grid_of(heping_copy)
    change = a_split(grid, np.random.default_rng(4), "x")
    (old,) = change.ended
    publish_next(heping_copy, change, grid)
    listed = json.loads(run("list", "--json").stdout)
    assert (listed[0]["number"], listed[0]["note"], listed[0]["actor"]) == (2, "a test", "operator")
    assert run("list").stdout.startswith("2: from ")
    found = json.loads(run("diff", "1", "2", "--json").stdout)
    assert {each["to"] for each in found["cells"]} == set(change.drawn)
    for name, begins in (("d.csv", b"\xef\xbb\xbffrom,"), ("d.xlsx", b"PK"), ("d.png", b"\x89PNG")):
        said = run("diff", "1", "2", "-o", str(tmp_path / name))
        assert said.stdout.splitlines()[-1] == "2 parts of cells and 0 areas differ between revisions 1 and 2"
        assert (tmp_path / name).read_bytes().startswith(begins)
    heirs = json.loads(run("lineage", old, "--json").stdout)
    assert heirs["last_revision"] == 1
    assert {each["code"] for each in heirs["successors"]} == set(change.drawn)
    assert run("lineage", old).stdout.startswith(f"{old}: ended with revision 1\n")
    done = json.loads(run("restore", "1", "--note", "as it was", "--json").stdout)
    assert (done["revision"], done["ended"], done["drawn"]) == (3, 2, 1)
    assert old in grid_of(heping_copy).by_code
    assert json.loads(run("list", "--json").stdout)[0]["note"] == "as it was"


def test_what_is_wrong_is_said(run: Run) -> None:
    for arguments, error, words in (
        (["restore", "1"], RuleBroken, "is that of the current"),
        (["restore", "9"], NotFound, "no revision 9"),
        (["diff", "1", "9"], NotFound, "no revision 9"),
        (["diff", "1", "1", "-o", "d.doc"], InvalidInput, "must end in one of"),
        (["lineage", "nothing"], NotFound, "nothing"),
    ):
        refused = run(*arguments)
        assert isinstance(refused.exception, error)
        assert words in str(refused.exception)
