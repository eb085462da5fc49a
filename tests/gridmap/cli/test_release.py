"""``gridmap release``: what is due is made once, one month by name, and what is wrong is said."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner, Result

from gridmap.access import OPERATOR
from gridmap.actions.releases import due_months
from gridmap.cli.commands import app
from gridmap.errors import InvalidInput, NotFound, RuleBroken
from gridmap.store.database import Database


@pytest.fixture
def run(heping_copy: Database, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv(
        "GRIDMAP_DATABASE_URL", heping_copy.url.set(username="gridmap_app").render_as_string(hide_password=False)
    )

    def run_command(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["release", *arguments])

    return run_command


def test_all_that_is_due_is_made_and_then_nothing_is(run, heping_copy: Database) -> None:  # noqa: ANN001
    due = [str(month) for month in due_months(heping_copy, OPERATOR, datetime.now(UTC))]
    assert len(due) > 3
    made = json.loads(run("make", "--all-due", "--json").stdout)
    assert [each["period"] for each in made] == due
    assert [each["elements"] for each in made] == [False] * (len(due) - 1) + [True]
    assert all(each["rows"] > 0 and each["hidden_tables"] < each["tables"] for each in made)
    again = run("make", "--all-due")
    assert (again.exit_code, again.stdout.strip()) == (0, "nothing is due")
    listed = json.loads(run("list", "--json").stdout)
    assert [each["period"] for each in listed] == due[::-1]
    assert run("list").stdout.startswith(f"{due[-1]}: made ")


def test_one_month_is_made_by_name_or_the_last(run, heping_copy: Database) -> None:  # noqa: ANN001
    due = due_months(heping_copy, OPERATOR, datetime.now(UTC))
    assert run("make", "--period", str(due[0])).stdout.startswith(f"{due[0]}: revision 1, ")
    assert run("make").stdout.startswith(f"{due[-1]}: revision 1, ")
    assert due_months(heping_copy, OPERATOR, datetime.now(UTC)) == due[1:-1]
    for arguments, error, words in (
        (["--period", str(due[0])], RuleBroken, "released already"),
        (["--period", "2990-01"], RuleBroken, "not over"),
        (["--period", "1990-01"], NotFound, "before the month of revision 1"),
        (["--period", "October"], InvalidInput, "must be a month"),
        (["--period", str(due[1]), "--all-due"], InvalidInput, "goes without --all-due"),
    ):
        refused = run("make", *arguments)
        assert isinstance(refused.exception, error)
        assert words in str(refused.exception)
