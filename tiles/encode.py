"""A tile as it is sent: compressed once for each encoding that is asked for. Imports only ``errors``."""

from __future__ import annotations

import gzip
import hashlib
import struct
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import brotli

from gridmap.errors import Unavailable

Encoding = Literal["br", "gzip", "identity"]

# Coordinates hardly repeat. Of 534 kB gzip's level 1 makes 224 kB in 6 ms, 6 makes 211 kB in 17; brotli's 3 makes
# 205 kB in 4 ms, 5 makes 187 kB in 12. Whoever waits for a tile gets the quick ones, what is baked has time.
_BROTLI_QUALITY = 3
_QUICK_GZIP, _BAKED_GZIP = 1, 6
_HEAD = struct.Struct("<4sII")
_MAGIC = b"GMT1"
_DIGEST = 16


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile's bytes by gzip, brotli or both, and its tag: a hash of what they hold. An empty one has neither."""

    tag: str
    gzip: bytes = b""
    brotli: bytes = b""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self.gzip and not self.brotli

    def has(self, encoding: Encoding) -> bool:
        """Whether it can be sent under an encoding without compressing it."""
        return self.empty or encoding == "identity" or bool(self.brotli if encoding == "br" else self.gzip)

    def body(self, encoding: Encoding) -> bytes:
        """What is sent under an encoding that it has."""
        if encoding == "br":
            return self.brotli
        if encoding == "gzip":
            return self.gzip
        return self._content()

    def adding(self, encoding: Encoding) -> Tile:
        """The same with one more encoding."""
        if self.has(encoding):
            return self
        if encoding == "br":
            return replace(self, brotli=brotli.compress(self._content(), quality=_BROTLI_QUALITY))
        return replace(self, gzip=zip_tile(self._content()))

    def _content(self) -> bytes:
        if self.gzip:
            return gzip.decompress(self.gzip)
        return bytes(brotli.decompress(self.brotli)) if self.brotli else b""


EMPTY = Tile("empty")


def encoded(content: bytes, encoding: Encoding) -> Tile:
    """The tile of these bytes under one encoding; by gzip for whoever takes none."""
    if not content:
        return EMPTY
    tag = _tag(content)
    if encoding == "br":
        return Tile(tag, brotli=brotli.compress(content, quality=_BROTLI_QUALITY))
    return Tile(tag, gzip=zip_tile(content))


def unpacked(zipped: bytes) -> Tile:
    """The tile of bytes by :func:`zip_tile`, of none for b""."""
    return Tile(_tag(gzip.decompress(zipped)), gzip=zipped) if zipped else EMPTY


def _tag(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGEST]


def zip_tile(content: bytes, *, baked: bool = False) -> bytes:
    """gzip without a time: the same bytes for the same tile; for one that is ``baked`` it may take longer."""
    return gzip.compress(content, _BAKED_GZIP if baked else _QUICK_GZIP, mtime=0)


def to_file(tile: Tile) -> bytes:
    """A tile as one file, with a hash by which a damaged one is noticed."""
    rest = tile.tag.encode().ljust(_DIGEST) + tile.gzip + tile.brotli
    head = _HEAD.pack(_MAGIC, len(tile.gzip), len(tile.brotli))
    return head + hashlib.sha256(head + rest).digest()[:_DIGEST] + rest


def from_file(content: bytes) -> Tile:
    """The tile of a file; Unavailable when it is not what was written."""
    try:
        head, digest, rest = (
            content[: _HEAD.size],
            content[_HEAD.size :][:_DIGEST],
            content[_HEAD.size + _DIGEST :],
        )
        magic, zipped, squeezed = _HEAD.unpack(head)
    except struct.error as error:
        raise Unavailable("a kept tile is cut off") from error
    if magic != _MAGIC or hashlib.sha256(head + rest).digest()[:_DIGEST] != digest:
        raise Unavailable("a kept tile is damaged")
    tag, bodies = rest[:_DIGEST].decode().rstrip(), rest[_DIGEST:]
    return Tile(tag, bodies[:zipped], bodies[zipped : zipped + squeezed])


@lru_cache(maxsize=256)
def chosen(accepted: str) -> Encoding:
    """The encoding to send for an ``Accept-Encoding``: brotli before gzip before none.

    >>> chosen("gzip, deflate, br"), chosen("gzip;q=0.5, br;q=0"), chosen(""), chosen("*")
    ('br', 'gzip', 'identity', 'br')
    """
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        weights[name.strip()] = _weight(weight)
    rest = weights.get("*", 0.0)
    for encoding, name in (("br", "br"), ("gzip", "gzip")):
        if weights.get(name, rest) > 0:
            return encoding  # type: ignore[return-value]
    return "identity"


def _weight(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
