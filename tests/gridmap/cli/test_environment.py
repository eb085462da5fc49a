"""Which database a command works on, and that every setting is documented."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.cli import environment
from gridmap.cluster import Cluster
from gridmap.errors import InvalidInput, RuleBroken
from gridmap.model import PUBLIC, WORKER
from gridmap.settings import Settings, read_settings
from gridmap.store.database import Database

README = Path(__file__).resolve().parents[3] / "README.md"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    assert f"GRIDMAP_{name.upper()}" in README.read_text(encoding="utf-8")
    assert Settings.model_fields[name].description


def test_a_given_address_is_used_and_no_cluster_is_touched(heping: Database, tmp_path: Path) -> None:
    settings = two_roles(heping, home=tmp_path / "home")
    with environment.open_database(settings) as database:
        assert database.url == heping.url.set(username="gridmap_app")
        environment.check_role(database)
        environment.check_migrated(database)
    with environment.open_database(settings, as_owner=True) as database:
        assert database.url == heping.url
        assert environment.bring_up_to_date(database, settings) == environment.newest()
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["state"], "the trace's anchors"


def two_roles(database: Database, application: str = "gridmap_app", **more: object) -> Settings:
    """The settings of a server of one's own."""
    url = database.url.set(username=application).render_as_string(hide_password=False)
    owner = database.url.render_as_string(hide_password=False)
    given = {"host": "127.0.0.1", "database_url": url, "owner_database_url": owner, **more}
    return Settings(**given)  # type: ignore[arg-type]


def test_what_the_owner_does_needs_the_owners_address(heping: Database) -> None:
    settings = two_roles(heping).model_copy(update={"owner_database_url": None})
    with (
        pytest.raises(InvalidInput, match="GRIDMAP_OWNER_DATABASE_URL"),
        environment.open_database(settings, as_owner=True),
    ):
        raise AssertionError
    with environment.open_database(settings) as database:
        environment.check_migrated(database)


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("gridmap_superuser", "is a superuser"),
        ("gridmap_owner", "owns the tables"),
        ("gridmap_bypasses", "has BYPASSRLS"),
        ("gridmap_member", "is a member of their owner 'gridmap_owner'"),
    ],
)
def test_the_server_runs_as_no_role_that_policies_do_not_bind(
    heping: Database, postgis: Cluster, role: str, said: str
) -> None:
    superuser = Database(postgis.url(str(heping.url.database), "gridmap_superuser"))
    made = {
        "gridmap_bypasses": "CREATE ROLE gridmap_bypasses LOGIN BYPASSRLS",
        "gridmap_member": "CREATE ROLE gridmap_member LOGIN IN ROLE gridmap_owner",
    }.get(role)
    if made is not None:
        with superuser.begin(OPERATOR) as connection:
            connection.execute(text(made))
    try:
        opened = environment.open_database(two_roles(heping, role))
        with pytest.raises(RuleBroken) as refused, opened as database:
            environment.check_role(database)
        assert said in str(refused.value)
        assert f"{role!r}" in str(refused.value)
        assert "GRIDMAP_DATABASE_URL" in str(refused.value)
    finally:
        if made is not None:
            with superuser.begin(OPERATOR) as connection:
                connection.execute(text(f"DROP ROLE {role}"))
        superuser.dispose()


def test_the_role_of_the_address_is_given_what_the_server_needs(heping_copy: Database, postgis: Cluster) -> None:
    superuser = Database(postgis.url(str(heping_copy.url.database), "gridmap_superuser"))
    settings = two_roles(heping_copy, "gridmap_other")
    counted = text("SELECT count(*) FROM element")
    with environment.open_database(settings, as_owner=True) as owner:
        with pytest.raises(RuleBroken, match="there is no role 'gridmap_other'"):
            environment.bring_up_to_date(owner, settings)
        with superuser.begin(OPERATOR) as connection:
            connection.execute(text("CREATE ROLE gridmap_other LOGIN"))
        try:
            environment.bring_up_to_date(owner, settings)
            with environment.open_database(settings) as database:
                environment.check_role(database)
                with database.begin(WORKER) as connection:
                    assert connection.execute(counted).scalar_one() > 0
                with database.begin(PUBLIC) as connection:
                    assert connection.execute(counted).scalar_one() == 0
        finally:
            with superuser.begin(OPERATOR) as connection:
                connection.execute(text("DROP OWNED BY gridmap_other; DROP ROLE gridmap_other"))
            superuser.dispose()


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
