"""The one city that a database holds: its settings."""

from __future__ import annotations

from pydantic import TypeAdapter
from sqlalchemy import Connection, insert, select, text, update

from gridmap.errors import NotFound
from gridmap.model import City
from gridmap.store import tables

_settings = TypeAdapter(City)

# Workers hold the settings with the grid, and read both anew when the grid's version rises.
_RAISE = text("UPDATE data_version SET version = version + 1 WHERE part = 'grid'")


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


def update_city(connection: Connection, city: City) -> None:
    """Put other settings in place of the city's, and let all workers read them."""
    connection.execute(update(tables.city).values(settings=_settings.dump_python(city, mode="json")))
    connection.execute(_RAISE)
