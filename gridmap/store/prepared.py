"""Statements that every connection plans once. Imports nothing of GridMap.

Planning the statement of a tile takes longer than running it where a tile is small. PostgreSQL would go on
planning it for each tile, since it guesses at more rows without the values: so it is told to keep the plan.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

_PLACE = re.compile(r"(?<![:\w]):([a-z]\w*)")


class Prepared:
    """A statement with places like ``:side``, planned once by each connection that runs it."""

    def __init__(self, name: str, sql: str, types: Mapping[str, str]) -> None:
        """``name`` is the statement's own in its session; ``types`` has the type of each place, perhaps more."""
        self._name = name
        self.places = tuple(dict.fromkeys(_PLACE.findall(sql)))
        numbers = {place: f"${number}" for number, place in enumerate(self.places, 1)}
        kinds = ", ".join(types[place] for place in self.places)
        self._prepare = f"PREPARE {name} ({kinds}) AS {_PLACE.sub(lambda found: numbers[found[1]], sql)}"
        values = ", ".join(f"%({place})s" for place in self.places)
        self._execute = f"SET LOCAL plan_cache_mode = force_generic_plan; EXECUTE {name} ({values})"

    def rows(self, connection: Connection, values: Mapping[str, object]) -> Sequence[Any]:
        """Its rows for these values, of which there may be more than it has places."""
        known = connection.info.setdefault("prepared", {})
        if known.get(self._name) != self._prepare:
            if self._name in known:
                connection.exec_driver_sql(f"DEALLOCATE {self._name}")
            connection.exec_driver_sql(self._prepare)
            known[self._name] = self._prepare
        chosen = {place: values[place] for place in self.places}
        return connection.exec_driver_sql(self._execute, chosen).all()
