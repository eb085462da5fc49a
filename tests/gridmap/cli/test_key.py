"""``gridmap key``: given out with its text shown once, listed, shown and revoked; what is wrong is said."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from gridmap.access import OPERATOR
from gridmap.cli.commands import app
from gridmap.errors import InvalidInput, NotFound
from gridmap.store.database import Database
from gridmap.store.keys import key_hash, read_keys

Run = Callable[..., Result]


@pytest.fixture
def run(heping_copy: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", heping_copy.url.render_as_string(hide_password=False))
    return lambda *arguments: CliRunner().invoke(app, ["key", *arguments])


def test_a_key_from_its_making_to_its_end(run: Run, heping_copy: Database) -> None:
    made = run("create", "night-desk", "dispatcher", "--label", "the night desk", "--territory", "120101",
               "--territory", "120101001001001", "--scope", "read", "--days", "90", "--json")  # fmt: skip
    key = json.loads(made.stdout)
    assert (key["holder"], key["scopes"], key["created_by"]) == ("night-desk", ["read"], "operator")
    assert key["territories"] == ["120101", "120101001001001"]
    with heping_copy.begin(OPERATOR) as connection:
        assert [each.sha256 for each in read_keys(connection)] == [key_hash(key["key"])]
    plain = run("create", "map", "public", "--label", "a map", "--origin", "https://maps.example")
    text = plain.stdout.strip()
    assert text.startswith("pk_")
    listed = run("list").stdout.splitlines()
    assert [line.split()[1:3] for line in listed] == [["valid", "public"], ["valid", "dispatcher"]]
    for shown in (run("list").stdout, run("list", "--json").stdout, run("show", key["id"]).stdout):
        assert key["key"] not in shown
        assert text not in shown
    assert "scopes: read" in run("show", key["id"]).stdout
    assert json.loads(run("revoke", key["id"], "--json").stdout)["state"] == "revoked"
    assert [each["state"] for each in json.loads(run("list", "--json").stdout)] == ["valid", "revoked"]


def test_what_is_wrong_is_said(run: Run) -> None:
    for arguments, error, words in (
        (["create", "x", "king", "--label", "x", "--territory", "120101"], InvalidInput, "role: must be one of"),
        (["create", "x", "viewer", "--label", "x", "--territory", "999999"], InvalidInput, "'999999'"),
        (["create", "x", "viewer", "--label", "x"], InvalidInput, "territories: must be 1 to"),
        (["create", "x", "public", "--label", "x"], InvalidInput, "origins: a key of the role public needs"),
        (["revoke", "nobody"], NotFound, "no key 'nobody'"),
    ):
        result = run(*arguments)
        assert isinstance(result.exception, error), arguments
        assert words in str(result.exception)
