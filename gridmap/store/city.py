"""The one city that a database holds: its settings."""

from __future__ import annotations

from pydantic import TypeAdapter
from sqlalchemy import Connection, insert, select

from gridmap.errors import NotFound
from gridmap.model import City
from gridmap.store import tables

_settings = TypeAdapter(City)


def write_city(connection: Connection, city: City) -> None:
    """Put the city into an empty database; RuleBroken when one is there already."""
    settings = _settings.dump_python(city, mode="json")
    connection.execute(insert(tables.city).values(code=city.code, settings=settings))


def find_city(connection: Connection) -> City | None:
    """The city's settings, None in a database without one."""
    settings = connection.execute(select(tables.city.c.settings)).scalar_one_or_none()
    return None if settings is None else _settings.validate_python(settings, strict=False)


def read_city(connection: Connection) -> City:
    """The city's settings; NotFound in a database without one."""
    city = find_city(connection)
    if city is None:
        raise NotFound("this database holds no city yet: run gridmap init CITY.toml or gridmap load CITY.toml")
    return city
