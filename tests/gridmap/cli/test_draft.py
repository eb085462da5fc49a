"""``gridmap draft``: from the first edit to the revision, and what cannot be done is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from gridmap.access import OPERATOR
from gridmap.cli.commands import app
from gridmap.errors import InvalidInput, NotFound, RuleBroken, Stale
from gridmap.store.database import Database
from tests.gridmap.actions.test_drafts import grid_of, merge, pairs

Run = Callable[..., Result]


@pytest.fixture
def run(heping_copy: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv(
        "GRIDMAP_DATABASE_URL", heping_copy.url.set(username="gridmap_app").render_as_string(hide_password=False)
    )

    def run_command(*arguments: object, status: int = 0, given: str | None = None) -> Result:
        result = CliRunner().invoke(app, ["draft", *map(str, arguments)], input=given)
        assert result.exit_code == status, (result.output, result.exception)
        return result

    return run_command


def answer(result: Result) -> Any:
    return json.loads(result.stdout)


def test_from_the_first_edit_to_the_revision(run: Run, heping_copy: Database, tmp_path: Path) -> None:
    one, two = pairs(grid_of(heping_copy))[:2]
    assert answer(run("create", "合并", "--as", "wang", "--json")) == {"draft": 1, "base": 1}
    (tmp_path / "edit.json").write_text(json.dumps(merge(one)), encoding="utf-8")
    assert "(nothing is recorded)" in run("edit", 1, tmp_path / "edit.json", "--preview").stdout
    done = answer(run("edit", 1, "-", "--as", "wang", "--json", given=json.dumps(merge(one))))
    assert (done["version"], done["ended"]) == (1, sorted(one))
    run("edit", 1, json.dumps(merge(two)), "--expects", 1)
    assert isinstance(run("undo", 1, "--expects", 1, status=1).exception, Stale)
    assert "version 3" in run("undo", 1).stdout
    assert "version 4" in run("redo", 1).stdout
    changed = run("change", 1, "--out", tmp_path / "after.geojson").stdout.splitlines()
    assert [line.split(":")[0] for line in changed] == ["before"] * 4 + ["after"] * 2
    assert len(json.loads((tmp_path / "after.geojson").read_text(encoding="utf-8"))["features"]) == 2
    run("comment", 1, "good", "--cell", one[0], "--as", "chen")
    run("submit", 1)
    run("return", 1, "--comment", "and the school?")
    run("submit", 1)
    for check in ("size_band", "street_share", "staffed"):
        run("waive", 1, check, "--name", "Li", "--reason", "a test", "--as", "chen")
    results = {each["check"]: each["result"] for each in answer(run("certificate", 1, "--json"))["checks"]}
    assert results.pop("person_data") == "checked when published"
    assert set(results.values()) <= {"pass", "waived"}
    assert run("certificate", 1).stdout.startswith("coverage: pass")
    assert run("approve", 1, "--as", "chen").stdout == "draft 1 is approved\n"
    shown = answer(run("show", 1, "--json"))
    assert [each["actor"] for each in shown["comments"]] == ["chen", "operator"]
    assert [each["edit"]["op"] for each in shown["edits"]] == ["merge", "merge"]
    assert run("notice", 1).stdout.startswith("/v1/drafts/notice/")
    assert "no longer shown" in run("notice", 1, "--close").stdout
    assert answer(run("publish", 1, "--note", "two merged", "--json"))["revision"] == 2
    assert run("list", "--state", "published").stdout == "1  published  on 1  wang  合并\n"


def test_a_time_is_kept_and_what_is_due_is_published(run: Run, heping_copy: Database) -> None:
    run("create", "later")
    run("edit", 1, json.dumps(merge(pairs(grid_of(heping_copy))[0])))
    for check in ("size_band", "street_share", "staffed"):
        run("waive", 1, check, "--name", "Li", "--reason", "a test")
    run("submit", 1)
    at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    run("publish", 1, "--at", at)
    assert run("publish-due").stdout == ""
    run("recall", 1)
    run("publish", 1, "--at", at)
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(text("UPDATE draft SET publish_at = now()"))
    assert run("publish-due").stdout == "draft 1: revision 2\n"


def test_what_cannot_be_done_is_said(run: Run, heping_copy: Database) -> None:
    run("create", "nothing")
    for arguments, error, says in (
        (["show", 9], NotFound, "no draft 9"),
        (["edit", 1, "{"], InvalidInput, "must be JSON"),
        (["edit", 1, "nowhere.json"], InvalidInput, "cannot be read"),
        (["edit", 1, '{"op": "melt"}'], InvalidInput, "op"),
        (["submit", 1], RuleBroken, "changes nothing"),
        (["publish", 1], RuleBroken, "changes nothing"),
        (["publish", 1, "--at", "soon"], InvalidInput, "must be a time"),
        (["waive", 1, "coverage", "--name", "Li", "--reason", "x"], InvalidInput, "can be waived"),
        (["list", "--state", "lost"], InvalidInput, "must be one of"),
    ):
        refused = run(*arguments, status=1)
        assert isinstance(refused.exception, error)
        assert says in str(refused.exception)
    run("discard", 1)
    assert run("list").stdout.startswith("1  discarded")


def test_proposals_are_shown_drawn_and_one_is_used(run: Run, tmp_path: Path) -> None:
    run("create", "drawn anew")
    community = "120101001001"
    shown = run("propose", 1, community, "--picture", tmp_path / "maps.png", "--count", 2).stdout
    assert "as it is" in shown
    assert "all round" in shown
    assert (tmp_path / "maps.png").read_bytes().startswith(b"\x89PNG")
    assert answer(run("show", 1, "--json"))["edits"] == []
    found = answer(run("propose", 1, community, "--count", 2, "--use", 1, "--json"))
    recorded = answer(run("show", 1, "--json"))["edits"]
    assert [each["edit"]["op"] for each in recorded] == ["redraw_area"]
    drawn = {
        each["id"] for each in found["proposals"][0]["cells"]["features"] if each["properties"]["change"] == "new"
    }
    changed = {line.split()[1] for line in run("change", 1).stdout.splitlines() if line.endswith("(new)")}
    assert drawn == changed
    assert isinstance(run("propose", 1, community, "--parts", 900, status=1).exception, InvalidInput)
