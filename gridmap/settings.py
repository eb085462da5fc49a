"""The settings, from environment variables with the prefix ``GRIDMAP_``; built at entry points only."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from gridmap.errors import InvalidInput
from gridmap.model import ROLES
from gridmap.provider import is_loopback
from gridmap.tokens import SIGNATURES

_MOST_A_MINUTE = 10_000_000
# Each may also stand in a file that GRIDMAP_<NAME>_FILE names; no command shows them.
SECRETS = ("database_url", "owner_database_url")


class Settings(BaseSettings):
    """Each field is the variable ``GRIDMAP_<NAME>``; its description is what the README says."""

    model_config = SettingsConfigDict(env_prefix="GRIDMAP_", frozen=True, extra="ignore")

    database_url: str | None = Field(
        None,
        description="address of a PostGIS database, as a plain role that owns nothing there; unset, GridMap runs "
        "a private cluster of its own",
    )
    owner_database_url: str | None = Field(
        None,
        description="the same database as the owner of its tables, for gridmap init, migrate and load; the server "
        "never uses it",
    )
    home: Path | None = Field(
        None, description="folder for the private cluster, snapshots and keys; unset, one per checkout and user"
    )
    city: str = Field("demo", description="which city's database to use: one database holds one city")
    host: str = Field(
        "127.0.0.1", description="address to listen on; only loopback without GRIDMAP_TRUSTED_NETWORK"
    )
    port: int = Field(8000, ge=1, le=65535, description="port to listen on; gridmap demo takes the next free one")
    public_url: str = Field("", description="address under which clients reach the service, perhaps with a path")
    event_clients: int = Field(
        1000, ge=1, le=100_000, description="how many clients may follow GET /v1/events in one worker at a time"
    )
    workers: int = Field(1, ge=1, le=64, description="processes that answer; they share the grid's memory")
    trusted_network: bool = Field(
        False, description="yes allows a host other than loopback: keys then travel there as they are, without TLS"
    )
    answer_days: int = Field(
        90, ge=1, le=3650, description="days for which coverage answers to staff are kept, to be explained"
    )
    origin_days: int = Field(
        180, ge=1, le=3650, description="days for which the audit keeps from which address something was done"
    )
    tile_memory_mb: int = Field(
        256, ge=1, le=1_000_000, description="megabytes of memory that each worker keeps vector tiles in"
    )
    tile_disk_mb: int = Field(
        2048,
        ge=0,
        le=100_000_000,
        description="megabytes of disk that all workers keep vector tiles in; 0 for none",
    )
    trusted_proxies: str = Field(
        "127.0.0.1,::1",
        description="addresses and networks, parted by commas, whose word is taken for where a request comes from",
    )
    body_mb: int = Field(16, ge=1, le=1024, description="megabytes that the body of a request may have at most")
    rate_look_ups: int = Field(
        60_000,
        ge=0,
        le=_MOST_A_MINUTE,
        description="GET /v1/coverage a minute, per key or else address; 0: no limit",
    )
    rate_tiles: int = Field(
        60_000, ge=0, le=_MOST_A_MINUTE, description="tiles a minute, per key or else address; 0: no limit"
    )
    rate_heavy: int = Field(
        300,
        ge=0,
        le=_MOST_A_MINUTE,
        description="papers, files, pictures and placements of many a minute, per key or address; 0: no limit",
    )
    rate_key: int = Field(
        12_000, ge=0, le=_MOST_A_MINUTE, description="other requests a minute with one key; 0: no limit"
    )
    rate_address: int = Field(
        6_000, ge=0, le=_MOST_A_MINUTE, description="other requests a minute from one address without; 0: no limit"
    )
    heavy_at_once: int = Field(
        4, ge=1, le=64, description="papers, files and pictures that one worker makes at a time"
    )
    heavy_seconds: int = Field(
        120, ge=1, le=3600, description="seconds after which a paper, file or picture is given up"
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, proxies: str) -> str:
        for each in filter(None, (part.strip() for part in proxies.split(","))):
            ipaddress.ip_network(each)  # its own words say what is wrong
        return proxies

    person_retention_days: dict[str, int] = Field(
        {}, description="days that persons are kept for after the register's last word, by category, as JSON"
    )
    duty_retention_months: int = Field(
        24, ge=1, le=1200, description="months that shifts and posts that are over keep names and phones for"
    )
    session_idle_minutes: int = Field(
        120, ge=1, le=10_080, description="minutes after which a log-in to the pages ends when nothing is asked"
    )
    session_hours: int = Field(
        12, ge=1, le=720, description="hours after which a log-in to the pages ends in any case"
    )
    oidc_issuer: str = Field(
        "", description="address of an OpenID Connect provider whose tokens are taken; https, or http on loopback"
    )
    oidc_audience: str = Field(
        "", validate_default=True, description="whom the provider's tokens must be made for; needed with an issuer"
    )
    oidc_algorithms: tuple[str, ...] = Field(
        ("RS256", "ES256"), description="how tokens may be signed, as a JSON list; only by a key pair"
    )
    oidc_role_claim: str = Field(
        "roles", description="the claim with the role, or a list of roles; dots lead into it: realm_access.roles"
    )
    oidc_territories_claim: str = Field(
        "territories", description="the claim with a list of codes of areas and cells"
    )
    oidc_roles: dict[str, str] = Field(
        default_factory=dict,
        description='the provider\'s roles and ours, as JSON {"theirs": "planner"}; unset, they are called alike',
    )
    oidc_leeway_s: int = Field(30, ge=0, le=300, description="seconds that the provider's clock may be off")
    oidc_stale_hours: int = Field(
        24, ge=1, le=168, description="hours for which the provider's keys are used while it does not answer"
    )
    oidc_client_id: str = Field("", description="as what the pages log in at the provider; unset, with keys only")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="the secret of that client, if it has one")
    oidc_client_secret_file: Path | None = Field(None, description="a file that holds this secret instead")

    @field_validator("city")
    @classmethod
    def _name(cls, city: str) -> str:
        if not (city.isascii() and city.replace("_", "").isalnum() and city[0].isalpha() and len(city) <= 40):
            raise ValueError("must be a short name of letters, digits and underscores")
        return city.lower()

    @field_validator("public_url")
    @classmethod
    def _address(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url.rstrip("/")

    @field_validator("oidc_issuer")
    @classmethod
    def _provider(cls, url: str) -> str:
        parts = urlsplit(url)
        safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
        if url and (not safe or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc):
            raise ValueError("must be an https address (http on loopback only) without query and user")
        return url

    @field_validator("oidc_algorithms")
    @classmethod
    def _key_pairs(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names or not set(names) <= set(SIGNATURES):
            raise ValueError(f"must be of {', '.join(SIGNATURES)}")
        return names

    @field_validator("oidc_roles")
    @classmethod
    def _our_roles(cls, roles: dict[str, str]) -> dict[str, str]:
        if not set(roles.values()) <= set(ROLES[1:]):
            raise ValueError(f"must lead to {', '.join(ROLES[1:])}")
        return roles

    @field_validator("oidc_audience")
    @classmethod
    def _audience(cls, audience: str, info: ValidationInfo) -> str:
        if info.data.get("oidc_issuer") and not audience:
            raise ValueError("must say whom the tokens of GRIDMAP_OIDC_ISSUER are made for")
        return audience

    @model_validator(mode="after")
    def _loopback(self) -> Settings:
        if not self.trusted_network and not is_loopback(self.host):
            raise ValueError(
                f"host {self.host!r} is not a loopback address; set GRIDMAP_TRUSTED_NETWORK=yes only "
                "where nobody can listen, or behind a proxy with HTTPS: keys travel as they are"
            )
        return self


def read_settings(**overrides: object) -> Settings:
    """The settings from the environment, a command's own options over them; InvalidInput names what is wrong.

    A value that may hold a password is not shown.
    """
    given = {**_from_files(), **{name: value for name, value in overrides.items() if value is not None}}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except SettingsError as error:
        name = re.search(r'field "(\w+)"', str(error))
        field = "settings" if name is None else name[1]
        raise InvalidInput(f"GRIDMAP_{field.upper()}", "…", "must be JSON") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = "_".join(str(part) for part in first["loc"])
        # what breaks a rule between settings has all of them for its value
        shown = "…" if not field or field in SECRETS else first.get("input", "")
        raise InvalidInput(f"GRIDMAP_{(field or 'host').upper()}", shown, first["msg"]) from None


def _from_files() -> dict[str, object]:
    """The secrets that stand in files: container platforms hand them over so, and no process list shows them."""
    found: dict[str, object] = {}
    for name in SECRETS:
        variable = f"GRIDMAP_{name.upper()}"
        path = os.environ.get(f"{variable}_FILE")
        if path is None:
            continue
        if variable in os.environ:
            raise InvalidInput(f"{variable}_FILE", path, f"must not be set beside {variable}")
        try:
            found[name] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{variable}_FILE", path, f"must name a file that can be read ({error})") from None
    return found
