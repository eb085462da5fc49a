"""Sessions of the pages, as the workers know them. Pure: imports ``model``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gridmap.model import Actor


@dataclass(frozen=True, slots=True)
class Session:
    """One log-in: the hash of its cookie, who it is, with which key, when it was last seen and when it ends.

    ``key_sha256`` is None for whoever came by the provider of tokens.
    """

    sha256: str
    actor: Actor
    key_sha256: str | None
    seen_at: datetime
    expires_at: datetime
