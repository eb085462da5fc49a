"""The role table as a page: whole, in both languages, and the same in README."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gridmap.access import TABLE, TABLE_ROLES, Action
from gridmap.cli.commands import app
from gridmap.role_page import role_page

ROOT = Path(__file__).parents[2]


def test_every_action_is_a_row_and_every_role_a_column() -> None:
    head, _, *rows = [line for line in role_page().splitlines() if line.startswith("|")]
    assert len(rows) == len(TABLE)
    assert head.count("|") == len(TABLE_ROLES) + 3


@pytest.mark.parametrize("action", list(Action))
def test_rows_stand_in_english_and_chinese(action: Action) -> None:
    (row,) = [line for line in role_page().splitlines() if line.startswith(f"| {action.value} ")]
    assert any("一" <= character <= "鿿" for character in row)


def test_readme_shows_what_the_command_prints() -> None:
    printed = CliRunner().invoke(app, ["roles"]).output
    assert printed == role_page()
    assert printed in (ROOT / "README.md").read_text(encoding="utf-8")
