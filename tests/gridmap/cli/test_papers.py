"""``gridmap poster`` and the dossiers: a folder of papers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gridmap.access import OPERATOR
from gridmap.actions.draft_edits import edit_draft
from gridmap.actions.drafts import create_draft
from gridmap.actions.workbench import Workbench
from gridmap.cli.commands import app
from gridmap.errors import InvalidInput, NotFound
from gridmap.store.database import Database
from tests.gridmap.papers.reading import pages_of, picture_of, qr_codes

Run = Callable[..., Result]


@pytest.fixture
def run(heping_copy: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv(
        "GRIDMAP_DATABASE_URL", heping_copy.url.set(username="gridmap_app").render_as_string(hide_password=False)
    )
    monkeypatch.setenv("GRIDMAP_PUBLIC_URL", "https://grid.example")

    def run_command(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return run_command


def test_a_community_has_a_poster_for_each_of_its_cells(run: Run, tmp_path: Path) -> None:
    result = run("poster", "120101001001", "120101002002008", "120101001001001", "-o", str(tmp_path / "wall"))
    assert result.exit_code == 0, result.output
    made = sorted(path.name for path in (tmp_path / "wall").iterdir())
    assert "120101002002008.pdf" in made
    cells = [name.removesuffix(".pdf") for name in made if name.startswith("120101001001")]
    assert len(cells) >= 3
    assert f"{len(made)} posters of revision 1" in result.output
    for code in cells[:2]:
        document = (tmp_path / "wall" / f"{code}.pdf").read_bytes()
        assert code in pages_of(document)[0]
        assert qr_codes(picture_of(document, dots_per_inch=150)) == [
            f"https://grid.example/v1/cells/{code}/poster.html"
        ]


def test_a_draft_has_a_folder_of_papers(run: Run, heping_copy: Database, tmp_path: Path) -> None:
    bench, number = Workbench(), create_draft(heping_copy, OPERATOR, "合并方案").id
    edit_draft(
        heping_copy, OPERATOR, bench, number, {"op": "merge", "cells": ["120101001008003", "120101001008004"]}
    )
    result = run("draft", "dossier", str(number), "-o", str(tmp_path / "up"), "--lang", "en")
    assert result.exit_code == 0, result.output
    assert {path.name for path in (tmp_path / "up").iterdir()} == {
        f"draft-1.{each}" for each in ("html", "pdf", "xlsx")
    }
    said = "".join(pages_of((tmp_path / "up" / "draft-1.pdf").read_bytes()))
    assert "120101001008003" in said
    assert "Bounds of the cells after the change" in said


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["poster", "999"], NotFound),
        (["poster", "120101001001001", "--size", "A0"], InvalidInput),
        (["poster", "120101001001001", "--format", "svg"], InvalidInput),
        (["poster", "120101001001001", "--lang", "fr"], InvalidInput),
        (["revision", "dossier", "1"], NotFound),
        (["draft", "dossier", "99"], NotFound),
    ],
)
def test_what_is_wrong_is_said(run: Run, tmp_path: Path, arguments: list[str], error: type[Exception]) -> None:
    result = run(*arguments, "-o", str(tmp_path))
    assert result.exit_code == 1
    assert isinstance(result.exception, error)
