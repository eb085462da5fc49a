"""``gridmap forget`` and ``gridmap retain``: what they remove is said, and what they must not remove stays."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from gridmap.access import OPERATOR
from gridmap.cli.commands import app
from gridmap.errors import InvalidInput
from gridmap.store.database import Database


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_they_say_what_is_removed(heping_copy: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    address = heping_copy.url.render_as_string(hide_password=False)
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", address)
    monkeypatch.setenv("GRIDMAP_OWNER_DATABASE_URL", address)
    with heping_copy.begin(OPERATOR) as connection:
        query = text("SELECT external_id FROM element WHERE class = 'person' ORDER BY id LIMIT 2")
        first, second = connection.execute(query).scalars()
    assert json.loads(run("forget", first, "--json").stdout) == {
        "removed": {"element": 1, "element_placement": 1},
        "kept_out": True,
    }
    assert run("forget", first).stdout == "nothing held it; loads that name it are refused it\n"
    assert run("forget", first, "--readmit").stdout == "may come again\n"
    assert run("forget", first, "--readmit").stdout == "was not kept out\n"
    assert run("forget", second, "--may-return").stdout.splitlines()[-1] == "forgotten"
    assert isinstance(run("forget", "").exception, InvalidInput)
    monkeypatch.setenv("GRIDMAP_PERSON_RETENTION_DAYS", '{"child": 1}')
    counted = json.loads(run("retain", "--dry-run", "--json").stdout)
    assert (counted["dry_run"], counted["removed"]["persons child"]) == (True, 0), "loaded a moment ago"
    done = run("retain")
    assert done.exit_code == 0
    assert "persons child: 0" in done.stdout
    assert "addresses in the trace: 0" in done.stdout
    assert "kept answers: 0" in done.stdout
    monkeypatch.setenv("GRIDMAP_PERSON_RETENTION_DAYS", '{"criminal": 1}')
    assert isinstance(run("retain").exception, InvalidInput)
