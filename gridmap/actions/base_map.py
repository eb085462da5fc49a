"""Setting a city's base map."""

from __future__ import annotations

from dataclasses import replace

from gridmap.access import Action, require
from gridmap.model import Actor, BaseMap, City
from gridmap.store.city import read_city, update_city
from gridmap.store.database import Database


def set_base_map(database: Database, actor: Actor, base_map: BaseMap | None) -> City:
    """Put a base map under the styles, or None: take it away. NotFound in a database without a city."""
    require(actor, Action.START_CITY)
    with database.begin(actor) as connection:
        city = replace(read_city(connection), base_map=base_map)
        update_city(connection, city)
    return city
