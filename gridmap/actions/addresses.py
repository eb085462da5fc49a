"""Keeping the addresses in step with what they are made from."""

from __future__ import annotations

from collections.abc import Sequence

from gridmap.store.addresses import rebuild_addresses, replace_aliases
from gridmap.store.database import Connection

# (alias, name it stands for, note), as the city's file of other names has them.
Alias = tuple[str, str, str]


def refresh_addresses(connection: Connection, aliases: Sequence[Alias] | None = None) -> dict[str, int]:
    """Make the addresses anew in the transaction of a load that changed streets, buildings, places or areas.

    ``aliases`` replace the other names known so far; None keeps them. Returns how many addresses of each kind
    there are. Part of a load, which has asked for the actor's right already.
    """
    if aliases is not None:
        replace_aliases(connection, aliases)
    return rebuild_addresses(connection)
