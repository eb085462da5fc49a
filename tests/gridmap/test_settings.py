"""Settings from the environment, refused by name when they are wrong."""

from __future__ import annotations

import os

import pytest

from gridmap.errors import InvalidInput
from gridmap.settings import Settings, read_settings


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


def test_an_issuer_needs_an_audience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDMAP_OIDC_ISSUER", "https://provider.example")
    with pytest.raises(InvalidInput, match="GRIDMAP_OIDC_AUDIENCE"):
        read_settings()
    monkeypatch.setenv("GRIDMAP_OIDC_AUDIENCE", "gridmap")
    assert read_settings().oidc_algorithms == ("RS256", "ES256")


def test_the_clients_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDMAP_OIDC_CLIENT_SECRET", "s3cret")
    assert "s3cret" not in repr(read_settings())
