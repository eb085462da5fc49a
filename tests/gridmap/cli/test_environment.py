"""Which database a command works on, and that every setting is documented."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gridmap.cli import environment
from gridmap.cluster import Cluster
from gridmap.errors import InvalidInput
from gridmap.settings import Settings, read_settings
from gridmap.store.database import Database

README = Path(__file__).resolve().parents[3] / "README.md"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    assert f"GRIDMAP_{name.upper()}" in README.read_text(encoding="utf-8")
    assert Settings.model_fields[name].description


def test_a_given_address_is_used_and_no_cluster_is_touched(heping: Database, tmp_path: Path) -> None:
    url = heping.url.render_as_string(hide_password=False)
    settings = Settings(host="127.0.0.1", database_url=url, home=tmp_path / "home")
    with environment.open_database(settings) as database:
        assert database.url == heping.url
        assert environment.bring_up_to_date(database) == environment.newest()
    assert not (tmp_path / "home").exists()


def test_state_lies_in_the_home_by_city(tmp_path: Path) -> None:
    settings = Settings(host="127.0.0.1", home=tmp_path, city="London_1")
    assert environment.state_folder(settings) == tmp_path / "state" / "london_1"
    assert environment.database_name(settings) == "city_london_1"
    assert environment.cluster_of(settings).folder == tmp_path / "cluster"
    assert not list(tmp_path.iterdir()), "asking makes nothing"


def test_libpq_settings_of_the_caller_do_not_lead_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOST", "elsewhere.example")
    monkeypatch.setenv("PGDATABASE", "other")
    assert isinstance(environment.cluster_of(Settings(host="127.0.0.1", home=tmp_path)), Cluster)
    assert "PGHOST" not in os.environ
    assert "PGDATABASE" not in os.environ


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "203.0.113.1", "city.example"])
def test_a_host_that_strangers_reach_is_refused(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="GRIDMAP_TRUSTED_NETWORK"):
        read_settings(host=host)
    monkeypatch.setenv("GRIDMAP_TRUSTED_NETWORK", "yes")
    assert read_settings(host=host).host == host
