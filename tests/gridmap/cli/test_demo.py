"""The parts of ``gridmap demo``: what it refuses, its keys, and what it invites to."""

from __future__ import annotations

import re
import shlex
import stat
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.app import create_app
from api.deps import Service
from gridmap.access import OPERATOR
from gridmap.cli import demo
from gridmap.current import Current
from gridmap.errors import RuleBroken
from gridmap.model import ROLES
from gridmap.settings import Settings
from gridmap.store.database import Database
from gridmap.store.keys import key_hash, read_keys


def test_one_key_a_role_is_written_once_for_its_owner_only(heping_copy: Database, tmp_path: Path) -> None:
    path = tmp_path / "state" / "keys"
    demo.write_keys(heping_copy, path, "120000")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = dict(line.split() for line in path.read_text(encoding="utf-8").splitlines())
    assert list(lines) == [role for role in ROLES if role != "public"]
    with heping_copy.begin(OPERATOR) as connection:
        known = {key.sha256: key.actor for key in read_keys(connection)}
    for role, key in lines.items():
        actor = known[key_hash(key)]
        assert (actor.role, actor.territories) == (role, ("120000",))
        assert len(key) > 40
    assert len(known) == len(lines)

    before = path.read_text(encoding="utf-8")
    demo.write_keys(heping_copy, path, "120000")
    assert path.read_text(encoding="utf-8") == before
    with heping_copy.begin(OPERATOR) as connection:
        assert len(read_keys(connection)) == len(lines)


def test_keys_are_never_in_the_database_as_text(heping_copy: Database, tmp_path: Path) -> None:
    demo.write_keys(heping_copy, tmp_path / "keys", "120000")
    keys = [line.split()[1] for line in (tmp_path / "keys").read_text(encoding="utf-8").splitlines()]
    with heping_copy.begin(OPERATOR) as connection:
        stored = str(connection.execute(text("SELECT * FROM api_key")).all())
    assert not any(key in stored for key in keys)


def test_a_city_that_is_there_is_not_made_again(
    heping_copy: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_build(*_: object, **__: object) -> None:
        pytest.fail("the city was generated again")

    monkeypatch.setattr(demo, "build", no_build)
    demo.set_up(heping_copy, tmp_path, "demo")
    assert (tmp_path / "keys").exists()


def test_another_city_is_left_alone(heping_copy: Database, tmp_path: Path) -> None:
    with heping_copy.begin(OPERATOR) as connection:
        renamed = """UPDATE city SET code = '1', settings = settings || '{"code": "1", "name": "别的城市"}'"""
        connection.execute(text(renamed))
    with pytest.raises(RuleBroken, match=r"别的城市.*--city"):
        demo.set_up(heping_copy, tmp_path, "demo")
    assert not (tmp_path / "keys").exists()


def test_an_empty_database_is_filled(
    make_database: Callable[[str], Database], heping_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy_heping(folder: Path, *, progress: Callable[[int, int, str], None], **given: object) -> None:
        assert given["scale"] == "demo"
        progress(1, 2, "something")
        folder.mkdir(parents=True)
        for path in heping_files.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())

    monkeypatch.setattr(demo, "build", copy_heping)
    database = make_database("demo")
    demo.set_up(database, tmp_path, "demo")
    with database.begin(OPERATOR) as connection:
        assert connection.execute(text("SELECT count(*) FROM cell")).scalar_one() > 500
        assert connection.execute(text("SELECT count(*) FROM release")).scalar_one() > 3
    assert (tmp_path / "keys").exists()
    assert not (tmp_path / "city").exists(), "the files are gone once they are loaded"


def test_the_invitation_names_addresses_keys_and_three_lines_to_try(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    text_ = demo.invitation(Settings(host="127.0.0.1", port=8123), keys)
    assert text_.endswith("\nready http://127.0.0.1:8123")
    assert "http://127.0.0.1:8123/openapi.json" in text_
    assert str(keys) in text_
    lines = [line.strip() for line in text_.splitlines() if line.strip().startswith("curl ")]
    assert len(lines) == 3
    for line in lines:
        address = shlex.split(line)[-1]
        assert address.startswith("http://127.0.0.1:8123/v1/")
    assert "Authorization: Bearer $(awk" in lines[2]


def test_the_two_points_of_the_invitation_are_one_place(heping_copy: Database, tmp_path: Path) -> None:
    settings = Settings(host="127.0.0.1")
    service = Service(settings, heping_copy, Current(heping_copy, tmp_path))
    lines = re.findall(r"'(http://[^']+)'", demo.invitation(settings, tmp_path / "keys"))
    with TestClient(create_app(service)) as client:
        answers = [client.get(urlsplit(line).path, params=parse_qs(urlsplit(line).query)) for line in lines]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    one, other = answers[0].json(), answers[1].json()
    assert one["cell"]["code"].startswith("120101")
    assert one["point"]["lon"] == pytest.approx(other["point"]["lon"], abs=2e-4)
    assert one["point"]["lat"] == pytest.approx(other["point"]["lat"], abs=2e-4)
    assert one["cell"]["code"] in {each["code"] for each in other["candidates"]}
