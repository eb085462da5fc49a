"""The commands, run as the entry point runs them, with a home of their own."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook
from sqlalchemy import create_engine, text

from gridmap.access import OPERATOR
from gridmap.cli.commands import app, main
from gridmap.cluster import Cluster
from gridmap.store.database import set_actor

COMMANDS = sorted(command.name or command.callback.__name__ for command in app.registered_commands)  # type: ignore[union-attr]

ROSTER_COLUMNS = ["post", "holder", "holder_name", "backup", "hours", "valid_from", "valid_until"]
ROSTER_ROW = ["120101001-desk", "T-1", "值班员（试）", "", "1-7 00:00-24:00", "2030-01-07", ""]

BASE_MAP = """
[base_map]
kind = "xyz"
url = "https://maps.city.example/{z}/{x}/{y}.png"
crs = "gcj02"
approval_number = "津S(2026)001"
"""


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Result]


def execute(*arguments: str, **settings: str) -> Result:
    """One command, in this process: starting one of its own takes seconds."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "GRIDMAP_"))}
    environment |= {"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1", **settings}
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch.object(sys, "argv", ["gridmap", *arguments]),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    code = ended.value.code
    return Result(code if isinstance(code, int) else int(code is not None), out.getvalue(), err.getvalue())


def refused(result: Result) -> str:
    """The one line of an error that GridMap raised on purpose."""
    assert result.returncode == 1, result
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("gridmap: ")]
    assert len(lines) == 1, result.stderr
    assert result.stderr.splitlines()[-1] == lines[0]
    return lines[0]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home of its own that the server's user may enter, with its cluster stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="gridmap-test-"))
    folder.chmod(0o755)
    yield folder
    Cluster.default("cluster", home=folder).down()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def run(home: Path) -> Run:
    """Runs a command in that home."""

    def run_at_home(*arguments: str, **settings: str) -> Result:
        return execute(*arguments, GRIDMAP_HOME=str(home), **settings)

    return run_at_home


def test_the_contracts_commands_are_there() -> None:
    assert {"up", "down", "url", "init", "migrate", "load", "verify", "serve", "demo"} <= set(COMMANDS)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_has_help(command: str) -> None:
    result = execute(*command.split(), "--help")
    assert result.returncode == 0, result.stderr
    assert "Usage:" in result.stdout
    if command:
        assert re.search(rf"Usage: .*{command}", result.stdout)
    else:
        assert all(re.search(rf"\b{each}\b", result.stdout) for each in COMMANDS)


def check_hexes(run: Run, cover: Path) -> None:
    """The cover goes into a file, and computing it anew changes nothing."""
    assert "needs --output" in refused(run("hexes"))
    written = run("hexes", "-o", str(cover), "--json")
    assert written.returncode == 0, written.stderr
    rows = json.loads(written.stdout)
    assert rows["inside"] + rows["straddling"] == pq.read_metadata(cover).num_rows
    assert json.loads(run("hexes", "--rebuild", "--json").stdout)["changed"] == 0


def check_principles(run: Run, places: Path) -> None:
    """The five principles in words, for machines, and where they do not hold."""
    in_words = run("principles")
    assert in_words.returncode == 0, in_words.stderr
    assert "territory first 属地为主: not measured: there are no outlines" in in_words.stdout
    assert "share_in_band_basic:" in in_words.stdout
    found = json.loads(run("principles", "--revision", "1", "--json", "--offenders", str(places)).stdout)
    assert [each["key"] for each in found["principles"]] == ["territory", "streets", "size", "seamless", "fixed"]
    features = json.loads(places.read_text(encoding="utf-8"))["features"]
    assert len(features) == sum(each["offenders"] for each in found["principles"])
    assert {each["properties"]["principle"] for each in features} >= {"streets", "size"}
    again = json.loads(run("principles", "--again", "--json").stdout)
    assert again["measured_at"] > found["measured_at"]
    assert again["principles"] == found["principles"]
    assert "no revision 9" in refused(run("principles", "--revision", "9"))


def check_base_map(run: Run, description: Path, with_map: Path) -> None:
    """A description's base map is put in and taken away."""
    assert "has no [base_map]" in refused(run("base-map", str(description)))
    with_map.write_text(description.read_text(encoding="utf-8") + BASE_MAP, encoding="utf-8")
    put = run("base-map", str(with_map))
    assert put.stdout == "base map https://maps.city.example/{z}/{x}/{y}.png (津S(2026)001)\n", put.stderr
    assert run("base-map").stdout == "no base map\n"


def test_a_whole_life(run: Run, home: Path, heping_files: Path) -> None:
    """From nothing over a loaded city to a stopped cluster: one test, since each step needs the one before."""
    not_there = refused(run("url"))
    assert "gridmap up" in not_there

    up = run("up")
    assert up.returncode == 0, up.stderr
    address = up.stdout.strip()
    assert address.startswith("postgresql+psycopg2://")
    assert run("url").stdout.strip() == address
    assert f"host={home}" in address
    engine = create_engine(address)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM cell")).scalar_one() == 0
        newest = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    engine.dispose()
    assert run("migrate").stdout.strip() == newest

    description = heping_files / "CITY.toml"
    started = run("init", str(description))
    assert started.returncode == 0, started.stderr
    assert "(120000) is started" in started.stdout

    loaded = run("load", str(description), "--json")
    assert loaded.returncode == 0, loaded.stderr
    report = json.loads(loaded.stdout)
    assert (report["city"], report["revision"]) == ("120000", 1)
    assert report["cells"] > 500
    assert report["areas"]["street"] == 6
    for points in report["points"]:
        counts = points["counts"]
        assert counts["rows"] == counts["placed"] + counts["outside"] + counts["rejected"] > 0
    assert "has a grid already" in refused(run("load", str(description)))

    check_base_map(run, description, home / "BASE.toml")
    verified = run("verify", "--json")
    assert verified.returncode == 0, verified.stderr
    found = json.loads(verified.stdout)
    assert found["faults"] == []
    assert found["cells"] == report["cells"]
    check_hexes(run, home / "hexes.parquet")
    check_principles(run, home / "places.geojson")
    in_words = run("verify")
    assert f"cells: {report['cells']:,}" in in_words.stdout

    engine = create_engine(address)
    with engine.begin() as connection:
        set_actor(connection, OPERATOR)
        connection.execute(
            text("UPDATE cell SET geom = ST_Translate(geom, 0.0001, 0) WHERE code LIKE '%001001001'")
        )
    engine.dispose()
    broken = run("verify", "--json")
    assert broken.returncode == 1
    assert json.loads(broken.stdout)["faults"]

    assert run("down").stdout.strip() == "stopped"
    assert run("down").stdout.strip() == "was not running"
    assert run("up").stdout.strip() == address, "its data stay"


def test_a_roster_is_previewed_and_then_recorded(run: Run, heping_files: Path, tmp_path: Path) -> None:
    settings = {"GRIDMAP_CITY": "roster"}
    assert run("load", str(heping_files / "CITY.toml"), **settings).returncode == 0
    path = tmp_path / "roster.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(ROSTER_COLUMNS)
        writer.writerow(ROSTER_ROW)
    assert "no-such-roster.csv" in refused(run("load", "no-such-roster.csv", **settings))
    preview = run("load", str(path), "--json", **settings)
    assert preview.returncode == 0, preview.stderr
    shown = json.loads(preview.stdout)
    assert (shown["recorded"], shown["rows"], shown["rejected"]) == (False, 1, [])
    again = json.loads(run("load", str(path), "--json", **settings).stdout)
    assert again["added"] == shown["added"] >= 1, "a preview changes nothing"
    recorded = json.loads(run("load", str(path), "--json", "--record", **settings).stdout)
    assert recorded["recorded"] is True
    assert recorded["added"] == shown["added"]
    after = json.loads(run("load", str(path), "--json", **settings).stdout)
    assert (after["added"], after["unchanged"]) == (0, shown["added"] + shown["unchanged"])
    blank = tmp_path / "blank.xlsx"
    assert "'nowhere'" in refused(run("template", str(blank), "nowhere", **settings))
    assert not blank.exists()
    assert run("template", str(blank), "120101001", **settings).returncode == 0
    listed = [row[0].value for row in load_workbook(blank)["posts"].iter_rows(min_row=2)]
    assert "120101001-desk" in listed
    assert all(str(code).startswith("120101001-") for code in listed)


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (["load", "no-such-city.toml"], {}, "no-such-city.toml"),
        (["init", __file__], {}, "test_commands.py"),
        (["serve", "--host", "0.0.0.0"], {}, "GRIDMAP_TRUSTED_NETWORK"),
        (["serve"], {"GRIDMAP_HOST": "203.0.113.9"}, "203.0.113.9"),
        (["serve"], {"GRIDMAP_PORT": "70000"}, "GRIDMAP_PORT"),
        (["url", "--city", "../etc"], {}, "GRIDMAP_CITY"),
        (["url"], {"GRIDMAP_PUBLIC_URL": "ftp://x"}, "GRIDMAP_PUBLIC_URL"),
        (["up"], {"GRIDMAP_DATABASE_URL": "postgresql+psycopg2://nowhere/none"}, "GRIDMAP_DATABASE_URL"),
        (
            ["verify"],
            {"GRIDMAP_DATABASE_URL": "postgresql+psycopg2://x@127.0.0.1:1/none"},
            "PostGIS does not answer",
        ),
        (["verify"], {"GRIDMAP_DATABASE_URL": "not an address"}, "GRIDMAP_DATABASE_URL"),
        (["verify", "--city", "nothing_here"], {}, "gridmap migrate"),
        (["serve", "--city", "nothing_here"], {}, "gridmap migrate"),
        (["load", "no-such-roster.csv", "--city", "nothing_here"], {}, "gridmap migrate"),
    ],
)
def test_an_error_is_one_line_and_exit_code_1(
    run: Run, arguments: list[str], settings: dict[str, str], said: str
) -> None:
    assert said in refused(run(*arguments, **settings))


def test_a_wrong_option_is_a_usage_error() -> None:
    result = execute("verify", "--no-such-option")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
