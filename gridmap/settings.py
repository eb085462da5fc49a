"""The settings, from environment variables with the prefix ``GRIDMAP_``; built at entry points only."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gridmap.errors import InvalidInput


class Settings(BaseSettings):
    """Each field is the variable ``GRIDMAP_<NAME>``; its description is what the README says."""

    model_config = SettingsConfigDict(env_prefix="GRIDMAP_", frozen=True, extra="ignore")

    database_url: str | None = Field(
        None, description="address of a PostGIS database; unset, GridMap runs a private cluster of its own"
    )
    home: Path | None = Field(
        None, description="folder for the private cluster, snapshots and keys; unset, one per checkout and user"
    )
    city: str = Field("demo", description="which city's database to use: one database holds one city")
    host: str = Field("127.0.0.1", description="address to listen on; only loopback until access rules come")
    port: int = Field(8000, ge=1, le=65535, description="port to listen on; gridmap demo takes the next free one")
    public_url: str = Field("", description="address under which clients reach the service, perhaps with a path")
    event_clients: int = Field(
        1000, ge=1, le=100_000, description="how many clients may follow GET /v1/events in one worker at a time"
    )
    workers: int = Field(1, ge=1, le=64, description="processes that answer; they share the grid's memory")
    trusted_network: bool = Field(
        False, description="yes allows a host other than loopback, where something else keeps strangers out"
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

    @model_validator(mode="after")
    def _loopback(self) -> Settings:
        if not self.trusted_network and not _is_loopback(self.host):
            raise ValueError(
                f"host {self.host!r} is not a loopback address; set GRIDMAP_TRUSTED_NETWORK=yes only where "
                "something else keeps strangers out"
            )
        return self


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_settings(**overrides: object) -> Settings:
    """The settings from the environment, a command's own options over them; InvalidInput names what is wrong."""
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        field = "_".join(str(part) for part in first["loc"]) or "host"
        raise InvalidInput(f"GRIDMAP_{field.upper()}", first.get("input", ""), first["msg"]) from error
