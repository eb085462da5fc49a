"""How many requests one key or one address may make: a bucket of tokens for each, in this worker's memory.

Of the libraries that count without a server of their own, the best kept (``limits``) took 64 µs a request, and
milliseconds with 200,000 addresses seen: longer than a look-up takes. Imports nothing of ours but settings.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Callable
from functools import lru_cache

from cachetools import LRUCache

from gridmap.settings import Settings

# Whoever is not among the last so many begins with a full bucket again.
_MOST_OWNERS = 100_000
# A provider gives each of its customers at least so much of IPv6.
_IPV6_PREFIX = 64


class Buckets:
    """A bucket for each owner: it holds a minute's worth of requests and fills evenly."""

    def __init__(self, a_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(a_minute)
        self._per_second = a_minute / 60
        self._clock = clock
        self._left: LRUCache[str, tuple[float, float]] = LRUCache(_MOST_OWNERS)

    def take(self, owner: str) -> int | None:
        """None when the owner may go on; else in how many seconds the next request may come."""
        if self._most == 0:
            return None
        now = self._clock()
        left, at = self._left.get(owner, (self._most, now))
        left = min(self._most, left + (now - at) * self._per_second)
        if left < 1:
            self._left[owner] = (left, now)
            return max(1, math.ceil((1 - left) / self._per_second))
        self._left[owner] = (left - 1, now)
        return None


class Rates:
    """The buckets of one worker, by what is asked for: a flood of the one leaves the others full."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.look_ups = Buckets(settings.rate_look_ups, clock)
        self.tiles = Buckets(settings.rate_tiles, clock)
        self.heavy = Buckets(settings.rate_heavy, clock)
        self._of_address = Buckets(settings.rate_address, clock)
        self._of_key = Buckets(settings.rate_key, clock)

    def others(self, owner: str) -> Buckets:
        """Those of all other requests."""
        return self._of_key if owner.startswith(KEY) else self._of_address


KEY = "key "


@lru_cache(maxsize=_MOST_OWNERS)
def owner_of_address(host: str | None) -> str | None:
    """Whose bucket an address takes from; None for this machine itself, which is not limited.

    A socket file has no address. An IPv6 customer has a whole network, so that counts as one.
    """
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            network = ipaddress.ip_network((address, _IPV6_PREFIX), strict=False)
            return None if address.is_loopback else str(network)
        address = address.ipv4_mapped
    return None if address.is_loopback else str(address)
