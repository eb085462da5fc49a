"""Sessions of the pages, as the workers know them. Pure: imports ``model``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Sessions:
    """All sessions by their hash, at one version of the table."""

    version: int | None = None
    by_hash: Mapping[str, Session] = field(default_factory=dict)
