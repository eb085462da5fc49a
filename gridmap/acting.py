"""From where somebody acts: an address, or a user of the machine. Set once where a request or command comes in.

Actions never see a request; what they write carries this into the trace. Pure; imports nothing of GridMap.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_from: ContextVar[str | None] = ContextVar("gridmap_acting_from", default=None)


def acting_from() -> str | None:
    """From where whoever acts now does so, None when nobody said."""
    return _from.get()


@contextmanager
def coming_from(origin: str | None) -> Iterator[None]:
    """All that is done within comes from ``origin``."""
    token = _from.set(origin)
    try:
        yield
    finally:
        _from.reset(token)
