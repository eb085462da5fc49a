"""Settings from the environment, refused by name when they are wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from gridmap.errors import InvalidInput
from gridmap.settings import SECRETS, Settings, read_settings


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GRIDMAP_")]:
        monkeypatch.delenv(name)


def test_with_nothing_set_the_demo_listens_on_loopback() -> None:
    settings = read_settings()
    assert (settings.city, settings.host, settings.port, settings.database_url) == (
        "demo",
        "127.0.0.1",
        8000,
        None,
    )


def test_the_environment_speaks_and_an_option_speaks_louder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDMAP_PORT", "9000")
    monkeypatch.setenv("GRIDMAP_CITY", "London")
    monkeypatch.setenv("GRIDMAP_PUBLIC_URL", "https://grid.example/map/")
    assert (read_settings().port, read_settings().city) == (9000, "london")
    assert read_settings().public_url == "https://grid.example/map"
    assert read_settings(port=9001, city=None).port == 9001


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "eight"),
        ("CITY", ""),
        ("CITY", "1city"),
        ("CITY", "a b"),
        ("CITY", "天津"),
        ("CITY", 'x"; DROP DATABASE x'),
        ("CITY", "c" * 41),
        ("PUBLIC_URL", "ftp://grid.example"),
        ("HOST", "0.0.0.0"),
        ("HOST", "grid.example"),
        ("HOST", ""),
        ("TRUSTED_NETWORK", "perhaps"),
        ("TRUSTED_PROXIES", "nginx"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("RATE_KEY", "-1"),
        ("BODY_MB", "0"),
        ("HEAVY_AT_ONCE", "0"),
        ("SESSION_HOURS", "0"),
        ("OIDC_ISSUER", "http://provider.example"),
        ("OIDC_ISSUER", "https://user@provider.example"),
        ("OIDC_ISSUER", "https://provider.example?x=1"),
        ("OIDC_ISSUER", "file:///etc/passwd"),
        ("OIDC_ALGORITHMS", '["HS256"]'),
        ("OIDC_ALGORITHMS", '["RS256", "none"]'),
        ("OIDC_ALGORITHMS", "RS256"),
        ("OIDC_ROLES", '{"admins": "king"}'),
        ("OIDC_ROLES", '{"everybody": "public"}'),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"GRIDMAP_{name}", value)
    with pytest.raises(InvalidInput, match=f"GRIDMAP_{name}"):
        read_settings()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_loopback_needs_no_word(host: str) -> None:
    assert read_settings(host=host).host == host


def test_another_address_needs_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDMAP_TRUSTED_NETWORK", "yes")
    assert read_settings(host="0.0.0.0").host == "0.0.0.0"


def test_every_setting_says_what_it_is_for() -> None:
    assert all(len(field.description or "") > 20 for field in Settings.model_fields.values())


PASSWORD = "s3cret-word"
URL = f"postgresql+psycopg2://gridmap_app:{PASSWORD}@db.example/gridmap"


def test_a_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "address"
    path.write_text(f"{URL}\n")
    monkeypatch.setenv("GRIDMAP_DATABASE_URL_FILE", str(path))
    assert read_settings().database_url == URL
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", "postgresql://elsewhere/x")
    with pytest.raises(InvalidInput, match="must not be set beside GRIDMAP_DATABASE_URL"):
        read_settings()


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRIDMAP_DATABASE_URL_FILE", str(tmp_path / "nothing"))
    with pytest.raises(InvalidInput, match="GRIDMAP_DATABASE_URL_FILE: must name a file that can be read"):
        read_settings()


@pytest.mark.parametrize("wrong", ["HOST=0.0.0.0", "PORT=0", "CITY=天津", "PUBLIC_URL=x", "RATE_KEY=x"])
def test_no_error_of_the_settings_shows_a_password(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    name, _, value = wrong.partition("=")
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", URL)
    monkeypatch.setenv(f"GRIDMAP_{name}", value)
    with pytest.raises(InvalidInput) as refused:
        read_settings()
    shown = "".join(traceback.format_exception(refused.value))
    assert f"GRIDMAP_{name}" in shown
    assert PASSWORD not in shown


def test_every_secret_is_a_setting_and_may_be_a_file() -> None:
    assert set(SECRETS) <= Settings.model_fields.keys()
    fields = Settings.model_fields
    for name in fields:
        if name.endswith(("database_url", "secret", "password", "token")):
            as_a_file = name in SECRETS or f"{name}_file" in fields
            assert as_a_file, f"{name} looks like a secret: let GRIDMAP_{name.upper()}_FILE name a file"


def test_no_command_shows_a_password(tmp_path: Path) -> None:
    """Of an address that does not answer, in what a command prints, whatever it is asked for."""
    path = tmp_path / "address"
    path.write_text(f"postgresql+psycopg2://gridmap_app:{PASSWORD}@127.0.0.1:9/gridmap")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GRIDMAP_", "PG"))}
    environment |= {"GRIDMAP_DATABASE_URL_FILE": str(path), "GRIDMAP_HOME": str(tmp_path / "home")}
    program = [sys.executable, "-c", "from gridmap.cli import main; main()"]
    for words in (["verify"], ["serve", "--help"]):
        done = subprocess.run([*program, *words], capture_output=True, text=True, env=environment, check=False)
        assert PASSWORD not in done.stdout + done.stderr, words
        assert (done.returncode == 0) == ("--help" in words)


def test_an_issuer_needs_an_audience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDMAP_OIDC_ISSUER", "https://provider.example")
    with pytest.raises(InvalidInput, match="GRIDMAP_OIDC_AUDIENCE"):
        read_settings()
    monkeypatch.setenv("GRIDMAP_OIDC_AUDIENCE", "gridmap")
    assert read_settings().oidc_algorithms == ("RS256", "ES256")


def test_the_clients_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDMAP_OIDC_CLIENT_SECRET", "s3cret")
    assert "s3cret" not in repr(read_settings())
