"""``gridmap audit`` and ``gridmap explain``: what a command did is chained and anchored at its end."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from gridmap.access import OPERATOR
from gridmap.audit.anchors import read_anchors
from gridmap.cli.commands import app
from gridmap.errors import NotFound
from gridmap.store.database import Database
from gridmap.trail import set_aside, trail_folder

Run = Callable[..., Result]


@pytest.fixture
def run(heping_copy: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", heping_copy.url.render_as_string(hide_password=False))
    monkeypatch.setenv("GRIDMAP_HOME", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_what_was_done_is_searched_verified_and_written_down(
    run: Run, heping_copy: Database, tmp_path: Path
) -> None:
    folder = trail_folder(tmp_path / "state" / "demo" / "snapshot", heping_copy.url.database)
    head = run("audit", "head").stdout.split()
    assert read_anchors(folder)[-1].hash == head[2]
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(text("UPDATE city SET settings = settings"))
    named = "test_what_was_done_is_searched_verified_and_written_down"
    found = json.loads(run("audit", "search", "--action", named, "--json").stdout)
    assert [change["table"] for each in found for change in each["changes"]] == ["city"]
    assert found[0]["details"] == {}
    shown = run("audit", "search", "--actor", "operator").stdout
    assert "update city ×1" in shown
    assert "on this machine" in shown, "from where the command that searched came"
    sound = run("audit", "verify")
    assert sound.exit_code == 0, sound.stdout
    assert " 0 details forgotten" in sound.stdout
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER ALL"))
        connection.execute(text("DELETE FROM audit_entry WHERE seq = 1"))
    broken = run("audit", "verify")
    assert broken.exit_code == 1
    assert "missing: entry 1: " in broken.stdout
    assert json.loads(run("audit", "verify", "--json").stdout)["findings"][0]["what"] == "missing"
    assert run("audit", "prune").stdout == "0 addresses and 0 answers removed\n"


def test_an_answer_that_is_not_kept_cannot_be_explained(run: Run) -> None:
    assert isinstance(run("explain", str(uuid.uuid4())).exception, NotFound)
    assert isinstance(run("explain", "no id").exception, NotFound)


def test_a_database_that_is_made_anew_begins_a_chain_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "trail" / "city_demo"
    set_aside(folder)
    folder.mkdir(parents=True)
    (folder / "anchors.txt").write_text(f"1 1 {'0' * 64} then\n")
    assert len(read_anchors(folder)) == 1
    set_aside(folder)
    assert read_anchors(folder) == []
    (kept,) = tmp_path.glob("trail/city_demo-until-*")
    assert len(read_anchors(kept)) == 1
